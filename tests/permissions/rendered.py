"""The policies of a stack as CloudFormation renders them, and who holds which."""

import json
from dataclasses import dataclass
from typing import Any

import boto3

from tests import templates
from tests.permissions.simulator import ACCOUNT, Policy, Question, Request
from tests.permissions.table import PEOPLE

STAGE = "test"
REGION = "us-east-1"
FUNCTIONS = ("api_handler", "unbind", "unlock", "lookup", "rotate_keys", "record_events")
STAFF_ROLES = ("support", "auditor")


@dataclass(frozen=True)
class Rendered:
    """What each principal may do by its own policies, what the key's policy and each role's trust
    say, by their ARNs, and ARNs by short name."""

    policies: dict[str, tuple[Policy, ...]]
    resource_policies: dict[str, Policy]
    resources: dict[str, str]

    def question(self, who: str, request: Request, own: tuple[Policy, ...] | None = None) -> Question:
        """Whether somebody may make a call; ``own`` in place of the policies that are really theirs."""
        return Question(
            principal_arn(who),
            self.policies[who] if own is None else own,
            request,
            self.resource_policies.get(request.resource),
        )


def principal_arn(who: str) -> str:
    """The ARN of a function's or the staff's role, of a user with a staff policy, or of another role."""
    if who in PEOPLE:
        return f"arn:aws:iam::{ACCOUNT}:user/{who.replace(' ', '.')}"
    role = who.removesuffix(" role")
    if role in FUNCTIONS + STAFF_ROLES:
        return f"arn:aws:iam::{ACCOUNT}:role/totp-binding-{STAGE}-{role}-{REGION}"
    return f"arn:aws:iam::{ACCOUNT}:role/{who}"


def read_stack() -> Rendered:
    """Read the created stack's policies back from IAM and KMS."""
    iam, outputs = boto3.client("iam"), _outputs()
    holders = [*FUNCTIONS, *(f"{name} role" for name in STAFF_ROLES)]
    policies: dict[str, tuple[Policy, ...]] = {name: tuple(_inline(iam, name)) for name in holders}
    for name, output in zip(PEOPLE, ("SupportStaffPolicyArn", "AuditorsPolicyArn"), strict=True):
        arn = outputs[output]
        policies[name] = (
            iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"],
        )
    # An administrator, and somebody whose own role lets them use every key and table there is.
    policies["administrator"] = (_allow("*"),)
    policies["another role"] = (_allow("kms:*", "dynamodb:*"),)
    trusted = {principal_arn(name): _trust(iam, name) for name in holders}
    key, resources = outputs["KmsKey"], _resources(outputs)
    witness = dict.fromkeys((resources["witness"], resources["a witness"]), _witness_policy())
    return Rendered(policies, {key: _key_policy(key), **witness, **trusted}, resources)


def listed(value: str | list[str]) -> list[str]:
    """An element of a policy that may be one string or several, as several."""
    return value if isinstance(value, list) else [value]


def role_name(who: str) -> str:
    """The name of a function's or the staff's role."""
    return principal_arn(who).rpartition("/")[2]


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
    """The bucket's policy, from the template: the emulator makes no such resource."""
    properties = templates.resources("resources.yaml")["WitnessBucketPolicy"]["Properties"]
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
    stacks = boto3.client("cloudformation").describe_stacks(StackName=f"totp-binding-{STAGE}")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}


def _resources(outputs: dict[str, str]) -> dict[str, str]:
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:totp-binding-{STAGE}"
    logs = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/totp-binding-{STAGE}"
    names = {name: "" if name == "api_handler" else f"-{name}" for name in FUNCTIONS}
    record = f"arn:aws:s3:::{outputs['InvocationRecord']}"
    witness = f"arn:aws:s3:::{outputs['WitnessBucket']}"
    return {
        "bindings": table + outputs["BindingsTable"],
        "audit": table + outputs["AuditTable"],
        "keys": table + outputs["KeysTable"],
        "key": outputs["KmsKey"],
        "stream": outputs["BindingsStreamArn"],
        "stream after a restore": outputs["BindingsStreamArn"].rpartition("/")[0]
        + "/2027-01-01T00:00:00.000",
        "events": outputs["EventsTopic"],
        "operations": outputs["OperationsTopic"],
        "invocations": record,
        "an invocation": f"{record}/AWSLogs/{ACCOUNT}/CloudTrail/some.json.gz",
        "witness": witness,
        "a witness": f"{witness}/2027/01/15/080000-0123.jsonl",
        "*": "*",
        **{f"function {name}": function + end for name, end in names.items()},
        **{f"role of {name}": principal_arn(name) for name in FUNCTIONS},
        **{f"{name} role": principal_arn(f"{name} role") for name in STAFF_ROLES},
        **{f"log of {name}": f"{logs}{end}:log-stream:some" for name, end in names.items()},
    }


def _allow(*actions: str) -> Policy:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
