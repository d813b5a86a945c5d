"""The policies of the key and of the buckets, to the letter."""

from typing import Any

import pytest

from tests.templates import resources

BOOTSTRAP = resources("bootstrap")
DATA = resources("data")

OWN_ACCOUNT = {"AWS": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
TRAIL = "arn:${AWS::Partition}:cloudtrail:${AWS::Region}:${AWS::AccountId}:trail/totp-binding-${Stage}"
RECORD = f"arn:${{AWS::Partition}}:s3:::{BOOTSTRAP['InvocationRecord']['Properties']['BucketName']}"
ARTEFACTS = f"arn:${{AWS::Partition}}:s3:::{DATA['ArtefactBucket']['Properties']['BucketName']}"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def role_arns(*names: str) -> list[str]:
    role = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/totp-binding-${Stage}"
    return [f"{role}-{name}-${{AWS::Region}}" for name in names]


def test_the_key_is_used_by_roles_and_managed_by_administrators():
    openers = role_arns("api_handler", "record_events", "auditor", "rotate_keys")
    everything = {"Effect": "Allow", "Principal": OWN_ACCOUNT, "Resource": "*"}
    managing = (
        *("CancelKeyDeletion", "CreateAlias", "DeleteAlias", "DescribeKey", "DisableKey", "EnableKey"),
        *("EnableKeyRotation", "GetKeyPolicy", "GetKeyRotationStatus", "ListGrants", "ListKeyPolicies"),
        *("ListKeyRotations", "ListResourceTags", "PutKeyPolicy", "RevokeGrant", "RotateKeyOnDemand"),
        *("ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateAlias", "UpdateKeyDescription"),
    )
    assert DATA["Key"]["Properties"]["KeyPolicy"] == document(
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
    properties = DATA["Key"]["Properties"]
    assert set(properties) == {"Description", "EnableKeyRotation", "PendingWindowInDays", "KeyPolicy"}
    assert (properties["EnableKeyRotation"], properties["PendingWindowInDays"]) == (True, 30)


def test_the_record_of_invocations_takes_what_the_trail_writes():
    by_trail = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    from_trail = {"aws:SourceArn": TRAIL}
    properties = BOOTSTRAP["InvocationRecordPolicy"]["Properties"]
    assert properties["Bucket"] == "InvocationRecord"
    assert properties["PolicyDocument"] == document(
        {
            "Sid": "TrailLooks",
            **by_trail,
            "Action": "s3:GetBucketAcl",
            "Resource": RECORD,
            "Condition": {"StringEquals": from_trail},
        },
        {
            "Sid": "TrailWrites",
            **by_trail,
            "Action": "s3:PutObject",
            "Resource": f"{RECORD}/AWSLogs/${{AWS::AccountId}}/*",
            "Condition": {
                "StringEquals": {**from_trail, "s3:x-amz-acl": "bucket-owner-full-control"},
            },
        },
        {
            "Sid": "OnlyByTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [RECORD, f"{RECORD}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    )


def test_artefacts_come_and_go_by_tls_alone():
    properties = DATA["ArtefactBucketPolicy"]["Properties"]
    assert properties["Bucket"] == "ArtefactBucket"
    assert properties["PolicyDocument"] == document(
        {
            "Sid": "OnlyByTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [ARTEFACTS, f"{ARTEFACTS}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


@pytest.mark.parametrize("bucket", [BOOTSTRAP["InvocationRecord"], DATA["ArtefactBucket"]])
def test_a_bucket_is_never_public_and_keeps_every_version(bucket: dict[str, Any]):
    properties = bucket["Properties"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert "AccessControl" not in properties
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
