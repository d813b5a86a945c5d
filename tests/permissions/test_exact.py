"""What neither table nor recordings show of the template, to the letter: who becomes a role, what is
attached to it, and what the key and the bucket say themselves."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.templates import TEXTS, resources

RESOURCES = resources("resources.yaml")

OWN_ACCOUNT = {"AWS": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
TRAIL = "arn:${AWS::Partition}:cloudtrail:${AWS::Region}:${AWS::AccountId}:trail/totp-binding-${Stage}"
BUCKET = f"arn:${{AWS::Partition}}:s3:::{RESOURCES['InvocationRecord']['Properties']['BucketName']}"
WITNESS = f"arn:${{AWS::Partition}}:s3:::{RESOURCES['WitnessBucket']['Properties']['BucketName']}"
WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(principal: dict[str, str], condition: dict[str, Any] | None = None) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return document(statement | ({"Condition": condition} if condition else {}))


def role_arns(*names: str) -> list[str]:
    role = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/totp-binding-${Stage}"
    return [f"{role}-{name}-${{AWS::Region}}" for name in names]


OF_LAMBDA = trust({"Service": "lambda.amazonaws.com"})
ROLES = {
    "ApiHandlerRole": ("api_handler", OF_LAMBDA),
    "UnbindRole": ("unbind", OF_LAMBDA),
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
}
"""Each role's one policy, by name, and who may become the role."""

MANAGED_POLICIES = ("SupportStaffPolicy", "AuditorsPolicy")


def test_every_role_is_in_the_list():
    assert {name for name, one in RESOURCES.items() if one["Type"] == "AWS::IAM::Role"} == set(ROLES)


@pytest.mark.parametrize("name", ROLES)
def test_a_role_has_one_policy_of_its_own_and_one_trust_and_nothing_attached(name: str):
    policy, trusted = ROLES[name]
    properties = {**RESOURCES[name]["Properties"]}
    properties.pop("RoleName", None)
    del properties["Description"]
    assert [set(one) for one in properties["Policies"]] == [{"PolicyName", "PolicyDocument"}]
    properties["Policies"] = [one["PolicyName"] for one in properties["Policies"]]
    assert properties == {"AssumeRolePolicyDocument": trusted, "Policies": [policy]}


@pytest.mark.parametrize("name", MANAGED_POLICIES)
def test_a_managed_policy_is_attached_to_nobody(name: str):
    properties = RESOURCES[name]["Properties"]
    assert set(properties) == {"ManagedPolicyName", "Description", "PolicyDocument"}


def test_api_gateway_writes_logs():
    (policy,) = RESOURCES["ApiGatewayLogsRole"]["Properties"]["Policies"]
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


def test_the_key_is_used_by_roles_and_managed_by_administrators():
    openers = role_arns("api_handler", "rotate_keys")
    everything = {"Effect": "Allow", "Principal": OWN_ACCOUNT, "Resource": "*"}
    managing = (
        *("CancelKeyDeletion", "CreateAlias", "DeleteAlias", "DescribeKey", "DisableKey", "EnableKey"),
        *("EnableKeyRotation", "GetKeyPolicy", "GetKeyRotationStatus", "ListGrants", "ListKeyPolicies"),
        *("ListKeyRotations", "ListResourceTags", "PutKeyPolicy", "RevokeGrant", "RotateKeyOnDemand"),
        *("ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateAlias", "UpdateKeyDescription"),
    )
    assert RESOURCES["Key"]["Properties"]["KeyPolicy"] == document(
        {
            "Sid": "RolesOpenKeys",
            **everything,
            "Action": "kms:Decrypt",
            "Condition": {"StringEquals": {"aws:PrincipalArn": openers}},
        },
        {
            "Sid": "RotationSealsKeys",
            **everything,
            "Action": "kms:Encrypt",
            "Condition": {"StringEquals": {"aws:PrincipalArn": role_arns("rotate_keys")}},
        },
        {
            "Sid": "AdministratorsManage",
            **everything,
            "Action": [f"kms:{action}" for action in managing],
        },
    )


def test_the_key_is_rotated_and_not_soon_deleted():
    properties = RESOURCES["Key"]["Properties"]
    assert set(properties) == {"Description", "EnableKeyRotation", "PendingWindowInDays", "KeyPolicy"}
    assert (properties["EnableKeyRotation"], properties["PendingWindowInDays"]) == (True, 30)


def test_the_record_of_invocations_takes_what_the_trail_writes():
    by_trail = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    from_trail = {"aws:SourceArn": TRAIL}
    properties = RESOURCES["InvocationRecordPolicy"]["Properties"]
    assert properties["Bucket"] == "InvocationRecord"
    assert properties["PolicyDocument"] == document(
        {
            "Sid": "TrailLooks",
            **by_trail,
            "Action": "s3:GetBucketAcl",
            "Resource": BUCKET,
            "Condition": {"StringEquals": from_trail},
        },
        {
            "Sid": "TrailWrites",
            **by_trail,
            "Action": "s3:PutObject",
            "Resource": f"{BUCKET}/AWSLogs/${{AWS::AccountId}}/*",
            "Condition": {
                "StringEquals": {**from_trail, "s3:x-amz-acl": "bucket-owner-full-control"},
            },
        },
        {
            "Sid": "OnlyByTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [BUCKET, f"{BUCKET}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    )


def test_the_witness_is_locked_for_as_long_as_rows_are_kept():
    properties = RESOURCES["WitnessBucket"]["Properties"]
    assert properties["ObjectLockEnabled"] is True
    retention = {"Mode": "COMPLIANCE", "Days": "WitnessDays"}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
    assert properties["ObjectLockConfiguration"] == lock
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    (lifecycle,) = properties["LifecycleConfiguration"]["Rules"]
    # A month after its term at least: until then verify may ask for it.
    assert (lifecycle["ExpirationInDays"], lifecycle["NoncurrentVersionExpiration"]) == (
        "WitnessDays",
        {"NoncurrentDays": 30},
    )


def test_the_witness_takes_new_objects_of_record_events_alone():
    everybody = {"Effect": "Deny", "Principal": "*"}
    objects = f"{WITNESS}/*"
    assert RESOURCES["WitnessBucketPolicy"]["Properties"]["PolicyDocument"] == document(
        {
            "Sid": "OnlyRecordEventsWrites",
            **everybody,
            "Action": "s3:PutObject",
            "Resource": objects,
            "Condition": {"StringNotEquals": {"aws:PrincipalArn": role_arns("record_events")[0]}},
        },
        {
            "Sid": "NobodyOverwrites",
            **everybody,
            "Action": "s3:PutObject",
            "Resource": objects,
            "Condition": {"Null": {"s3:if-none-match": "true"}},
        },
        {
            "Sid": "NobodyDeletesOrShortens",
            **everybody,
            "Action": [
                "s3:BypassGovernanceRetention",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:PutObjectLegalHold",
                "s3:PutObjectRetention",
            ],
            "Resource": objects,
        },
        {
            "Sid": "OnlyByTls",
            **everybody,
            "Action": "s3:*",
            "Resource": [WITNESS, objects],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    )


@pytest.mark.parametrize("bucket", ["InvocationRecord", "WitnessBucket"])
def test_no_bucket_is_ever_public(bucket: str):
    properties = RESOURCES[bucket]["Properties"]
    assert properties["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert "AccessControl" not in properties
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_each_invocation_of_a_support_function_is_recorded_of_a_version_too():
    (selector,) = RESOURCES["SupportTrail"]["Properties"]["AdvancedEventSelectors"]
    fields = {one["Field"]: one for one in selector["FieldSelectors"]}
    (invoke, _) = RESOURCES["SupportStaffPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    functions = invoke["Resource"]
    assert len(functions) == 3
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
    giving = {name for name, one in RESOURCES.items() if gives(one)}
    # The bucket's settings speak of policies: they forbid public ones.
    others = {
        "Key",
        "InvocationRecordPolicy",
        "InvocationRecord",
        "WitnessBucketPolicy",
        "WitnessBucket",
    }
    assert giving == {*ROLES, *MANAGED_POLICIES, *others}
    for template in set(TEXTS) - {"resources.yaml"}:
        kinds = {one["Type"] for one in resources(template).values()}
        assert [kind for kind in kinds if _GIVING_TYPE.search(kind)] == []


_GIVING_TYPE = re.compile(r"AWS::IAM::|Polic|Permission|AccessPoint|Grant")


def gives(resource: dict[str, Any]) -> bool:
    """Whether a resource can let anybody do anything, to go by its words."""
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
