"""The policies of a stack as CloudFormation renders them, and who holds which."""

import json
from dataclasses import dataclass
from typing import Any

import boto3

from tests.permissions.simulator import ACCOUNT, Policy, Question, Request

STAGE = "test"
REGION = "us-east-1"
FUNCTIONS = ("api_handler", "unbind", "unlock", "lookup", "rotate_keys", "record_events")
STAFF = ("support", "auditor")


@dataclass(frozen=True)
class Rendered:
    """What each principal may do by its own policies, what the key's policy says, ARNs by short name."""

    policies: dict[str, tuple[Policy, ...]]
    key_policy: Policy
    resources: dict[str, str]

    def question(self, who: str, request: Request, own: tuple[Policy, ...] | None = None) -> Question:
        """Whether somebody may make a call; ``own`` in place of the policies that are really theirs."""
        return Question(
            principal_arn(who),
            self.policies[who] if own is None else own,
            request,
            self.key_policy if request.resource == self.resources["key"] else None,
        )


def principal_arn(who: str) -> str:
    """The ARN of a function's role, or of somebody who holds a staff policy or another one."""
    if who == "auditor":
        return f"arn:aws:iam::{ACCOUNT}:role/totp-binding-{STAGE}-auditor-{REGION}"
    if who in FUNCTIONS:
        return f"arn:aws:iam::{ACCOUNT}:role/totp-binding-{STAGE}-{who}-{REGION}"
    return f"arn:aws:iam::{ACCOUNT}:role/{who}"


def read_stack() -> Rendered:
    """Read the created stack's policies back from IAM and KMS."""
    iam, outputs = boto3.client("iam"), _outputs()
    policies: dict[str, tuple[Policy, ...]] = {
        name: tuple(_inline(iam, principal_arn(name).rpartition("/")[2])) for name in FUNCTIONS
    }
    for name, output in zip(STAFF, ("SupportStaffPolicyArn", "AuditorsPolicyArn"), strict=True):
        arn = outputs[output]
        policies[name] = (
            iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"],
        )
    # An administrator, and somebody whose own role lets them use every key and table there is.
    policies["administrator"] = (_allow("*"),)
    policies["another role"] = (_allow("kms:*", "dynamodb:*"),)
    return Rendered(policies, _key_policy(outputs["KmsKey"]), _resources(outputs))


def listed(value: str | list[str]) -> list[str]:
    """An element of a policy that may be one string or several, as several."""
    return value if isinstance(value, list) else [value]


def _inline(iam: Any, role: str) -> list[Policy]:
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]


def _key_policy(key: str) -> Policy:
    policy: Policy = json.loads(
        boto3.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    )
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
        "*": "*",
        **{f"function {name}": function + end for name, end in names.items()},
        **{f"log of {name}": f"{logs}{end}:log-stream:some" for name, end in names.items()},
    }


def _allow(*actions: str) -> Policy:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
