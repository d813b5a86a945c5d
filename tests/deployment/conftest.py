"""A stage, and an AWS that answers as a test says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.deploy import artefacts, package
from infra.deploy.artefacts import Artefact, Artefacts
from infra.deploy.stage import Stage

SETTINGS = {
    "OTP_ISSUER": "极星期货",
    "PASS_ISSUER": "https://2fa.broker.example",
    "PASS_AUDIENCE": "trading-gateway",
    "LOGIN_ISSUER": "https://login.broker.example",
    "LOGIN_KEY_SET_URL": "https://login.broker.example/keys",
    "LOGIN_CLIENTS": {"polestar-9.3": {"channel": "desktop", "may_bind": True}},
}
ROLE = "arn:aws:iam::123456789012:role/totp-binding-trial-codedeploy"
VALUES = {
    "Stage": "trial",
    "KmsKey": "arn:aws:kms:ap-east-1:123456789012:key/11111111-1111-4111-8111-111111111111",
    "BindingsStreamArn": (
        "arn:aws:dynamodb:ap-east-1:123456789012:table/totp-binding-trial-bindings/stream/"
        "2026-01-01T00:00:00.000"
    ),
    "Rate": "100",
    "Burst": "200",
    "Concurrency": "200",
    "LogLevel": "INFO",
}


@pytest.fixture
def stage() -> Stage:
    return Stage(name="trial", settings=SETTINGS)


def made_of(code: str = "c", layer: str = "l") -> Artefacts:
    """Artefacts that are known by these digests."""
    return Artefacts(*(Artefact(Path("none"), 1, 1, digest * 64) for digest in (code, layer)))


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages go to a folder of the test, with a layer that needs no network."""

    def build_layer(target: Path, architecture: str) -> Artefact:
        return artefacts._zip(target, [("python/nothing.py", b"")])

    monkeypatch.setattr(package, "PACKAGES", tmp_path)
    monkeypatch.setattr(package, "build_layer", build_layer)
    return tmp_path


class Cloud:
    """A session whose services answer as a test says; any other call fails the test.

    An answer is a value, an exception, a function of the call, or a list of those for one call each.
    """

    def __init__(self, **answers: Any) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers = answers

    def client(self, service: str, **how: Any) -> "Cloud":
        return self

    def get_paginator(self, operation: str) -> "Cloud":
        return Cloud(paginate=lambda **asked: [getattr(self, operation)(**asked)])

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**asked: Any) -> Any:
            self.calls.append((operation, asked))
            answer = self.answers[operation]
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
            if isinstance(answer, Exception):
                raise answer
            return answer(**asked) if callable(answer) else answer

        return call

    def called(self, operation: str) -> list[dict[str, Any]]:
        """Return the arguments of each call of an operation."""
        return [asked for name, asked in self.calls if name == operation]
