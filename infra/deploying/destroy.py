"""Taking a stage down: the code always, the data only when asked twice."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.deploying import mappings
from infra.deploying.console import Stop, line
from infra.deploying.stacks import Stacks
from infra.deploying.stage import Stage

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
    unless_gone(lambda: found.extend(pages))
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
        unless_gone(lambda rule=rule: _remove_rule(events, rule))
        for mapping in mappings.of_function(functions_api, function):
            mappings.remove(functions_api, mapping)
        if unless_gone(lambda function=function: functions_api.delete_function(FunctionName=function)):
            line(f"function     {function} deleted")


def remove_data(session: Any, stage: Stage, stacks: Stacks) -> None:
    """Delete the tables and let the key be deleted in 30 days. There is no way back but backups.

    The stack that names them goes last, so that a cut-off run can be taken again.
    """
    outputs = stacks.outputs(stage.data_stack) or {}
    for table in (value for name, value in outputs.items() if name.endswith("Table")):
        delete_table(session.client("dynamodb"), table)
    if "KmsKey" in outputs:
        kms = session.client("kms")
        delete_alias(kms, stage.key_alias)
        let_key_go(kms, outputs["KmsKey"].rpartition("/")[2])
    if "InvocationRecord" in outputs:
        delete_bucket(session.client("s3"), outputs["InvocationRecord"])
    stacks.remove(stage.data_stack)


def delete_table(dynamodb: Any, table: str) -> None:
    """Delete a table that is protected from that; harmless where it is gone."""
    unprotect = {"TableName": table, "DeletionProtectionEnabled": False}
    if unless_gone(lambda: dynamodb.update_table(**unprotect)):
        dynamodb.get_waiter("table_exists").wait(TableName=table)
        dynamodb.delete_table(TableName=table)
        dynamodb.get_waiter("table_not_exists").wait(TableName=table)
    line(f"table        {table} deleted")


def delete_alias(kms: Any, alias: str) -> None:
    """Delete a key's alias; harmless where it is gone."""
    unless_gone(lambda: kms.delete_alias(AliasName=alias))


def let_key_go(kms: Any, key: str) -> None:
    """Have a key deleted in 30 days; harmless where that is so already."""
    unless_gone(lambda: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=KEY_DAYS))
    line(f"key          {key} will be deleted in {KEY_DAYS} days")


def delete_bucket(s3: Any, bucket: str) -> bool:
    """Delete the record of invocations where it is empty; whether it is gone.

    What it holds is not ours to throw away.
    """
    try:
        unless_gone(lambda: s3.delete_bucket(Bucket=bucket))
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketNotEmpty":
            raise
        line(f"kept         {bucket}: the record of who invoked the support functions;")
        line("             where this stage is deployed anew, it goes on in there")
        return False
    line(f"bucket       {bucket} deleted")
    return True


def delete_role(iam: Any, role: str) -> None:
    """Delete a role that holds no managed policy; harmless where it is gone."""
    own = list[str]()
    if unless_gone(lambda: own.extend(iam.list_role_policies(RoleName=role)["PolicyNames"])):
        for policy in own:
            iam.delete_role_policy(RoleName=role, PolicyName=policy)
        iam.delete_role(RoleName=role)
    line(f"role         {role} deleted")


def _remove_rule(events: Any, rule: str) -> None:
    targets = events.list_targets_by_rule(Rule=rule)["Targets"]
    if targets:
        events.remove_targets(Rule=rule, Ids=[target["Id"] for target in targets])
    events.delete_rule(Name=rule)


def unless_gone(call: Any) -> bool:
    """Whether there still was something for the call to act on."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return False
        raise
    return True
