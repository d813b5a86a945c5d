"""IAM's judgement, by a simulator that reads the policies as CloudFormation renders them."""

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from infra.environment import ROOT

ACCOUNT = "123456789012"
INSTALLED = ROOT / "build" / "permissions"
"""The folder in which ``make permissions`` installs the simulator."""

Policy = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A call as IAM sees it: the action, the resource's ARN, and the values of the condition keys."""

    action: str
    resource: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same for calls that IAM cannot tell apart."""
        return json.dumps([self.action, self.resource, sorted(self.context.items())])


@dataclass(frozen=True)
class Question:
    """Return True if a principal may make a call. ``boundary`` limits its own policies."""

    principal: str
    policies: tuple[Policy, ...]
    request: Request
    resource_policy: Policy | None = None
    boundary: Policy | None = None


class _Policies:
    """The policies of many questions, each once."""

    def __init__(self) -> None:
        self.listed: list[Policy] = []
        self._places: dict[str, int] = {}

    def place(self, policy: Policy | None) -> int | None:
        """Return the policy's place in the list, None for no policy."""
        if policy is None:
            return None
        text = json.dumps(policy)
        if text not in self._places:
            self._places[text] = len(self.listed)
            self.listed.append(policy)
        return self._places[text]


def judge(questions: Iterable[Question], *, strict: bool = True) -> list[bool]:
    """Return for each question if it is allowed.

    Raises AssertionError if ``strict`` finds a misspelt action or policy.
    """
    asked, policies = list(questions), _Policies()
    told = [_as_json(question, policies, strict=strict) for question in asked]
    answers = _run("simulate.mjs", {"policies": policies.listed, "questions": told})
    wrong = [(q.request, a["error"]) for q, a in zip(asked, answers, strict=True) if "error" in a]
    assert not wrong, wrong
    return [answer["allowed"] for answer in answers]


@cache
def known_actions(service: str) -> list[dict[str, Any]]:
    """Return the name of every action of a service that IAM knows, and the forms of its ARNs."""
    found: dict[str, list[dict[str, Any]]] = _run("actions.mjs", [service])
    return found[service]


def actions_on(service: str, resource: str) -> list[str]:
    """Return every action of a service that IAM knows on a resource, or on none if that is ``*``."""
    if resource == "*":
        return [one["name"] for one in known_actions(service) if not one["arns"]]
    return [
        one["name"]
        for one in known_actions(service)
        if any(_form(arn).fullmatch(resource) for arn in one["arns"])
    ]


@cache
def _form(arn: str) -> re.Pattern[str]:
    """Return the pattern of the ARNs of a form such as ``arn:${Partition}:s3:::${BucketName}``."""
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\$\{\w+\}", arn)))


def _run(script: str, given: Any) -> Any:
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", Path(__file__).with_name(script).read_text()],
        cwd=INSTALLED,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _users_own(principal: str) -> dict[str, str]:
    """Return the condition keys that a user has and a role lacks."""
    _, user, name = principal.partition(":user/")
    return {"aws:username": name} if user else {}


def _as_json(question: Question, policies: _Policies, *, strict: bool) -> dict[str, Any]:
    request = question.request
    return {
        "principal": question.principal,
        "policies": [policies.place(policy) for policy in question.policies],
        "resourcePolicy": policies.place(question.resource_policy),
        "boundary": policies.place(question.boundary),
        "action": request.action,
        "resource": request.resource,
        "account": ACCOUNT,
        "context": {
            "aws:PrincipalArn": question.principal,
            "aws:PrincipalAccount": ACCOUNT,
            **_users_own(question.principal),
            **{name: list(v) if isinstance(v, tuple) else v for name, v in request.context.items()},
        },
        "strict": strict,
    }
