"""The policies of the key and of the buckets, to the letter."""

from typing import Any

import pytest

from tests.templates import resources

BOOTSTRAP = resources("bootstrap")
DATA = resources("data")

OWN_ACCOUNT = {"AWS": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
TRAIL = "arn:${AWS::Partition}:cloudtrail:${AWS::Region}:${AWS::AccountId}:trail/totp-binding-${Stage}"
RECORD = f"arn:${{AWS::Partition}}:s3:::{BOOTSTRAP['InvocationRecord']['Properties']['BucketName']}"
WITNESS = f"arn:${{AWS::Partition}}:s3:::{DATA['WitnessBucket']['Properties']['BucketName']}"
ARTEFACTS = f"arn:${{AWS::Partition}}:s3:::{DATA['ArtefactBucket']['Properties']['BucketName']}"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def role_arns(*names: str) -> list[str]:
    role = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/totp-binding-${Stage}"
    return [f"{role}-{name}-${{AWS::Region}}" for name in names]


def test_the_key_is_used_by_roles_and_managed_by_administrators():
    openers = role_arns("api_handler", "rotate_keys")
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


def test_the_witness_is_locked_for_as_long_as_rows_are_kept():
    properties = DATA["WitnessBucket"]["Properties"]
    assert properties["ObjectLockEnabled"] is True
    retention = {"Mode": "COMPLIANCE", "Days": "WitnessDays"}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
    assert properties["ObjectLockConfiguration"] == lock
    (lifecycle,) = properties["LifecycleConfiguration"]["Rules"]
    # An expired object stays for another month, in which verify may read it.
    assert lifecycle["ExpirationInDays"] == "WitnessDays"
    assert lifecycle["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}


def test_the_witness_takes_new_objects_of_record_events_alone():
    everybody = {"Effect": "Deny", "Principal": "*"}
    objects = f"{WITNESS}/*"
    properties = DATA["WitnessBucketPolicy"]["Properties"]
    assert properties["Bucket"] == "WitnessBucket"
    assert properties["PolicyDocument"] == document(
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


@pytest.mark.parametrize(
    "bucket", [BOOTSTRAP["InvocationRecord"], DATA["ArtefactBucket"], DATA["WitnessBucket"]]
)
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
