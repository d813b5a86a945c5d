"""Taking a stage down: the code always, the data only when asked twice."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.deploying import mappings
from infra.deploying.console import Stop, line
from infra.deploying.stacks import Stacks
from infra.deploying.stage import APP, Stage

KEY_DAYS = 30
"""How long a KMS key that is to be deleted can still be had back."""

_RULE = "-event"

_GONE = (
    "ResourceNotFoundException",
    "NotFoundException",
    "KMSInvalidStateException",
    "NoSuchBucket",
    "NoSuchEntity",
)
"""What AWS says of a thing that is not there any more, or on its way out."""


def check_policies(iam: Any, stage: Stage, outputs: Mapping[str, str]) -> None:
    """Stop where somebody holds a managed policy of the stage: CloudFormation deletes no such one.

    The stage's own roles may hold it; they go first.
    """
    for name, arn in outputs.items():
        if not name.endswith("PolicyArn"):
            continue
        holders = _holders(iam, arn, stage)
        if holders:
            raise Stop(
                f"{', '.join(holders)} still {'has' if len(holders) == 1 else 'have'} the policy "
                f"{arn}: detach it there, then run the same again; nothing was touched."
            )


def _holders(iam: Any, policy: str, stage: Stage) -> list[str]:
    pages = iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=policy)
    holders: list[str] = []
    found = list[dict[str, Any]]()
    _unless_gone(lambda: found.extend(pages))
    for page in found:
        holders += [f"user {one['UserName']}" for one in page["PolicyUsers"]]
        holders += [f"group {one['GroupName']}" for one in page["PolicyGroups"]]
        roles = (one["RoleName"] for one in page["PolicyRoles"])
        holders += [f"role {role}" for role in roles if not role.startswith(f"{stage.stack}-")]
    return holders


def remove_code(session: Any, stage: Stage, functions: list[str], api: str | None) -> None:
    """Delete API, schedules, stream mappings and functions; harmless where they are gone."""
    gateway, functions_api, events = (
        session.client(name) for name in ("apigateway", "lambda", "events")
    )
    if api is not None:
        gateway.delete_rest_api(restApiId=api)
        line(f"API          {api} deleted")
    for name in functions:
        function = stage.function(name)
        rule = f"{function}{_RULE}"
        _unless_gone(lambda rule=rule: _remove_rule(events, rule))
        for mapping in mappings.of_function(functions_api, function):
            mappings.remove(functions_api, mapping)
        if _unless_gone(lambda function=function: functions_api.delete_function(FunctionName=function)):
            line(f"function     {function} deleted")


def remove_data(session: Any, stage: Stage, stacks: Stacks) -> None:
    """Delete the tables and let the key be deleted in 30 days. There is no way back but backups.

    The stack that names them goes last, so that a cut-off run can be taken again.
    """
    outputs = stacks.outputs(stage.data_stack) or {}
    for table in (value for name, value in outputs.items() if name.endswith("Table")):
        _delete_table(session.client("dynamodb"), table)
        line(f"table        {table} deleted")
    if "KmsKey" in outputs:
        kms, key = session.client("kms"), outputs["KmsKey"].rpartition("/")[2]
        _unless_gone(lambda: kms.delete_alias(AliasName=f"alias/{APP}-{stage.name}"))
        _unless_gone(lambda: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=KEY_DAYS))
        line(f"key          {key} will be deleted in {KEY_DAYS} days")
    if "InvocationRecord" in outputs:
        _delete_bucket(session.client("s3"), outputs["InvocationRecord"])
    stacks.remove(stage.data_stack)


def _delete_table(dynamodb: Any, table: str) -> None:
    unprotect = {"TableName": table, "DeletionProtectionEnabled": False}
    if _unless_gone(lambda: dynamodb.update_table(**unprotect)):
        dynamodb.get_waiter("table_exists").wait(TableName=table)
        dynamodb.delete_table(TableName=table)
        dynamodb.get_waiter("table_not_exists").wait(TableName=table)


def _delete_bucket(s3: Any, bucket: str) -> None:
    """Delete the record of invocations where it is empty: what it holds is not ours to throw away."""
    try:
        _unless_gone(lambda: s3.delete_bucket(Bucket=bucket))
        line(f"bucket       {bucket} deleted")
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketNotEmpty":
            raise
        line(f"kept         {bucket}: the record of who invoked the support functions;")
        line("             empty and delete it before this stage is deployed anew")


def _remove_rule(events: Any, rule: str) -> None:
    targets = events.list_targets_by_rule(Rule=rule)["Targets"]
    if targets:
        events.remove_targets(Rule=rule, Ids=[target["Id"] for target in targets])
    events.delete_rule(Name=rule)


def _unless_gone(call: Any) -> bool:
    """Whether there still was something for the call to act on."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return False
        raise
    return True
