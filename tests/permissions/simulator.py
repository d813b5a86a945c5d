"""IAM's judgement, by a simulator that reads the policies as CloudFormation renders them."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.environment import ROOT

ACCOUNT = "123456789012"
INSTALLED = ROOT / "build" / "permissions"
"""Where ``make permissions`` installs the simulator."""

Policy = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A call as IAM sees it: the action, the resource's ARN, and what the call's condition keys say."""

    action: str
    resource: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same for calls that IAM cannot tell apart."""
        return json.dumps([self.action, self.resource, sorted(self.context.items())])


@dataclass(frozen=True)
class Question:
    """Whether a principal with these policies may make a call."""

    principal: str
    policies: tuple[Policy, ...]
    request: Request
    resource_policy: Policy | None = None


def judge(questions: Iterable[Question], *, strict: bool = True) -> list[bool]:
    """Whether each is allowed. AssertionError where ``strict`` finds a misspelt action or policy."""
    asked = list(questions)
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", Path(__file__).with_name("simulate.mjs").read_text()],
        cwd=INSTALLED,
        input=json.dumps([_as_json(question, strict=strict) for question in asked]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    wrong = [(q.request, a["error"]) for q, a in zip(asked, answers, strict=True) if "error" in a]
    assert not wrong, wrong
    return [answer["allowed"] for answer in answers]


def _users_own(principal: str) -> dict[str, str]:
    """What the context has of a user and lacks of a role."""
    _, user, name = principal.partition(":user/")
    return {"aws:username": name} if user else {}


def _as_json(question: Question, *, strict: bool) -> dict[str, Any]:
    request = question.request
    return {
        "principal": question.principal,
        "policies": question.policies,
        "resourcePolicy": question.resource_policy,
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
