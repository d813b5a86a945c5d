"""Whether the deploying person may do all that a deployment does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.deploying.stage import Stage
from infra.environment import ROOT

DEPLOYER = ROOT / "infra" / "deployer.json"
"""The policy that the deploying person needs, ready to be attached."""

EXTRAS = ROOT / "infra" / "deployer-extras.json"
"""What the optional stacks take besides."""

_AT_ONCE = 50
"""Actions in one question to IAM's simulator."""


def statements(policy: Path) -> list[dict[str, Any]]:
    """The statements of a policy."""
    found: list[dict[str, Any]] = json.loads(policy.read_text("utf-8"))["Statement"]
    return found


def missing(session: Any, stage: Stage, policy: Path, account: str, caller: str) -> list[str]:
    """The actions of a policy that IAM would not let the caller do on this stage.

    Those with a wildcard are reads, which the simulator takes no question about.
    ClientError where IAM does not let its simulator be asked.
    """
    iam = session.client("iam")
    source = _policy_source(iam, caller)
    lacking: list[str] = []
    for statement in statements(policy):
        resources = [_at(resource, stage, account) for resource in statement["Resource"]]
        exact = [action for action in statement["Action"] if "*" not in action]
        for actions in _batches(exact):
            answer = iam.simulate_principal_policy(
                PolicySourceArn=source,
                ActionNames=actions,
                ResourceArns=resources,
                ContextEntries=_context(statement),
            )
            lacking += [
                result["EvalActionName"]
                for result in answer["EvaluationResults"]
                if result["EvalDecision"] != "allowed"
            ]
    return sorted(set(lacking))


def _policy_source(iam: Any, caller: str) -> str:
    """The user or role whose policies speak for the caller: a session's role, by its full path."""
    kind, _, rest = caller.rpartition(":")[2].partition("/")
    if kind != "assumed-role":
        return caller
    arn: str = iam.get_role(RoleName=rest.partition("/")[0])["Role"]["Arn"]
    return arn


def _at(resource: str, stage: Stage, account: str) -> str:
    """A resource of the policy as it is called in this account, region and stage."""
    if resource == "*":
        return resource
    parts = resource.split(":", 5)
    parts[3] = parts[3].replace("*", stage.region)
    parts[4] = parts[4].replace("*", account)
    parts[5] = parts[5].replace("*", stage.name)
    return ":".join(parts)


def _context(statement: dict[str, Any]) -> list[dict[str, Any]]:
    """What a statement asks of its requests, so that the simulated ones have it."""
    wanted = statement.get("Condition", {}).get("StringEquals", {})
    return [
        {"ContextKeyName": key, "ContextKeyType": "string", "ContextKeyValues": [value]}
        for key, value in wanted.items()
    ]


def _batches(actions: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(actions), _AT_ONCE):
        yield actions[start : start + _AT_ONCE]
