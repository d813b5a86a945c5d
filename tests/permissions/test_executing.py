"""CloudFormation's role can create, update and delete every resource of the service and its edge."""

from collections.abc import Mapping

import pytest

from infra import templates
from tests.permissions.rendered import FUNCTIONS, REGION, STAGE, Rendered, read_stacks
from tests.permissions.simulator import ACCOUNT, Request, judge

OWN = f"totp-binding-{STAGE}"


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def gateway(path: str) -> str:
    return f"arn:aws:apigateway:{REGION}::/{path}"


FUNCTION = arn("lambda", f"function:{OWN}-unbind")
API = arn("lambda", f"function:{OWN}")
LOGS = arn("logs", f"log-group:/aws/lambda/{OWN}-unbind")
RECORDS = {"lambda:FunctionArn": arn("lambda", f"function:{OWN}-record_events")}
RULE = arn("events", f"rule/{OWN}-RotateKeysRotateKeysEvent-1A2B")
CANARY = f"{OWN}-ServerlessDeploymentApplication-1A2B"
GROUP = arn("codedeploy", f"deploymentgroup:{CANARY}/{OWN}-APIHandlerDeploymentGroup-1A2B")
WEB_ACL = arn("wafv2", f"regional/webacl/{OWN}/some-id")
IP_SET = arn("wafv2", f"regional/ipset/{OWN}-blocked-6/some-id")
NAME = {"route53:ChangeResourceRecordSetsNormalizedRecordNames": ("2fa.broker.example",)}

CALLS: Mapping[str, list[tuple[str, str, Mapping[str, str | tuple[str, ...]]]]] = {
    "AWS::Lambda::Function": [
        (
            "lambda CreateFunction GetFunction UpdateFunctionCode UpdateFunctionConfiguration",
            FUNCTION,
            {},
        ),
        ("lambda PutFunctionConcurrency DeleteFunctionConcurrency DeleteFunction", FUNCTION, {}),
        ("lambda ListTags TagResource", FUNCTION, {}),
        ("lambda GetFunctionCodeSigningConfig GetFunctionRecursionConfig", FUNCTION, {}),
        ("lambda GetRuntimeManagementConfig PutRuntimeManagementConfig", FUNCTION, {}),
        *(
            (
                "iam PassRole",
                f"arn:aws:iam::{ACCOUNT}:role/{OWN}-{name}-{REGION}",
                {"iam:PassedToService": "lambda.amazonaws.com"},
            )
            for name in FUNCTIONS
        ),
        ("s3 GetObject", f"arn:aws:s3:::{OWN}-artefacts-{ACCOUNT}-{REGION}/code/some.zip", {}),
        ("lambda GetLayerVersion", arn("lambda", f"layer:{OWN}-managed-layer:3"), {}),
    ],
    "AWS::Lambda::LayerVersion": [
        ("lambda PublishLayerVersion", arn("lambda", f"layer:{OWN}-managed-layer"), {}),
        ("lambda GetLayerVersion DeleteLayerVersion", arn("lambda", f"layer:{OWN}-managed-layer:3"), {}),
    ],
    "AWS::Lambda::Version": [
        (
            "lambda PublishVersion ListVersionsByFunction DeleteFunction GetFunctionConfiguration",
            API,
            {},
        ),
        ("lambda GetProvisionedConcurrencyConfig DeleteFunction", f"{API}:7", {}),
    ],
    "AWS::Lambda::Alias": [("lambda CreateAlias GetAlias UpdateAlias DeleteAlias", API, {})],
    "AWS::Lambda::Permission": [
        ("lambda AddPermission", f"{API}:live", {"lambda:Principal": "apigateway.amazonaws.com"}),
        (
            "lambda AddPermission",
            arn("lambda", f"function:{OWN}-rotate_keys"),
            {"lambda:Principal": "events.amazonaws.com"},
        ),
        ("lambda GetPolicy RemovePermission", f"{API}:live", {}),
    ],
    "AWS::Lambda::EventSourceMapping": [
        ("lambda CreateEventSourceMapping", "*", RECORDS),
        (
            "lambda GetEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping TagResource",
            arn("lambda", "event-source-mapping:00000000-0000-4000-8000-000000000000"),
            RECORDS,
        ),
    ],
    "AWS::ApiGateway::RestApi": [
        ("apigateway POST", gateway("restapis"), {}),
        ("apigateway GET PATCH PUT DELETE", gateway("restapis/a1b2c3"), {}),
        ("apigateway PUT", gateway("tags/arn%3Aaws%3Aapigateway%3A%3A%3A%2Frestapis%2Fa1b2c3"), {}),
    ],
    "AWS::ApiGateway::Deployment": [
        ("apigateway POST", gateway("restapis/a1b2c3/deployments"), {}),
        ("apigateway GET PATCH DELETE", gateway("restapis/a1b2c3/deployments/d4"), {}),
    ],
    "AWS::ApiGateway::Stage": [
        ("apigateway POST", gateway("restapis/a1b2c3/stages"), {}),
        ("apigateway GET PATCH DELETE", gateway("restapis/a1b2c3/stages/api"), {}),
    ],
    "AWS::Events::Rule": [
        ("events PutRule DescribeRule PutTargets ListTargetsByRule RemoveTargets DeleteRule", RULE, {})
    ],
    "AWS::SNS::Topic": [
        (
            "sns CreateTopic GetTopicAttributes SetTopicAttributes ListSubscriptionsByTopic DeleteTopic",
            arn("sns", f"{OWN}-events"),
            {},
        ),
        ("sns ListTagsForResource GetDataProtectionPolicy", arn("sns", f"{OWN}-events"), {}),
    ],
    "AWS::SQS::Queue": [
        (
            "sqs CreateQueue GetQueueAttributes SetQueueAttributes ListQueueTags DeleteQueue",
            arn("sqs", f"{OWN}-unrecorded"),
            {},
        )
    ],
    "AWS::Logs::LogGroup": [
        (
            "logs CreateLogGroup PutRetentionPolicy DeleteLogGroup ListTagsForResource TagResource",
            LOGS,
            {},
        ),
        (
            "logs CreateLogGroup GetDataProtectionPolicy",
            arn("logs", f"log-group:/aws/apigateway/{OWN}"),
            {},
        ),
        ("logs DescribeIndexPolicies", "*", {}),
    ],
    "AWS::Logs::QueryDefinition": [
        ("logs PutQueryDefinition DescribeQueryDefinitions DeleteQueryDefinition", "*", {})
    ],
    "AWS::CloudWatch::Alarm": [
        (
            "cloudwatch PutMetricAlarm DescribeAlarms DeleteAlarms ListTagsForResource",
            arn("cloudwatch", f"alarm:{OWN}-slow"),
            {},
        )
    ],
    "AWS::CloudWatch::Dashboard": [
        (
            "cloudwatch PutDashboard GetDashboard DeleteDashboards",
            f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{OWN}-{REGION}",
            {},
        )
    ],
    "AWS::CodeDeploy::Application": [
        (
            "codedeploy CreateApplication GetApplication DeleteApplication RegisterApplicationRevision",
            arn("codedeploy", f"application:{CANARY}"),
            {},
        )
    ],
    "AWS::CodeDeploy::DeploymentGroup": [
        ("codedeploy CreateDeploymentGroup GetDeploymentGroup UpdateDeploymentGroup", GROUP, {}),
        ("codedeploy DeleteDeploymentGroup CreateDeployment GetDeployment", GROUP, {}),
        ("codedeploy StopDeployment", "*", {}),
        (
            "codedeploy GetDeploymentConfig",
            arn("codedeploy", "deploymentconfig:CodeDeployDefault.LambdaCanary10Percent5Minutes"),
            {},
        ),
        (
            "iam PassRole",
            f"arn:aws:iam::{ACCOUNT}:role/{OWN}-codedeploy-{REGION}",
            {"iam:PassedToService": "codedeploy.amazonaws.com"},
        ),
    ],
    "AWS::WAFv2::WebACL": [
        ("wafv2 CreateWebACL GetWebACL UpdateWebACL DeleteWebACL ListTagsForResource", WEB_ACL, {}),
        ("wafv2 CreateWebACL UpdateWebACL", IP_SET, {}),
    ],
    "AWS::WAFv2::IPSet": [("wafv2 CreateIPSet GetIPSet UpdateIPSet DeleteIPSet", IP_SET, {})],
    "AWS::WAFv2::WebACLAssociation": [
        ("wafv2 AssociateWebACL", WEB_ACL, {}),
        (
            "wafv2 AssociateWebACL DisassociateWebACL GetWebACLForResource",
            gateway("restapis/a1b2c3/stages/api"),
            {},
        ),
        ("apigateway SetWebACL", gateway("restapis/a1b2c3/stages/api"), {}),
    ],
    "AWS::ApiGateway::DomainName": [
        ("apigateway POST", gateway("domainnames"), {}),
        ("apigateway GET PATCH DELETE", gateway("domainnames/2fa.broker.example"), {}),
    ],
    "AWS::ApiGateway::BasePathMapping": [
        ("apigateway POST", gateway("domainnames/2fa.broker.example/basepathmappings"), {}),
        (
            "apigateway GET PATCH DELETE",
            gateway("domainnames/2fa.broker.example/basepathmappings/api"),
            {},
        ),
    ],
    "AWS::Route53::RecordSet": [
        ("route53 ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z00000000000000000000", NAME),
        (
            "route53 GetHostedZone ListResourceRecordSets",
            "arn:aws:route53:::hostedzone/Z00000000000000000000",
            {},
        ),
        ("route53 GetChange", "arn:aws:route53:::change/C1", {}),
    ],
}
"""CloudFormation's calls for a resource of each type: the actions, the ARN and the condition keys."""

BY_SAM = {
    *(
        "AWS::Lambda::Function",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Version",
        "AWS::Lambda::Alias",
    ),
    *("AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping", "AWS::Events::Rule"),
    *("AWS::ApiGateway::RestApi", "AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage"),
    *("AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"),
}
"""The types that SAM makes of Chalice's part of the template, the last two for a canary."""


@pytest.fixture(scope="module")
def rendered(aws: dict[str, str]) -> Rendered:
    return read_stacks()


def test_the_calls_of_every_type_are_known():
    own = {
        one["Type"]
        for name in ("service", "edge")
        for one in templates.read(name)["Resources"].values()
        if "Type" in one
    }
    assert own | BY_SAM == set(CALLS)


def test_cloudformation_can_make_every_call(rendered: Rendered):
    requests = [
        Request(f"{service}:{operation}", resource, context)
        for calls in CALLS.values()
        for named, resource, context in calls
        for service, *operations in [named.split()]
        for operation in operations
    ]
    # Not strictly: IAM's reference gives API Gateway's paths fewer forms than there are.
    questions = (rendered.question("cloudformation role", request) for request in requests)
    judged = judge(questions, strict=False)
    refused = [request for request, allowed in zip(requests, judged, strict=True) if not allowed]
    assert refused == []
