"""Removing what is kept of a stage, once that is asked for and confirmed."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.console import line
from infra.deploy.stacks import Stacks
from infra.deploy.stage import Stage

KEY_DAYS = 30
"""Days in which the deletion of a KMS key can be cancelled."""

_GONE = ("ResourceNotFoundException", "NotFoundException", "KMSInvalidStateException", "NoSuchBucket")
"""Error codes of a resource that does not exist any more, or is being deleted."""


def remove_data(session: Any, stacks: Stacks, stage: Stage) -> None:
    """Delete roles, tables and artefacts, and have the KMS key deleted in 30 days.

    The stack that names them goes last, so that a run that was cut off can be repeated. The record of
    invocations stays.
    """
    for name in ("bootstrap", "data"):
        if stacks.describe(stage.stack_of(name)) is not None:
            stacks.protect(stage.stack_of(name), protected=False)
    # A policy that somebody still holds ends it here, before the data is touched.
    stacks.remove(stage.stack_of("bootstrap"))
    outputs = stacks.outputs(stage.stack_of("data")) or {}
    for table in (value for name, value in outputs.items() if name.endswith("Table")):
        _delete_table(session.client("dynamodb"), table)
    if outputs:
        kms, key = session.client("kms"), outputs["KmsKey"]
        _unless_gone(lambda: kms.delete_alias(AliasName=f"alias/{stage.stack}"))
        _unless_gone(lambda: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=KEY_DAYS))
        line(f"key          {key.rpartition('/')[2]} will be deleted in {KEY_DAYS} days")
        _unless_gone(lambda: _delete_bucket(session.client("s3"), outputs["ArtefactBucket"]))
    stacks.remove(stage.stack_of("data"))


def _delete_table(dynamodb: Any, table: str) -> None:
    unprotected = {"TableName": table, "DeletionProtectionEnabled": False}
    if _unless_gone(lambda: dynamodb.update_table(**unprotected)):
        dynamodb.get_waiter("table_exists").wait(TableName=table)
        dynamodb.delete_table(TableName=table)
        dynamodb.get_waiter("table_not_exists").wait(TableName=table)
    line(f"table        {table} deleted")


def _delete_bucket(s3: Any, bucket: str) -> None:
    """Delete a bucket and every version of its objects."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if objects := [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    s3.delete_bucket(Bucket=bucket)
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
