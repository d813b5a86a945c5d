"""What stands in the way of the data stack: deleted where that costs nothing, else told of."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID

from infra import deploy
from infra.deploying import unfinished
from infra.deploying.console import Stop
from infra.deploying.stacks import Made, Stacks
from infra.deploying.stage import Stage
from tests.deployment.conftest import Cloud
from tests.templates import resources

BINDINGS, AUDIT = "totp-binding-trial-bindings", "totp-binding-trial-audit"
ALIAS = "alias/totp-binding-trial"
RECORD = f"totp-binding-trial-invocations-{DEFAULT_ACCOUNT_ID}-us-east-1"
ROLE = "totp-binding-trial-data-ApiGatewayLogsRole-1"


class Left(Stacks):
    """The stack of an attempt that has left this; with None, one that is there."""

    def __init__(self, left: list[Made] | None, **parameters: str) -> None:
        self._left = left
        self._parameters = parameters

    def left_by_creation(self, name: str) -> list[Made] | None:
        assert name == "totp-binding-trial-data"
        return self._left

    def parameters(self, name: str) -> dict[str, str]:
        return self._parameters


@pytest.fixture
def make_room(stage: Stage) -> Callable[..., str]:
    """Makes room, and says whether the bucket is there."""
    session: Any = boto3.Session(region_name="us-east-1")

    def make(left: list[Made] | None) -> str:
        return unfinished.make_room(session, stage, Left(left), DEFAULT_ACCOUNT_ID)[
            "InvocationRecordThere"
        ]

    return make


@pytest.fixture
def make_table(aws: dict[str, str]) -> Iterator[Callable[[str], Made]]:
    """Makes tables that are protected from deletion."""
    dynamodb = boto3.client("dynamodb")

    def make(name: str) -> Made:
        dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "account", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "account", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            DeletionProtectionEnabled=True,
        )
        return Made("AWS::DynamoDB::Table", name)

    yield make
    for name in tables():
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName=name)


def tables() -> list[str]:
    return [
        name
        for name in boto3.client("dynamodb").list_tables()["TableNames"]
        if name.startswith("totp-binding-trial-")
    ]


def aliases() -> list[str]:
    return [one["AliasName"] for one in boto3.client("kms").list_aliases()["Aliases"]]


@pytest.fixture
def key(aws: dict[str, str]) -> Iterator[str]:
    """A key with the stage's alias."""
    kms = boto3.client("kms")
    made: str = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=ALIAS, TargetKeyId=made)
    yield made
    if ALIAS in aliases():
        kms.delete_alias(AliasName=ALIAS)


@pytest.fixture
def bucket(aws: dict[str, str]) -> Iterator[str]:
    """The bucket of the record of invocations."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=RECORD)
    yield RECORD
    for name in [one["Name"] for one in s3.list_buckets()["Buckets"] if one["Name"] == RECORD]:
        for item in s3.list_objects_v2(Bucket=name).get("Contents", []):
            s3.delete_object(Bucket=name, Key=item["Key"])
        s3.delete_bucket(Bucket=name)


def attempt(key: str, *more: Made) -> list[Made]:
    return [
        Made("AWS::KMS::Key", key),
        Made("AWS::KMS::Alias", ALIAS),
        Made("AWS::S3::Bucket", RECORD),
        Made("AWS::S3::BucketPolicy", RECORD),
        *more,
    ]


def test_all_that_a_failed_creation_left_is_deleted(
    key: str, bucket: str, make_table: Any, make_room: Any
):
    iam = boto3.client("iam")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")
    statement = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_role_policy(RoleName=ROLE, PolicyName="logs", PolicyDocument=json.dumps(document))
    left = attempt(key, Made("AWS::IAM::Role", ROLE), make_table(BINDINGS), make_table(AUDIT))
    assert make_room(left) == "no"
    assert tables() == []
    assert ALIAS not in aliases()
    assert boto3.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert RECORD not in [one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]]
    assert ROLE not in [one["RoleName"] for one in iam.list_roles()["Roles"]]
    assert make_room(left) == "no"


@pytest.fixture
def remove(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Takes a stage down whose data stack is not there; what was done about its data."""
    done = list[str]()
    monkeypatch.setattr(deploy.unfinished, "clear", lambda *given: done.append("clear"))
    monkeypatch.setattr(deploy.destroy, "remove_code", lambda *given: None)
    monkeypatch.setattr(deploy.destroy, "remove_data", lambda *given: done.append("stack"))
    monkeypatch.setattr(deploy.record, "entry_points", lambda told: [])
    for step in ("remove", "outputs"):
        monkeypatch.setattr(Left, step, lambda stacks, name: None)
    session: Any = boto3.Session(region_name="us-east-1")

    def take_down(*, with_data: bool) -> list[str]:
        deploy.remove(session, stage, Left([]), with_data=with_data)
        return done

    return take_down


def test_data_that_is_to_go_goes_whole_where_its_stack_was_never_finished(remove: Any):
    assert remove(with_data=False) == []
    assert remove(with_data=True) == ["clear", "stack"]


def test_data_that_no_stack_names_is_not_said_to_be_gone(remove: Any, make_table: Any):
    make_table(BINDINGS)
    with pytest.raises(Stop, match=f"{BINDINGS} is there, but not the stack"):
        remove(with_data=True)
    assert tables() == [BINDINGS]


def test_a_table_that_somebody_wrote_to_stops_it_before_anything_is_touched(
    key: str, bucket: str, make_table: Any, make_room: Any
):
    left = attempt(key, make_table(AUDIT), make_table(BINDINGS))
    boto3.client("dynamodb").put_item(TableName=BINDINGS, Item={"account": {"S": "88000001"}})
    with pytest.raises(Stop, match=f"{BINDINGS} holds items: nothing was touched"):
        make_room(left)
    assert tables() == [AUDIT, BINDINGS]
    assert ALIAS in aliases()
    assert boto3.client("dynamodb").describe_table(TableName=BINDINGS)["Table"][
        "DeletionProtectionEnabled"
    ]


def test_its_items_are_counted_and_not_read():
    cloud = Cloud(scan={"Count": 1})
    with pytest.raises(Stop, match="holds items"):
        unfinished.make_room(cloud, Stage("trial"), Left([Made("AWS::DynamoDB::Table", "t")]), "1")
    [(_, asked)] = cloud.calls
    assert asked["Select"] == "COUNT"
    assert asked["ConsistentRead"]


def test_what_no_attempt_made_stops_it_and_is_left_alone(key: str, make_table: Any, make_room: Any):
    make_table(BINDINGS)
    with pytest.raises(Stop, match=f"{BINDINGS}, {ALIAS} are there, but not the stack .*-data that"):
        make_room([])
    assert tables() == [BINDINGS]
    assert ALIAS in aliases()


def test_a_record_that_an_earlier_life_left_goes_on(bucket: str, make_room: Any):
    boto3.client("s3").put_object(Bucket=bucket, Key="AWSLogs/1.json.gz", Body=b"who")
    assert make_room([]) == "yes"
    assert make_room([Made("AWS::S3::Bucket", bucket)]) == "yes"


def test_what_was_just_deleted_is_gone_though_aws_may_show_it_for_a_while(stage: Stage):
    missing = ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeTable")
    deletions = {"delete_alias": {}, "schedule_key_deletion": {}, "delete_bucket": {}}
    shown = {"describe_key": {}, "head_bucket": {}, "describe_table": missing}
    left = Left(attempt("key-1"))
    found = unfinished.make_room(Cloud(**deletions, **shown), stage, left, DEFAULT_ACCOUNT_ID)
    assert found == {"InvocationRecordThere": "no"}


def test_a_bucket_of_another_account_is_not_taken_for_ours(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unfinished, "check_free", lambda *given: None)
    cloud = Cloud(head_bucket={})
    unfinished.make_room(cloud, Stage("trial", region="us-east-1"), Left([]), "123456789012")
    assert cloud.calls == [
        ("head_bucket", {"Bucket": RECORD, "ExpectedBucketOwner": "123456789012"}),
    ]


@pytest.mark.parametrize(("given", "told"), [({}, "no"), ({"InvocationRecordThere": "yes"}, "yes")])
def test_a_stack_that_is_there_is_told_the_same_again(given: dict[str, str], told: str):
    there = Left(None, **given)
    found = unfinished.make_room(Cloud(), Stage("trial"), there, DEFAULT_ACCOUNT_ID)
    assert found == {"InvocationRecordThere": told}


def test_the_tables_are_made_after_all_that_may_fail():
    template = resources("resources.yaml")
    others = {
        name
        for name, one in template.items()
        if one.get("DeletionPolicy") == "RetainExceptOnCreate" and not one["Type"].endswith("Table")
    }
    for one in template.values():
        if one["Type"] == "AWS::DynamoDB::Table":
            after = {*one["DependsOn"], one["Metadata"]["After"][1]}
            assert others - after == {"Key", "InvocationRecord", "WitnessBucket"}
    assert template["KeyAlias"]["Properties"]["TargetKeyId"] == "Key"
    assert template["InvocationRecordPolicy"]["Properties"]["Bucket"] == "InvocationRecord"
    assert template["WitnessBucketPolicy"]["Properties"]["Bucket"] == "WitnessBucket"


def test_the_names_looked_for_are_those_of_the_template(stage: Stage):
    template = resources("resources.yaml").values()
    named = {
        one["Properties"].get("TableName") or one["Properties"].get("AliasName")
        for one in template
        if one["Type"] in ("AWS::DynamoDB::Table", "AWS::KMS::Alias")
    }
    assert {name.replace("${Stage}", "trial") for name in named} == {*stage.tables, stage.key_alias}


def test_every_kind_that_the_stack_keeps_can_be_cleared_away(monkeypatch: pytest.MonkeyPatch):
    done = list[str]()
    for step in ("delete_table", "delete_alias", "let_key_go", "delete_bucket", "delete_role"):
        monkeypatch.setattr(unfinished.destroy, step, lambda client, name: done.append(name))
    kinds = {
        one["Type"]
        for one in resources("resources.yaml").values()
        if one.get("DeletionPolicy") == "RetainExceptOnCreate"
    }
    for kind in kinds:
        unfinished._delete(Cloud(), Made(kind, kind))
    # A bucket's policy goes with it.
    assert kinds - set(done) == {"AWS::S3::BucketPolicy"}
