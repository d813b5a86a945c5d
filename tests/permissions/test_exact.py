"""The parts of the templates that neither table nor recordings show: who assumes a role, what is
attached to it, and which calls are recorded."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.permissions.test_resource_policies import OWN_ACCOUNT, document
from tests.templates import TEXTS, resources

BOOTSTRAP = resources("bootstrap")

WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def trust(principal: dict[str, str], condition: dict[str, Any] | None = None) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return document(statement | ({"Condition": condition} if condition else {}))


OF_LAMBDA = trust({"Service": "lambda.amazonaws.com"})
ROLES = {
    "ApiHandlerRole": ("api_handler", OF_LAMBDA),
    "UnbindRole": ("unbind", OF_LAMBDA),
    "InviteRole": ("invite", OF_LAMBDA),
    "ApproveRole": ("approve", OF_LAMBDA),
    "UnlockRole": ("unlock", OF_LAMBDA),
    "LookupRole": ("lookup", OF_LAMBDA),
    "RotateKeysRole": ("rotate_keys", OF_LAMBDA),
    "RecordEventsRole": ("record_events", OF_LAMBDA),
    "SupportRole": (
        "support",
        trust(OWN_ACCOUNT, WITH_MFA | {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}),
    ),
    "AuditorRole": ("auditor", trust(OWN_ACCOUNT, WITH_MFA)),
    "ApiGatewayLogsRole": ("logs", trust({"Service": "apigateway.amazonaws.com"})),
    "CloudFormationRole": ("cloudformation", trust({"Service": "cloudformation.amazonaws.com"})),
    "CodeDeployRole": ("codedeploy", trust({"Service": "codedeploy.amazonaws.com"})),
}
"""Each role's first policy, by name, and who may assume the role."""

SHARED_POLICIES = {
    "ReadWithoutSecrets": ["UnbindRole", "InviteRole", "ApproveRole", "UnlockRole", "LookupRole"],
    "EndBindings": ["UnbindRole", "ApproveRole"],
}
"""Inline policies of several roles."""

MANAGED_POLICIES = (
    *("Boundary", "SupportStaffPolicy", "AuditorsPolicy", "DeployerPolicy", "AliasMoverPolicy"),
)


def test_every_role_is_in_the_list():
    found = {name for name, one in BOOTSTRAP.items() if one["Type"] == "AWS::IAM::Role"}
    assert found == set(ROLES)


@pytest.mark.parametrize("name", ROLES)
def test_a_role_has_one_policy_of_its_own_and_one_trust_and_nothing_attached(name: str):
    policy, trusted = ROLES[name]
    properties = {**BOOTSTRAP[name]["Properties"]}
    properties.pop("RoleName", None)
    del properties["Description"]
    boundary = {"PermissionsBoundary": "Boundary"} if trusted == OF_LAMBDA else {}
    assert all(set(one) == {"PolicyName", "PolicyDocument"} for one in properties["Policies"])
    properties["Policies"] = [one["PolicyName"] for one in properties["Policies"]]
    # What CloudFormation needs for the edge stands apart, so that each part can be read.
    policies = [policy, "edge"] if name == "CloudFormationRole" else [policy]
    assert properties == {"AssumeRolePolicyDocument": trusted, "Policies": policies, **boundary}


def test_the_boundary_is_no_wider_than_the_functions_need():
    functions = [name for name, (_, trusted) in ROLES.items() if trusted == OF_LAMBDA]
    assert len(functions) == 8
    own = [policy for name in functions for policy in BOOTSTRAP[name]["Properties"]["Policies"]]
    shared = [BOOTSTRAP[name]["Properties"] for name in SHARED_POLICIES]
    needed = {action for policy in (*own, *shared) for action in actions(policy["PolicyDocument"])}
    assert set(actions(BOOTSTRAP["Boundary"]["Properties"]["PolicyDocument"])) == needed


def actions(policy: dict[str, Any]) -> Iterator[str]:
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        given = statement["Action"]
        yield from given if isinstance(given, list) else [given]


@pytest.mark.parametrize("name", SHARED_POLICIES)
def test_a_shared_policy_is_that_of_these_roles_alone(name: str):
    properties = BOOTSTRAP[name]["Properties"]
    assert set(properties) == {"PolicyName", "Roles", "PolicyDocument"}
    assert properties["Roles"] == SHARED_POLICIES[name]


@pytest.mark.parametrize("name", MANAGED_POLICIES)
def test_a_managed_policy_is_attached_to_nobody(name: str):
    properties = BOOTSTRAP[name]["Properties"]
    assert set(properties) == {"ManagedPolicyName", "Description", "PolicyDocument"}


def test_api_gateway_writes_logs():
    (policy,) = BOOTSTRAP["ApiGatewayLogsRole"]["Properties"]["Policies"]
    actions = (
        *("CreateLogGroup", "CreateLogStream", "DescribeLogGroups", "DescribeLogStreams"),
        *("FilterLogEvents", "GetLogEvents", "PutLogEvents"),
    )
    assert policy["PolicyDocument"] == document(
        {
            "Sid": "WriteLogs",
            "Effect": "Allow",
            "Action": [f"logs:{action}" for action in actions],
            "Resource": "*",
        }
    )


def test_each_invocation_of_a_support_function_is_recorded_of_a_version_too():
    (selector,) = BOOTSTRAP["SupportTrail"]["Properties"]["AdvancedEventSelectors"]
    fields = {one["Field"]: one for one in selector["FieldSelectors"]}
    (policy,) = BOOTSTRAP["SupportRole"]["Properties"]["Policies"]
    (invoke,) = policy["PolicyDocument"]["Statement"]
    functions = invoke["Resource"]
    assert len(functions) == 5
    assert fields == {
        "eventCategory": {"Field": "eventCategory", "Equals": ["Data"]},
        "resources.type": {"Field": "resources.type", "Equals": ["AWS::Lambda::Function"]},
        "resources.ARN": {
            "Field": "resources.ARN",
            "Equals": functions,
            "StartsWith": [f"{function}:" for function in functions],
        },
    }


def test_nothing_else_gives_a_permission():
    """No resource but these has a policy or is one, and none is in the other templates."""
    # A bucket's settings speak of policies: they forbid public ones.
    others = {"bootstrap": {"InvocationRecordPolicy", "InvocationRecord"}}
    others["bootstrap"] |= {*ROLES, *SHARED_POLICIES, *MANAGED_POLICIES}
    others["data"] = {"Key", "ArtefactBucket", "ArtefactBucketPolicy", "WitnessBucket"}
    others["data"] |= {"WitnessBucketPolicy"}
    # A policy for passwords, and one for TLS.
    others |= {"userpool": {"UserPool"}, "edge": {"Name"}}
    for template in TEXTS:
        giving = {name for name, one in resources(template).items() if gives(one)}
        assert giving == others.get(template, set()), template


_GIVING_TYPE = re.compile(r"AWS::IAM::|Polic|Permission|AccessPoint|Grant")


def gives(resource: dict[str, Any]) -> bool:
    """Return True if a resource's words can let anybody do anything."""
    return bool(_GIVING_TYPE.search(resource["Type"])) or any(
        re.search("Polic|AccessControl|Grant", key) for key in keys(resource["Properties"])
    )


def keys(value: Any) -> Iterator[str]:
    """Every key in a structure, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)
