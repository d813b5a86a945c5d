"""The policy of the deploying person covers what CloudFormation does in their name."""

import fnmatch
import json
from pathlib import Path

import pytest

from infra.deploying.permissions import DEPLOYER, EXTRAS, statements
from infra.deploying.stacks import read_template
from infra.environment import ROOT

LARGEST_POLICY = 6_144
"""Characters of a managed policy, white space not counted."""

CALLS = {
    "AWS::DynamoDB::Table": "dynamodb CreateTable DescribeTable UpdateTable UpdateContinuousBackups",
    "AWS::KMS::Key": "kms CreateKey DescribeKey PutKeyPolicy EnableKeyRotation GetKeyRotationStatus",
    "AWS::KMS::Alias": "kms CreateAlias UpdateAlias DeleteAlias ListAliases",
    "AWS::S3::Bucket": "s3 CreateBucket PutEncryptionConfiguration PutBucketVersioning "
    "PutLifecycleConfiguration PutBucketPublicAccessBlock PutBucketOwnershipControls",
    "AWS::S3::BucketPolicy": "s3 PutBucketPolicy GetBucketPolicy",
    "AWS::IAM::Role": "iam CreateRole GetRole PutRolePolicy DeleteRolePolicy DeleteRole PassRole",
    "AWS::IAM::ManagedPolicy": "iam CreatePolicy CreatePolicyVersion DeletePolicyVersion DeletePolicy",
    "AWS::SNS::Topic": "sns CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic",
    "AWS::SNS::TopicPolicy": "sns SetTopicAttributes",
    "AWS::SNS::Subscription": "sns Subscribe Unsubscribe",
    "AWS::Logs::LogGroup": "logs CreateLogGroup PutRetentionPolicy DescribeLogGroups DeleteLogGroup "
    "GetDataProtectionPolicy DescribeIndexPolicies ListTagsForResource TagResource",
    "AWS::Logs::MetricFilter": "logs PutMetricFilter DescribeMetricFilters DeleteMetricFilter",
    "AWS::Logs::QueryDefinition": "logs PutQueryDefinition DeleteQueryDefinition",
    "AWS::CloudTrail::Trail": "cloudtrail CreateTrail PutEventSelectors StartLogging DeleteTrail",
    "AWS::CloudWatch::Alarm": "cloudwatch PutMetricAlarm DescribeAlarms DeleteAlarms",
    "AWS::WAFv2::WebACL": "wafv2 CreateWebACL GetWebACL UpdateWebACL DeleteWebACL",
    "AWS::WAFv2::IPSet": "wafv2 CreateIPSet GetIPSet UpdateIPSet DeleteIPSet",
    "AWS::WAFv2::WebACLAssociation": "wafv2 AssociateWebACL DisassociateWebACL GetWebACLForResource",
    "AWS::ApiGateway::DomainName": "apigateway POST GET PATCH DELETE",
    "AWS::ApiGateway::BasePathMapping": "apigateway POST GET PATCH DELETE",
    "AWS::Route53::RecordSet": "route53 ChangeResourceRecordSets GetChange ListResourceRecordSets",
    "AWS::Cognito::UserPool": "cognito-idp CreateUserPool DescribeUserPool UpdateUserPool",
    "AWS::Cognito::UserPoolClient": "cognito-idp CreateUserPoolClient UpdateUserPoolClient "
    "DescribeUserPoolClient DeleteUserPoolClient",
    "AWS::CloudWatch::Dashboard": "cloudwatch PutDashboard GetDashboard DeleteDashboards",
}
"""What CloudFormation calls to create, update and delete a resource of each type."""


def allowed(action: str, *policies: Path) -> bool:
    patterns = [
        pattern for p in policies for statement in statements(p) for pattern in statement["Action"]
    ]
    return any(fnmatch.fnmatchcase(action, pattern) for pattern in patterns)


@pytest.mark.parametrize("policy", [DEPLOYER, EXTRAS], ids=lambda path: path.name)
def test_each_fits_into_one_managed_policy(policy: Path):
    document = json.loads(policy.read_text("utf-8"))
    assert len(json.dumps(document, separators=(",", ":"))) <= LARGEST_POLICY


@pytest.mark.parametrize(
    ("template", "policies"),
    [
        ("resources.yaml", [DEPLOYER]),
        ("edge.yaml", [DEPLOYER, EXTRAS]),
        ("userpool.yaml", [DEPLOYER, EXTRAS]),
    ],
)
def test_every_type_of_resource_can_be_deployed(template: str, policies: list[Path]):
    resources = json.loads(read_template(ROOT / "infra" / template).body)["Resources"]
    for kind in {resource["Type"] for resource in resources.values()}:
        service, *operations = CALLS[kind].split()
        for operation in operations:
            assert allowed(f"{service}:{operation}", *policies), f"{kind} needs {service}:{operation}"


@pytest.mark.parametrize(
    "action",
    [
        "kms:Decrypt",
        "kms:Encrypt",
        "kms:CreateGrant",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:PutItem",
        "s3:GetObject",
        "sns:Publish",
        "iam:CreateUser",
        "iam:AttachRolePolicy",
    ],
)
def test_deploying_takes_no_look_into_the_data(action: str):
    assert not allowed(action, DEPLOYER, EXTRAS)


def test_items_are_counted_and_not_looked_at():
    scans = [
        one for one in statements(DEPLOYER) + statements(EXTRAS) if "dynamodb:Scan" in one["Action"]
    ]
    assert [one["Condition"] for one in scans] == [{"StringEquals": {"dynamodb:Select": "COUNT"}}]


@pytest.mark.parametrize(
    "action",
    ["iam:ListEntitiesForPolicy", "lambda:GetEventSourceMapping", "dynamodb:DescribeTable"],
)
def test_what_is_looked_at_before_a_change_may_be_looked_at(action: str):
    assert allowed(action, DEPLOYER)


def test_everything_that_has_a_name_is_named():
    for statement in statements(DEPLOYER) + statements(EXTRAS):
        if statement["Resource"] == ["*"]:
            assert statement["Sid"] == "WhatHasNoName"
        passes_roles = "iam:PassRole" in statement["Action"]
        assert not passes_roles or "iam:PassedToService" in statement["Condition"]["StringEquals"]
