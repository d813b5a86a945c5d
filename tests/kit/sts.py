"""STS as the tests set it up: a stand-in that verifies signatures, and the callers that it knows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from botocore.credentials import Credentials

from infra.emulator.sts_stand_in import Identity, SecurityTokenStandIn
from infra.local.http_server import HttpRequest, HttpResponse, Server
from tests.kit.clock import Clock

ACCOUNT = "123456789012"
REGION = "us-east-1"


def session(role: str, name: str, *, account: str = ACCOUNT, partition: str = "aws") -> str:
    """The ARN of a role's session."""
    return f"arn:{partition}:sts::{account}:assumed-role/{role}/{name}"


def support_session(stage: str, name: str, region: str = REGION) -> str:
    """The ARN of an operator in the support role."""
    return session(f"totp-binding-{stage}-support-{region}", name)


@dataclass
class Sts:
    """The stand-in, and all that it was asked.

    It names ``callers``, and others as ``strangers`` says. ``instead`` answers in its place.
    """

    server: Server
    clock: Clock
    callers: dict[str, Identity] = field(default_factory=dict)
    strangers: Callable[[str, str], Identity | None] = lambda key, region: None
    asked: list[HttpRequest] = field(default_factory=list)
    instead: Callable[[HttpRequest], HttpResponse] | None = None

    def __post_init__(self) -> None:
        self._stand_in = SecurityTokenStandIn(self._identity, self.clock)
        self.server.respond = self._respond

    def _respond(self, ask: HttpRequest) -> HttpResponse:
        self.asked.append(ask)
        return (self.instead or self._stand_in.respond)(ask)

    def _identity(self, key: str, region: str) -> Identity | None:
        return self.callers.get(key) or self.strangers(key, region)

    def knows(self, arn: str, token: str | None = "token/+=") -> Credentials:
        """Return credentials of a caller that STS names so."""
        key, secret = f"ASIA{len(self.callers):016}", f"secret/of+{len(self.callers)}"
        self.callers[key] = Identity(secret, token, arn)
        return Credentials(key, secret, token)


def sign_by(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have botocore sign by the clock of the tests."""

    def now() -> datetime:
        return datetime.fromtimestamp(clock(), UTC).replace(tzinfo=None)

    monkeypatch.setattr("botocore.auth.get_current_datetime", now)
