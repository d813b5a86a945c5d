"""What stands in the way of creating the data stack: the leavings of an earlier attempt, or of a stage.

CloudFormation takes a first creation that fails back by itself, but not a table that is protected
from deletion; and once that has held it up, deleting the stack keeps whatever else it has made. So
that is deleted here, by name: nothing but what the failed attempt itself made, and of tables only
those that nobody has written to.
"""

from typing import Any

from botocore.exceptions import ClientError

from infra.deploying import destroy
from infra.deploying.console import Stop, line
from infra.deploying.stacks import Made, Stacks
from infra.deploying.stage import Stage

RECORD_THERE = "InvocationRecordThere"
"""The parameter that says whether the data stack makes the bucket or finds it."""


def make_room(session: Any, stage: Stage, stacks: Stacks, account: str) -> dict[str, str]:
    """Make room for the data stack, where it is to be created; what it is to be told.

    Stop where that might cost data.
    """
    gone = clear(session, stage, stacks)
    if gone is None:
        return {RECORD_THERE: stacks.parameters(stage.data_stack).get(RECORD_THERE, "no")}
    check_free(session, stage, gone)
    bucket = stage.invocation_record(account)
    found = bucket not in gone and _has_record(session.client("s3"), bucket, account)
    return {RECORD_THERE: "yes" if found else "no"}


def clear(session: Any, stage: Stage, stacks: Stacks) -> set[str] | None:
    """Delete what a failed creation made; the names of what is gone, which AWS may show for a while yet.

    None where the data stack is there and would be updated. Stop where a table of it holds anything.
    """
    left = stacks.left_by_creation(stage.data_stack)
    if left is None:
        return None
    _check_unused(session.client("dynamodb"), stage, left)
    return {made.name for made in reversed(left) if _delete(session, made)}


def _check_unused(dynamodb: Any, stage: Stage, left: list[Made]) -> None:
    """Stop where a table of the attempt holds anything, before anything is deleted."""
    for made in left:
        if made.kind == "AWS::DynamoDB::Table" and _has_items(dynamodb, made.name):
            raise Stop(
                f"{stage.data_stack} was never finished, and yet {made.name} holds items: nothing was "
                "touched; back the table up and delete it, then run the same again."
            )


def _has_items(dynamodb: Any, table: str) -> bool:
    """Whether a table holds anything; they are counted, not looked at."""
    try:
        counted = dynamodb.scan(TableName=table, Select="COUNT", Limit=1, ConsistentRead=True)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return False
        raise
    return bool(counted["Count"])


def _delete(session: Any, made: Made) -> bool:
    """Delete what an attempt made; whether it is gone, as a bucket that holds anything is not."""
    if made.kind == "AWS::DynamoDB::Table":
        destroy.delete_table(session.client("dynamodb"), made.name)
    elif made.kind == "AWS::KMS::Alias":
        destroy.delete_alias(session.client("kms"), made.name)
    elif made.kind == "AWS::KMS::Key":
        destroy.let_key_go(session.client("kms"), made.name)
    elif made.kind == "AWS::S3::Bucket":
        return destroy.delete_bucket(session.client("s3"), made.name)
    elif made.kind == "AWS::IAM::Role":
        destroy.delete_role(session.client("iam"), made.name)
    else:
        # A bucket's policy has the bucket's name, and goes with it.
        return False
    return True


def check_free(session: Any, stage: Stage, gone: set[str]) -> None:
    """Stop where a name is taken that the stack would need: CloudFormation says so half-way."""
    dynamodb, kms = session.client("dynamodb"), session.client("kms")
    taken = [
        name
        for name in stage.tables
        if destroy.unless_gone(lambda t=name: dynamodb.describe_table(TableName=t))
    ]
    if stage.key_alias not in gone and destroy.unless_gone(
        lambda: kms.describe_key(KeyId=stage.key_alias)
    ):
        taken.append(stage.key_alias)
    if taken:
        raise Stop(
            f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} there, but not the stack "
            f"{stage.data_stack} that they belong to: docs/operations.md says how to bring them back."
        )


def _has_record(s3: Any, bucket: str, account: str) -> bool:
    """Whether an earlier life of the stage has left its record of invocations; nobody else's counts."""
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            return False
        raise
    line(f"found        {bucket}: the record of invocations goes on in there")
    return True
