"""What the two stacks of a stage give to its functions."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra import deploy
from infra.deploying import destroy, stacks
from infra.deploying.console import Stop
from infra.deploying.stacks import Stacks
from infra.deploying.stage import Stage
from tests.deployment.conftest import Cloud

OUTPUTS = {"BindingsTable": "bindings", "KmsKey": "key", "BindingsStreamArn": "as it was created"}


class Given(Stacks):
    """Both stacks, with the outputs of the first."""

    def __init__(self) -> None:
        self.values: list[dict[str, str]] = []

    def put(self, name: str, template: Any, values: Any, *, keep: bool = False) -> dict[str, str]:
        self.values.append(dict(values))
        return OUTPUTS if keep else {"EventsTopic": "topic"}

    def left_by_creation(self, name: str) -> list[stacks.Made] | None:
        return None

    def parameters(self, name: str) -> dict[str, str]:
        return {"InvocationRecordThere": "yes"}


def test_the_stream_is_the_one_that_the_table_has_now():
    table = {"StreamSpecification": {"StreamEnabled": True}, "LatestStreamArn": "after a restore"}
    given = Given()
    outputs = deploy.put_resources(Stage("trial"), given, Cloud(describe_table={"Table": table}), "1")
    assert outputs["BindingsStreamArn"] == "after a restore"
    assert given.values[1]["KmsKeyArn"] == "key"


def test_a_bucket_that_the_stack_once_found_stays_found():
    table = {"StreamSpecification": {"StreamEnabled": True}, "LatestStreamArn": "s"}
    given = Given()
    deploy.put_resources(Stage("trial"), given, Cloud(describe_table={"Table": table}), "1")
    assert given.values[0]["InvocationRecordThere"] == "yes"


def test_a_table_whose_stream_is_off_stops_the_deployment():
    table = {"LatestStreamArn": "before it was switched off"}
    with pytest.raises(Stop, match="bindings has no stream"):
        deploy.put_resources(Stage("trial"), Given(), Cloud(describe_table={"Table": table}), "1")


@pytest.fixture
def policy(aws: dict[str, str], stage: Stage) -> Iterator[str]:
    """A staff policy of the stage, with the stage's own role holding it."""
    iam = boto3.client("iam")
    statement = '{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}'
    document = f'{{"Version": "2012-10-17", "Statement": [{statement}]}}'
    arn: str = iam.create_policy(PolicyName=f"{stage.stack}-held", PolicyDocument=document)["Policy"][
        "Arn"
    ]
    own = f"{stage.stack}-auditor"
    iam.create_role(RoleName=own, AssumeRolePolicyDocument=document)
    iam.attach_role_policy(RoleName=own, PolicyArn=arn)
    yield arn
    iam.detach_role_policy(RoleName=own, PolicyArn=arn)
    iam.delete_role(RoleName=own)
    iam.delete_policy(PolicyArn=arn)


def test_a_policy_that_only_the_stages_own_role_holds_may_go(policy: str, stage: Stage):
    destroy.check_policies(boto3.client("iam"), stage, {"StaffPolicyArn": policy, "Other": "x"})


def test_a_policy_that_somebody_holds_stops_the_destruction_before_anything(
    policy: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    iam = boto3.client("iam")
    iam.create_user(UserName="alice")
    iam.create_group(GroupName="desk")
    iam.attach_user_policy(UserName="alice", PolicyArn=policy)
    iam.attach_group_policy(GroupName="desk", PolicyArn=policy)
    monkeypatch.setattr(stacks.Stacks, "outputs", lambda self, name: {"StaffPolicyArn": policy})
    monkeypatch.setattr(destroy, "remove_code", lambda *given: pytest.fail("touched"))
    try:
        with pytest.raises(Stop, match=r"user alice, group desk still have the policy.*nothing was"):
            deploy.take_down(stage, with_data=False)
    finally:
        iam.detach_user_policy(UserName="alice", PolicyArn=policy)
        iam.detach_group_policy(GroupName="desk", PolicyArn=policy)
        iam.delete_user(UserName="alice")
        iam.delete_group(GroupName="desk")


def test_a_policy_that_is_gone_is_no_trouble(aws: dict[str, str], stage: Stage):
    def refuse(**asked: Any) -> Iterator[Any]:
        raise ClientError({"Error": {"Code": "NoSuchEntity"}}, "ListEntitiesForPolicy")
        yield

    class Iam:
        def get_paginator(self, name: str) -> Any:
            return Cloud(paginate=refuse)

    destroy.check_policies(Iam(), stage, {"StaffPolicyArn": "arn:aws:iam::1:policy/x"})
