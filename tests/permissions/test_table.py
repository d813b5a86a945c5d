"""The policies say of each row of the table what the table says, and the page prints the table."""

import fnmatch
import json
import re
from collections.abc import Iterator
from copy import deepcopy

import pytest

from tests.permissions.page import PAGE, page
from tests.permissions.rendered import (
    DEPLOYING_ROLES,
    FUNCTIONS,
    HOLDERS,
    REGION,
    STAFF_ROLES,
    STAGE,
    Rendered,
    listed,
    read_stacks,
)
from tests.permissions.row import PEOPLE
from tests.permissions.simulator import Policy, judge, known_actions
from tests.permissions.table import ROWS

TABLE = [row for _, rows in ROWS for row in rows]


@pytest.fixture(scope="module")
def rendered(aws: dict[str, str]) -> Rendered:
    return read_stacks()


def test_every_row_holds(rendered: Rendered):
    judged = judge(rendered.question(row.who, row.request(rendered.resources)) for row in TABLE)
    assert [row for row, allowed in zip(TABLE, judged, strict=True) if allowed is not row.may] == []


def test_the_session_of_a_role_knows_nothing_of_mfa():
    """AWS puts no aws:MultiFactorAuthPresent into what AssumeRole hands out."""
    assert [row for row in TABLE if row.mfa is not None and row.who not in PEOPLE] == []


def test_the_page_prints_the_table():
    assert PAGE.read_text("utf-8") == page()


def test_no_condition_is_idle(rendered: Rendered):
    """Each condition of each policy refuses something that the table says is refused."""
    loosened = [
        (f"{who}: {said}", who, policy)
        for who, policies in rendered.policies.items()
        for one in policies
        for said, policy in without_each_condition(one)
    ]
    refused = [row for row in TABLE if not row.may]
    questions = [
        (said, rendered.question(who, row.request(rendered.resources), (policy,)))
        for said, who, policy in loosened
        for row in refused
        if row.who == who
    ]
    judged = judge((question for _, question in questions), strict=False)
    let_through = {said for (said, _), allowed in zip(questions, judged, strict=True) if allowed}
    assert [said for said, _, _ in loosened if said not in let_through] == []


@pytest.mark.parametrize("who", [*PEOPLE, *(f"{name} role" for name in STAFF_ROLES)])
def test_staff_may_nothing_that_the_table_leaves_out(who: str, rendered: Rendered):
    allowed = {(row.action, row.on) for row in TABLE if row.who == who and row.may}
    (policy,) = rendered.policies[who]
    given = {
        (action, resource)
        for statement in policy["Statement"]
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }
    names = {arn: name for name, arn in rendered.resources.items()}
    names[rendered.resources["invocations"] + "/*"] = "an invocation"
    names[rendered.resources["witness"] + "/*"] = "a witness"
    assert {(action, names[resource]) for action, resource in given} == allowed


def test_nothing_is_given_by_pattern(rendered: Rendered):
    """No action and no resource has a wildcard, but for log streams, objects of the record, and
    the one action that has no resource."""
    for who in (*FUNCTIONS, *PEOPLE, *(f"{name} role" for name in STAFF_ROLES)):
        for statement in (one for policy in rendered.policies[who] for one in policy["Statement"]):
            for action in listed(statement["Action"]):
                assert "*" not in action
                for resource in listed(statement["Resource"]):
                    exact = resource.removesuffix(":*" if action.startswith("logs:") else "/*")
                    assert "*" not in exact or action == "dynamodb:ListStreams"


_WITHOUT_A_STAGE = (
    # REST APIs, mappings and changes of DNS have ids, not names.
    *("::/restapis", "::/restapis/*", "::/tags/*", ":event-source-mapping:*", ":change/*"),
    # One for all of the account and region, or AWS's own.
    *("::/account", "::/domainnames", ":deploymentconfig:*", ":transform/Serverless-2016-10-31"),
    *("/ops.apigateway.amazonaws.com/*",),
    # What the stage's file names.
    *("::/domainnames/2fa.broker.example", "::/domainnames/2fa.broker.example/*"),
    ":hostedzone/Z00000000000000000000",
)
_WITHOUT_A_RESOURCE = {
    "lambda:GetAccountSettings",
    *("lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping"),
    *("lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"),
    *("logs:DeleteQueryDefinition", "logs:DescribeIndexPolicies", "logs:DescribeLogGroups"),
    *("logs:DescribeQueryDefinitions", "logs:PutQueryDefinition", "cloudwatch:DescribeAlarms"),
    "codedeploy:StopDeployment",
}
"""These have no resource, or a condition instead of one."""


@pytest.mark.parametrize(
    "who", ["deployer", "alias mover", *(f"{name} role" for name in DEPLOYING_ROLES)]
)
def test_those_who_deploy_have_the_stages_own_names(who: str, rendered: Rendered):
    """A pattern begins with the stage's name and a separator, which no other stage's name can match."""
    own = re.compile(rf"totp-binding-{STAGE}($|[-:/])")
    for statement in (one for policy in rendered.policies[who] for one in policy["Statement"]):
        for resource in listed(statement["Resource"]):
            if resource == "*":
                assert set(listed(statement["Action"])) <= _WITHOUT_A_RESOURCE
            else:
                assert own.search(resource) or resource.endswith(_WITHOUT_A_STAGE), resource


def test_every_action_is_one_that_iam_knows(rendered: Rendered):
    policies = [one for who, own in rendered.policies.items() if who in NAMED for one in own]
    statements = [one for policy in (*policies, rendered.boundary) for one in policy["Statement"]]
    for action in (action for one in statements for action in listed(one["Action"])):
        known = [one["name"] for one in known_actions(action.partition(":")[0])]
        assert fnmatch.filter(known, action), action


def test_policies_fit_into_iam_with_the_longest_names(rendered: Rendered):
    """IAM counts 6,144 characters of a managed policy and 10,240 of all inline policies of a role."""
    longer = len("a" * 20 + "ap-southeast-1") - len(STAGE + REGION)
    for who, policies in rendered.policies.items():
        documents = [json.dumps(policy, separators=(",", ":")) for policy in policies]
        size = sum(len(one) + longer * one.count("arn:") for one in documents)
        assert size <= (6_144 if who in HOLDERS else 10_240), who


NAMED = (*FUNCTIONS, *HOLDERS, *(f"{name} role" for name in STAFF_ROLES + DEPLOYING_ROLES))
"""Everybody with a policy of the stage."""


def without_each_condition(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """The policy with one condition key less, each in turn, and which."""
    for index, statement in enumerate(policy["Statement"]):
        for operator, keys in statement.get("Condition", {}).items():
            for key in keys:
                looser = deepcopy(policy)
                del looser["Statement"][index]["Condition"][operator][key]
                yield f"{statement['Sid']}: {operator} {key}", looser
