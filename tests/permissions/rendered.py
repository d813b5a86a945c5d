"""The policies of a stage as CloudFormation renders them, and who has which."""

import json
from dataclasses import dataclass
from typing import Any

import boto3

from tests import templates
from tests.permissions.row import FUNCTIONS, PEOPLE
from tests.permissions.simulator import ACCOUNT, Policy, Question, Request

STAGE = "test"
REGION = "us-east-1"
STAFF_ROLES = ("support", "auditor")
DEPLOYING_ROLES = ("cloudformation", "codedeploy")
HOLDERS = (*PEOPLE, "deployer", "alias mover")
"""Users, by the managed policy that they hold."""

POLICIES = ("SupportStaffPolicyArn", "AuditorsPolicyArn", "DeployerPolicyArn", "AliasMoverPolicyArn")
"""The outputs that name these policies."""

_DELEGATES: Policy = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}


@dataclass(frozen=True)
class Rendered:
    """The policies of each principal, the boundary of the functions' roles, the key's policy and each
    role's trust by their ARNs, and ARNs by short name."""

    policies: dict[str, tuple[Policy, ...]]
    boundary: Policy
    resource_policies: dict[str, Policy]
    resources: dict[str, str]

    def question(self, who: str, request: Request, own: tuple[Policy, ...] | None = None) -> Question:
        """Ask if somebody may make a call; ``own`` replaces the policies that are really theirs."""
        return Question(
            principal_arn(who),
            self.policies[who] if own is None else own,
            request,
            self.resource_policies.get(request.resource),
            self.boundary if who in FUNCTIONS else None,
        )


def principal_arn(who: str) -> str:
    """Return the ARN of a role of the stage, of a user with one of its policies, or of another role."""
    if who in HOLDERS:
        return f"arn:aws:iam::{ACCOUNT}:user/{who.replace(' ', '.')}"
    role = who.removesuffix(" role")
    if role in FUNCTIONS + STAFF_ROLES + DEPLOYING_ROLES:
        return f"arn:aws:iam::{ACCOUNT}:role/totp-binding-{STAGE}-{role}-{REGION}"
    return f"arn:aws:iam::{ACCOUNT}:role/{who}"


def read_stacks() -> Rendered:
    """Read the created stage's policies back from IAM and KMS."""
    iam, outputs = boto3.client("iam"), _outputs()
    roles = [*FUNCTIONS, *(f"{name} role" for name in STAFF_ROLES + DEPLOYING_ROLES)]
    policies: dict[str, tuple[Policy, ...]] = {name: tuple(_inline(iam, name)) for name in roles}
    for name, output in zip(HOLDERS, POLICIES, strict=True):
        policies[name] = (_managed(iam, outputs[output]),)
    # An administrator, and somebody whose own role lets them use every key and table there is.
    policies["administrator"] = (_allow("*"),)
    policies["another role"] = (_allow("kms:*", "dynamodb:*"),)
    trusted = {principal_arn(name): _trust(iam, name) for name in roles}
    resources = _resources(outputs)
    # The policy that AWS gives to a key of which nothing is said: IAM decides.
    keys = {resources["key"]: _key_policy(resources["key"]), resources["another key"]: _DELEGATES}
    witness = dict.fromkeys((resources["witness"], resources["a witness"]), _witness_policy())
    attached = {**keys, **witness, **trusted}
    return Rendered(policies, _managed(iam, _boundary(iam)), attached, resources)


def listed(value: str | list[str]) -> list[str]:
    """Return an element of a policy that may be one string or several as several."""
    return value if isinstance(value, list) else [value]


def role_name(who: str) -> str:
    """Return the name of a role of the stage."""
    return principal_arn(who).rpartition("/")[2]


def _boundary(iam: Any) -> str:
    """Return the ARN of the boundary, which must be the same for every function's role."""
    (arn,) = {
        iam.get_role(RoleName=role_name(name))["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
        for name in FUNCTIONS
    }
    return str(arn)


def _managed(iam: Any, arn: str) -> Policy:
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    document: Policy = version["Document"]
    return document


def _trust(iam: Any, who: str) -> Policy:
    trust: Policy = iam.get_role(RoleName=role_name(who))["Role"]["AssumeRolePolicyDocument"]
    return trust


def _inline(iam: Any, who: str) -> list[Policy]:
    role = role_name(who)
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]


def _key_policy(key: str) -> Policy:
    policy: Policy = json.loads(
        boto3.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    )
    return policy


def _witness_policy() -> Policy:
    """Return the bucket's policy from the template: the emulator creates no such resource."""
    properties = templates.resources("data")["WitnessBucketPolicy"]["Properties"]
    text = json.dumps(properties["PolicyDocument"])
    for name, value in {
        "AWS::Partition": "aws",
        "AWS::AccountId": ACCOUNT,
        "AWS::Region": REGION,
        "Stage": STAGE,
    }.items():
        text = text.replace(f"${{{name}}}", value)
    policy: Policy = json.loads(text)
    return policy


def _outputs() -> dict[str, str]:
    describe = boto3.client("cloudformation").describe_stacks
    stacks = [describe(StackName=f"totp-binding-{STAGE}{end}") for end in ("-data", "-bootstrap", "")]
    return {
        output["OutputKey"]: output["OutputValue"]
        for stack in stacks
        for output in stack["Stacks"][0]["Outputs"]
    }


def _resources(outputs: dict[str, str]) -> dict[str, str]:
    """Return the ARNs that the table speaks of, by the names that it gives them."""

    def arn(service: str, rest: str) -> str:
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"

    function = arn("lambda", f"function:totp-binding-{STAGE}")
    logs = arn("logs", f"log-group:/aws/lambda/totp-binding-{STAGE}")
    names = {name: "" if name == "api_handler" else f"-{name}" for name in FUNCTIONS}
    stacks = {"service": "", "edge": "-edge", "data": "-data", "bootstrap": "-bootstrap"}
    record = f"arn:aws:s3:::{outputs['InvocationRecord']}"
    witness = f"arn:aws:s3:::{outputs['WitnessBucket']}"
    artefacts = f"arn:aws:s3:::{outputs['ArtefactBucket']}"
    stream = outputs["BindingsStreamArn"]
    roles = [f"{name} role" for name in STAFF_ROLES + DEPLOYING_ROLES]
    return {
        **{
            name: arn("dynamodb", f"table/totp-binding-{STAGE}-{name}")
            for name in ("bindings", "audit", "keys")
        },
        "key": outputs["KmsKey"],
        "another key": arn("kms", "key/00000000-0000-4000-8000-000000000000"),
        "stream": stream,
        "stream after a restore": stream.rpartition("/")[0] + "/2027-01-01T00:00:00.000",
        "events": outputs["EventsTopic"],
        "operations": outputs["OperationsTopic"],
        "unrecorded": arn("sqs", f"totp-binding-{STAGE}-unrecorded"),
        "trail": arn("cloudtrail", f"trail/totp-binding-{STAGE}"),
        "invocations": record,
        "an invocation": f"{record}/AWSLogs/{ACCOUNT}/CloudTrail/some.json.gz",
        "witness": witness,
        "a witness": f"{witness}/2027/01/15/080000-0123.jsonl",
        "artefacts": artefacts,
        "an artefact": f"{artefacts}/code/some.zip",
        "*": "*",
        "alias live": f"{function}:live",
        "another stage's function": f"{function}2-unbind",
        **{f"function {name}": function + end for name, end in names.items()},
        **{f"role of {name}": principal_arn(name) for name in FUNCTIONS},
        **{name: principal_arn(name) for name in roles},
        **{f"log of {name}": f"{logs}{end}:log-stream:some" for name, end in names.items()},
        **{f"log group of {name}": f"{logs}{end}" for name, end in names.items()},
        **{
            f"{name} stack": arn("cloudformation", f"stack/totp-binding-{STAGE}{end}/some-id")
            for name, end in stacks.items()
        },
        "a new role": f"arn:aws:iam::{ACCOUNT}:role/new",
        "role of API Gateway's own": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/"
        "ops.apigateway.amazonaws.com/AWSServiceRoleForAPIGateway",
        "account of API Gateway": f"arn:aws:apigateway:{REGION}::/account",
        "an API key": f"arn:aws:apigateway:{REGION}::/apikeys/some",
        "zone": "arn:aws:route53:::hostedzone/Z00000000000000000000",
        **{f"policy {output}": outputs[output] for output in POLICIES},
        "policy Boundary": f"arn:aws:iam::{ACCOUNT}:policy/totp-binding-{STAGE}-boundary-{REGION}",
    }


def _allow(*actions: str) -> Policy:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
