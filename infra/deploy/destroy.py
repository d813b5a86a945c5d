"""Removing a stage: the service always, the data only if that is asked for and confirmed."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.console import Stop, line
from infra.deploy.stacks import Stacks
from infra.deploy.stage import Stage

KEY_DAYS = 30
"""Days in which the deletion of a KMS key can be cancelled."""

_GONE = ("ResourceNotFoundException", "NotFoundException", "KMSInvalidStateException", "NoSuchBucket")
"""Error codes of a resource that does not exist any more, or is being deleted."""


def remove_service(stacks: Stacks, stage: Stage) -> None:
    """Delete the edge and the service; the data and the roles stay."""
    removed = [stacks.remove(stage.stack_of(name)) for name in ("edge", "service")]
    if not any(removed):
        line(f"{stage.stack}: not there")


def remove_data(session: Any, stage: Stage, stacks: Stacks) -> None:
    """Delete roles, tables and artefacts, and have the KMS key deleted in 30 days.

    The stack that names the tables is deleted last, so that a run that was cut off can be repeated.
    The bucket of the record of invocations stays.
    """
    for name in ("bootstrap", "data"):
        if stacks.describe(stage.stack_of(name)) is not None:
            stacks.protect(stage.stack_of(name), protected=False)
    stacks.remove(stage.stack_of("bootstrap"))
    outputs = stacks.outputs(stage.stack_of("data")) or {}
    for name, value in outputs.items():
        if name.endswith("Table"):
            _delete_table(session.client("dynamodb"), value)
    if "KmsKey" in outputs:
        kms = session.client("kms")
        _unless_gone(lambda: kms.delete_alias(AliasName=f"alias/{stage.stack}"))
        _unless_gone(
            lambda: kms.schedule_key_deletion(KeyId=outputs["KmsKey"], PendingWindowInDays=KEY_DAYS)
        )
        line(f"key          {outputs['KmsKey'].rpartition('/')[2]} will be deleted in {KEY_DAYS} days")
    if "ArtefactBucket" in outputs:
        _delete_bucket(session.client("s3"), outputs["ArtefactBucket"])
    stacks.remove(stage.stack_of("data"))


def check_policies(iam: Any, stage: Stage, outputs: dict[str, str]) -> None:
    """Raise Stop if a policy of the stage is attached: CloudFormation cannot delete it then."""
    for name, arn in outputs.items():
        if name.endswith("PolicyArn") and (holders := _holders(iam, arn, stage)):
            raise Stop(
                f"{', '.join(holders)} {'has' if len(holders) == 1 else 'have'} the policy {arn}: detach it, "
                "then run the same again. Nothing was changed."
            )


def _holders(iam: Any, policy: str, stage: Stage) -> list[str]:
    found: list[str] = []
    for page in iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=policy):
        found += [f"user {one['UserName']}" for one in page["PolicyUsers"]]
        found += [f"group {one['GroupName']}" for one in page["PolicyGroups"]]
        roles = (one["RoleName"] for one in page["PolicyRoles"])
        found += [f"role {role}" for role in roles if not role.startswith(f"{stage.stack}-")]
    return found


def _delete_table(dynamodb: Any, table: str) -> None:
    unprotected = {"TableName": table, "DeletionProtectionEnabled": False}
    if _unless_gone(lambda: dynamodb.update_table(**unprotected)):
        dynamodb.get_waiter("table_exists").wait(TableName=table)
        dynamodb.delete_table(TableName=table)
        dynamodb.get_waiter("table_not_exists").wait(TableName=table)
    line(f"table        {table} deleted")


def _delete_bucket(s3: Any, bucket: str) -> None:
    """Delete a bucket and every version of its objects."""
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if versions:
                objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in versions]
                s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        s3.delete_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise
    line(f"bucket       {bucket} deleted")


def _unless_gone(call: Callable[[], object]) -> bool:
    """Call, and return False if the resource is gone."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return False
        raise
    return True
