"""The rows of those who deploy: the deployer, CloudFormation and CodeDeploy, and the alias mover."""

from typing import Any

from tests.permissions.row import Row, may, may_not


def with_role(role: str) -> dict[str, Any]:
    """A change set that CloudFormation executes with a role."""
    return {"more": (("cloudformation:RoleArn", role),)}


def passed_to(service: str) -> dict[str, Any]:
    """A role that is passed to a service."""
    return {"more": (("iam:PassedToService", f"{service}.amazonaws.com"),)}


def let_in(principal: str) -> dict[str, Any]:
    """A permission for a principal to invoke a function."""
    return {"more": (("lambda:Principal", principal),)}


API_GATEWAY, SCHEDULE = "apigateway.amazonaws.com", "events.amazonaws.com"
CLOUDFORMATION, CODEDEPLOY = "cloudformation role", "codedeploy role"
RECORDS = {"more": (("lambda:FunctionArn", "function record_events"),)}
NAME, OTHER_NAME = (
    {"more": (("route53:ChangeResourceRecordSetsNormalizedRecordNames", name),)}
    for name in ("2fa.broker.example", "www.broker.example")
)

ROWS: tuple[tuple[str, tuple[Row, ...]], ...] = (
    (
        "A deployer makes change sets of service and edge, with CloudFormation's role, and no more",
        (
            may(
                "deployer",
                "cloudformation:CreateChangeSet",
                "service stack",
                **with_role(CLOUDFORMATION),
            ),
            may("deployer", "cloudformation:CreateChangeSet", "edge stack", **with_role(CLOUDFORMATION)),
            may_not("deployer", "cloudformation:CreateChangeSet", "service stack"),
            may_not(
                "deployer",
                "cloudformation:CreateChangeSet",
                "service stack",
                **with_role("support role"),
            ),
            may_not(
                "deployer", "cloudformation:CreateChangeSet", "data stack", **with_role(CLOUDFORMATION)
            ),
            may_not(
                "deployer",
                "cloudformation:CreateChangeSet",
                "bootstrap stack",
                **with_role(CLOUDFORMATION),
            ),
            may("deployer", "cloudformation:ExecuteChangeSet", "service stack"),
            may("deployer", "cloudformation:DeleteChangeSet", "edge stack"),
            may_not("deployer", "cloudformation:ExecuteChangeSet", "bootstrap stack"),
            may_not("deployer", "cloudformation:UpdateStack", "service stack"),
            may_not("deployer", "cloudformation:DeleteStack", "service stack"),
            may("deployer", "cloudformation:GetTemplate", "bootstrap stack"),
            may("deployer", "cloudformation:DescribeStacks", "data stack"),
            may("deployer", "cloudformation:DescribeChangeSet", "service stack"),
            may("deployer", "cloudformation:DescribeStackEvents", "service stack"),
            may("deployer", "cloudformation:ListStackResources", "service stack"),
            may("deployer", "lambda:GetAccountSettings", "*"),
            may("deployer", "iam:PassRole", CLOUDFORMATION, **passed_to("cloudformation")),
            may_not("deployer", "iam:PassRole", CLOUDFORMATION, **passed_to("lambda")),
            may_not("deployer", "iam:PassRole", "role of api_handler", **passed_to("lambda")),
            may_not("deployer", "iam:PassRole", "role of api_handler", **passed_to("cloudformation")),
            may("deployer", "s3:PutObject", "an artefact"),
            may("deployer", "s3:GetObject", "an artefact"),
            may("deployer", "s3:ListBucket", "artefacts"),
            may_not("deployer", "s3:DeleteObject", "an artefact"),
            may_not("deployer", "s3:PutObject", "an invocation"),
            may("deployer", "lambda:InvokeFunction", "function rotate_keys"),
            may_not("deployer", "lambda:InvokeFunction", "function unbind"),
            may_not("deployer", "lambda:InvokeFunction", "function api_handler"),
            may_not("deployer", "lambda:UpdateFunctionCode", "function api_handler"),
            may_not("deployer", "lambda:UpdateAlias", "function api_handler"),
            may("deployer", "logs:FilterLogEvents", "log group of lookup"),
            may("deployer", "dynamodb:DescribeTable", "bindings"),
            may("deployer", "apigateway:GET", "account of API Gateway"),
            may_not("deployer", "apigateway:GET", "an API key"),
            may_not("deployer", "dynamodb:GetItem", "bindings", whole=True),
            may_not("deployer", "kms:Decrypt", "key", purpose="secret"),
        ),
    ),
    (
        "CloudFormation's role creates functions, invokes none, and lets API and schedule invoke two",
        (
            may(CLOUDFORMATION, "lambda:CreateFunction", "function unbind"),
            may(CLOUDFORMATION, "lambda:UpdateAlias", "function api_handler"),
            may_not(CLOUDFORMATION, "lambda:CreateFunction", "another stage's function"),
            may_not(CLOUDFORMATION, "lambda:InvokeFunction", "function unbind"),
            may_not(CLOUDFORMATION, "lambda:InvokeFunction", "function rotate_keys"),
            may_not(CLOUDFORMATION, "lambda:CreateFunctionUrlConfig", "function api_handler"),
            may(CLOUDFORMATION, "lambda:AddPermission", "function api_handler", **let_in(API_GATEWAY)),
            may(CLOUDFORMATION, "lambda:AddPermission", "alias live", **let_in(API_GATEWAY)),
            may(CLOUDFORMATION, "lambda:AddPermission", "function rotate_keys", **let_in(SCHEDULE)),
            may_not(CLOUDFORMATION, "lambda:AddPermission", "function api_handler", **let_in("*")),
            may_not(CLOUDFORMATION, "lambda:AddPermission", "function rotate_keys", **let_in("*")),
            may_not(CLOUDFORMATION, "lambda:AddPermission", "function unbind", **let_in(API_GATEWAY)),
            may_not(CLOUDFORMATION, "lambda:AddPermission", "function unbind", **let_in("*")),
            may(CLOUDFORMATION, "iam:PassRole", "role of api_handler", **passed_to("lambda")),
            may(CLOUDFORMATION, "iam:PassRole", CODEDEPLOY, **passed_to("codedeploy")),
            may_not(CLOUDFORMATION, "iam:PassRole", "role of api_handler", **passed_to("ec2")),
            may_not(CLOUDFORMATION, "iam:PassRole", CODEDEPLOY, **passed_to("lambda")),
            may_not(CLOUDFORMATION, "iam:PassRole", CLOUDFORMATION, **passed_to("lambda")),
            may_not(CLOUDFORMATION, "iam:PassRole", "support role", **passed_to("lambda")),
            may_not(CLOUDFORMATION, "iam:PassRole", "auditor role", **passed_to("lambda")),
            may_not(CLOUDFORMATION, "iam:UpdateAssumeRolePolicy", "role of api_handler"),
            may_not(CLOUDFORMATION, "iam:PutRolePolicy", "role of api_handler"),
            may_not(CLOUDFORMATION, "iam:CreateRole", "a new role"),
            may(CLOUDFORMATION, "lambda:CreateEventSourceMapping", "*", **RECORDS),
            may_not(
                CLOUDFORMATION,
                "lambda:CreateEventSourceMapping",
                "*",
                more=(("lambda:FunctionArn", "function lookup"),),
            ),
            may(CLOUDFORMATION, "s3:GetObject", "an artefact"),
            may_not(CLOUDFORMATION, "s3:GetObject", "an invocation"),
            may_not(CLOUDFORMATION, "kms:Decrypt", "key", purpose="secret"),
            may_not(CLOUDFORMATION, "kms:PutKeyPolicy", "key"),
            may_not(CLOUDFORMATION, "cloudtrail:StopLogging", "trail"),
            may_not(CLOUDFORMATION, "s3:DeleteObject", "an invocation"),
            may_not(CLOUDFORMATION, "s3:PutBucketPolicy", "invocations"),
            may(CLOUDFORMATION, "route53:ChangeResourceRecordSets", "zone", **NAME),
            may_not(CLOUDFORMATION, "route53:ChangeResourceRecordSets", "zone", **OTHER_NAME),
            may_not(
                CLOUDFORMATION,
                "iam:CreateServiceLinkedRole",
                "role of API Gateway's own",
                more=(("iam:AWSServiceName", "ec2.amazonaws.com"),),
            ),
        ),
    ),
    (
        "In an emergency the alias moves, and nothing else does",
        (
            may("alias mover", "lambda:UpdateAlias", "function api_handler"),
            may("alias mover", "lambda:ListVersionsByFunction", "function api_handler"),
            may_not("alias mover", "lambda:UpdateAlias", "function unbind"),
            may_not("alias mover", "lambda:CreateAlias", "function api_handler"),
            may_not("alias mover", "lambda:UpdateFunctionCode", "function api_handler"),
            may_not("alias mover", "lambda:UpdateFunctionConfiguration", "function api_handler"),
            may_not("alias mover", "lambda:GetFunction", "function api_handler"),
            may_not("alias mover", "lambda:InvokeFunction", "function api_handler"),
            may(CODEDEPLOY, "lambda:UpdateAlias", "function api_handler"),
            may_not(CODEDEPLOY, "lambda:UpdateAlias", "function unbind"),
            may_not(CODEDEPLOY, "lambda:UpdateFunctionCode", "function api_handler"),
        ),
    ),
)
