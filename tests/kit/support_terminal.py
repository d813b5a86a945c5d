"""The support command at a terminal, and Lambda behind it."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.emulator.sts_stand_in import Identity
from infra.local.http_server import HttpRequest, HttpResponse, Server, json_response
from infra.local.lambda_api import INVOKE_PATH, LambdaApi
from infra.support.command import main
from infra.support.command_errors import Exit
from tests.kit.sts import Sts, support_session

DEPLOYED = "prod"


KEYS = {
    "aws_access_key_id": "ASIAOPERATOR",
    "aws_secret_access_key": "secret",
    "aws_session_token": "token",
}
"""The operator's credentials at the deployed stage."""


@dataclass
class Lambda:
    """Lambda's invoke call over HTTP, with the service's own functions behind it."""

    server: Server
    functions: LambdaApi
    invoked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    instead: Callable[[], HttpResponse] | None = None

    def respond(self, ask: HttpRequest) -> HttpResponse:
        match = INVOKE_PATH.fullmatch(ask.target)
        assert match is not None, ask.target
        self.invoked.append((match[1], json.loads(ask.body or b"")))
        if self.instead is not None:
            return self.instead()
        signed = ask.headers.get("Authorization")
        return self.functions.invoke(match[1], ask.body or b"", "RequestResponse", signed)

    def refuse(self, status: int, code: str) -> None:
        """Answer with an error of AWS."""
        self.instead = lambda: json_response(status, {"Message": code}, {"x-amzn-ErrorType": code})

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.invoked]


def become(monkeypatch: pytest.MonkeyPatch, sts: Sts, name: str) -> None:
    """Have the environment's credentials be those of an operator, in whichever region."""
    for part, value in KEYS.items():
        monkeypatch.setenv(part.upper(), value)
    secret, token = KEYS["aws_secret_access_key"], KEYS["aws_session_token"]
    sts.strangers = lambda key, region: (
        Identity(secret, token, support_session(DEPLOYED, name, region))
        if key == KEYS["aws_access_key_id"]
        else None
    )


@dataclass
class Terminal:
    """A terminal with the command in this process."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    stage: str
    out: str = ""
    err: str = ""

    def run(self, *arguments: str, typing: list[str] | None = None) -> Exit:
        """Run the command. ``out`` and ``err`` hold its output. Returns the exit status.

        ``typing`` holds the lines that somebody types. Without it no terminal is attached.
        """
        answers = iter(typing or [])

        def type_next(prompt: str) -> str:
            print(prompt)
            try:
                return next(answers)
            except StopIteration:
                raise EOFError from None

        self.monkeypatch.setattr("builtins.input", type_next)
        self.monkeypatch.setattr("sys.stdin.isatty", lambda: typing is not None, raising=False)
        self.capsys.readouterr()
        status = main([*arguments, "--stage", self.stage])
        self.out, self.err = self.capsys.readouterr()
        self.out = "".join(line for line in self.out.splitlines(keepends=True) if '"level"' not in line)
        return Exit(status)

    def json(self, *arguments: str) -> tuple[Exit, Any]:
        status = self.run(*arguments, "--json")
        return status, json.loads(self.out)


def speak(monkeypatch: pytest.MonkeyPatch, lang: str) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", lang)


def lines(text: str) -> dict[str, str]:
    """The lines of two columns, by their first column."""
    return dict(re.split(r" {2,}", line, maxsplit=1) for line in text.splitlines() if "  " in line)
