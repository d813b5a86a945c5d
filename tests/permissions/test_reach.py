"""The reach of those who deploy, tried with every action that IAM knows."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.permissions import reach
from tests.permissions.reach import GOALS, REACH, WHO, Goal, handed_on, reached
from tests.permissions.rendered import FUNCTIONS, Rendered, read_stacks
from tests.permissions.simulator import Policy, Request, judge


@pytest.fixture(scope="module")
def rendered(aws: dict[str, str]) -> Rendered:
    return read_stacks()


@pytest.mark.parametrize("who", WHO)
def test_everybody_reaches_what_the_table_says_and_no_more(who: str, rendered: Rendered):
    found = {goal.title: actions for goal, actions in reached(rendered, who).items()}
    assert found == {goal.title: set(REACH.get((who, goal), ())) for goal in GOALS}


def test_those_who_deploy_reach_neither_key_nor_trail_nor_record_nor_a_role_of_others():
    for who in ("deployer", "cloudformation role", "codedeploy role", "alias mover"):
        for goal in (reach.BECOMING, reach.KEY, reach.TRAIL, reach.RECORD):
            assert (who, goal) not in REACH
        # To pass a role is not to change it, and API Gateway's own role is none of the service's.
        assert set(REACH.get((who, reach.IAM), ())) <= {"PassRole", "CreateServiceLinkedRole"}


def test_a_deployer_hands_on_one_role_and_cloudformation_the_functions_own(rendered: Rendered):
    """So code that is deployed, and nothing else, gets the power of a function's role."""
    assert handed_on(rendered, "deployer") == [("cloudformation.amazonaws.com", "cloudformation role")]
    assert handed_on(rendered, "cloudformation role") == [
        *(("lambda.amazonaws.com", f"role of {name}") for name in FUNCTIONS),
        ("codedeploy.amazonaws.com", "codedeploy role"),
    ]
    for who in ("codedeploy role", "alias mover", "support staff", "support role", "auditors"):
        assert handed_on(rendered, who) == []


@pytest.mark.parametrize(
    ("goal", "action", "on"),
    [
        (reach.IAM, "iam:UpdateAssumeRolePolicy", "role of api_handler"),
        (reach.IAM, "iam:PutRolePolicy", "cloudformation role"),
        (reach.IAM, "iam:CreatePolicyVersion", "policy Boundary"),
        (reach.IAM, "iam:DeleteRolePermissionsBoundary", "role of unbind"),
        (reach.KEY, "kms:PutKeyPolicy", "another key"),
        (reach.KEY, "kms:CreateGrant", "another key"),
        (reach.TABLES, "dynamodb:PutResourcePolicy", "bindings"),
        (reach.TABLES, "dynamodb:UpdateTimeToLive", "audit"),
        (reach.TRAIL, "cloudtrail:PutEventSelectors", "trail"),
        (reach.RECORD, "s3:PutLifecycleConfiguration", "invocations"),
        (reach.RECORD, "s3:BypassGovernanceRetention", "an invocation"),
        (reach.KEPT_STACKS, "cloudformation:SetStackPolicy", "data stack"),
    ],
)
def test_a_single_action_too_many_is_found(goal: Goal, action: str, on: str, rendered: Rendered):
    statement = {"Effect": "Allow", "Action": action, "Resource": rendered.resources[on]}
    more: Policy = {"Version": "2012-10-17", "Statement": [statement]}
    who = "deployer"
    loosened = replace(rendered, policies={**rendered.policies, who: (*rendered.policies[who], more)})
    expected = {*REACH.get((who, goal), ()), action.partition(":")[2]}
    assert reached(loosened, who, [goal]) == {goal: expected}


def beyond_the_boundary(rendered: Rendered) -> Iterator[Request]:
    for action, on in (
        ("iam:CreateRole", "a new role"),
        ("iam:PassRole", "role of api_handler"),
        ("dynamodb:DeleteTable", "bindings"),
        ("dynamodb:Scan", "bindings"),
        ("kms:Decrypt", "another key"),
        ("kms:PutKeyPolicy", "key"),
        ("lambda:InvokeFunction", "function unbind"),
        ("lambda:UpdateFunctionCode", "function unbind"),
        ("s3:GetObject", "an invocation"),
        ("s3:PutObject", "an artefact"),
        ("sns:Publish", "operations"),
        ("cloudtrail:StopLogging", "trail"),
    ):
        yield Request(action, rendered.resources[on])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_role_stays_small_whatever_is_attached_to_it(function: str, rendered: Rendered):
    everything = rendered.policies["administrator"]
    requests = list(beyond_the_boundary(rendered))
    assert not any(judge(rendered.question(function, request, everything) for request in requests))
    # The boundary alone makes the difference: another role with the same policy may do all of it.
    assert all(judge(rendered.question("another role", request, everything) for request in requests))
