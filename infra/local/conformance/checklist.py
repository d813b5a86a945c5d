"""The checklist of docs/clients.md: the answers of each preset account, replayed as a transcript."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pyotp
import urllib3

from chalicelib.core import totp
from infra.local import presets
from infra.local.launch import launched
from infra.local.stack import DEMO_PASSWORD

_PATHS = {
    "binding": ("GET", "/api/binding"),
    "bind": ("POST", "/api/bind"),
    "confirm": ("POST", "/api/bind/confirm"),
    "verify": ("POST", "/api/verify"),
}


_KEY = "checklist-" + uuid4().hex
"""An idempotency key of this run."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call and the promised part of its answer. The value ``...`` stands for any value.

    ``bind_code`` is sent in the body, ``key`` as the idempotency key.
    """

    call: str
    status: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    bind_code: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the checklist: an account, its state, the client that logs in, the calls."""

    account: str
    state: str
    client: str
    steps: tuple[Step, ...]


CHECKLIST = (
    Line(
        presets.BIND_CODE_OVER,
        "unbound for a suspected compromise two days ago: the bind code 1234 5678 is over",
        "desktop",
        (
            Step("binding", 200, {"state": "unbound", "bind_code_required": True}),
            Step("bind", 403, {"code": "bind_code_required", "attempts_left": None}),
            Step("bind", 410, {"code": "bind_code_expired"}, bind_code="1234 5678"),
        ),
    ),
    Line(
        presets.BIND_CODE_NEEDED,
        "unbound for a suspected compromise an hour ago: the bind code is 1234 5678",
        "desktop",
        (
            Step("binding", 200, {"state": "unbound", "bind_code_required": True}),
            Step("bind", 403, {"code": "bind_code_required", "attempts_left": 5}),
            Step("bind", 201, {"otpauth_uri": ..., "superseded": False}, bind_code="1234 5678"),
        ),
    ),
    Line(
        presets.BOUND,
        "bound with the published secret",
        "mobile",
        (
            Step("binding", 200, {"state": "bound", "suspended": False, "locked_until": None}),
            Step(
                "verify", 200, {"pass": ..., "channel": "mobile", "channel_first_use": False}, key=_KEY
            ),
            Step(
                "verify", 200, {"pass": ..., "channel": "mobile", "channel_first_use": False}, key=_KEY
            ),
        ),
    ),
    Line(
        presets.PENDING,
        "pending: its QR code waits for the first code",
        "desktop",
        (
            Step("binding", 200, {"state": "pending"}),
            Step("verify", 409, {"code": "not_bound"}),
            Step("confirm", 200, {"state": "bound", "pass": ..., "channel_first_use": True}),
        ),
    ),
    Line(
        presets.PAST_TERM,
        "pending and past its term",
        "desktop",
        (
            Step("binding", 200, {"state": "unbound"}),
            Step("confirm", 410, {"code": "bind_expired"}),
            Step(
                "bind", 201, {"otpauth_uri": ..., "qr_png": ..., "qr_modules": ..., "superseded": False}
            ),
        ),
    ),
    Line(
        presets.LOCKED,
        "locked after eleven wrong codes",
        "mobile",
        (
            Step("binding", 200, {"state": "bound", "locked_until": ...}),
            Step("verify", 429, {"code": "locked", "retry_after": ...}),
        ),
    ),
    Line(
        presets.SUSPENDED,
        "suspended after forty wrong codes in a month",
        "mobile",
        (
            Step("binding", 200, {"state": "bound", "suspended": True, "locked_until": None}),
            Step("verify", 403, {"code": "suspended"}),
        ),
    ),
    Line(
        presets.CODE_USED,
        "the code of this step already used",
        "mobile",
        (Step("verify", 403, {"code": "code_used", "retry_after": ...}),),
    ),
    Line(
        presets.UNAVAILABLE,
        "AWS unavailable for this account",
        "mobile",
        (
            Step("binding", 503, {"code": "unavailable"}),
            Step("verify", 503, {"code": "unavailable"}),
        ),
    ),
    Line(
        presets.LOGIN_TOO_OLD,
        "login token already too old",
        "desktop",
        (
            Step("binding", 401, {"code": "login_expired"}),
            Step("verify", 401, {"code": "login_expired"}),
            Step("confirm", 401, {"code": "login_expired"}),
        ),
    ),
    Line(
        presets.DESKTOP_ONLY,
        "bound on the desktop only",
        "mobile",
        (
            Step("bind", 403, {"code": "desktop_only"}),
            Step("verify", 200, {"pass": ..., "channel": "mobile", "channel_first_use": True}),
        ),
    ),
)


class Replay:
    """Replays lines of the checklist on the stack at a URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = urllib3.PoolManager(retries=False, timeout=30)
        self._codes = pyotp.HOTP(presets.SECRET)
        self.deviations = 0

    def run(self, line: Line) -> None:
        """Log in, make the calls of the line, and print the answers."""
        print(f"\n{line.account}  {line.state}")
        login = {"account": line.account, "password": DEMO_PASSWORD, "client": line.client}
        status, document = self._call("POST", "/login", login, None)
        print(f"  POST /login as {line.client:<22} {status}")
        token = document.get("token")
        for step in line.steps:
            method, path = _PATHS[step.call]
            code = self._codes.at(totp.step_at(int(time.time())))
            body = {"code": code} if step.call in ("confirm", "verify") else None
            if step.bind_code is not None:
                body = {"bind_code": step.bind_code}
            status, document = self._call(method, path, body, token, step.key)
            found = {name: document.get(name) for name in step.fields}
            print(f"  {method:<4} {path:<32} {status} {_shown(found)}")
            self._compare(step, status, document)

    def _compare(self, step: Step, status: int, document: Mapping[str, Any]) -> None:
        wanted = {"status": step.status, **step.fields}
        answered = {**document, "status": status}
        wrong = [
            name
            for name, value in wanted.items()
            if (answered.get(name) is None if value is ... else answered.get(name, ...) != value)
        ]
        if wrong:
            self.deviations += 1
            print(f"       NOT AS PROMISED: {', '.join(wrong)} should be {_shown(wanted)}")

    def _call(
        self, method: str, path: str, body: Any, token: str | None, key: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Accept-Language": "en", "Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        raw = None if body is None else json.dumps(body).encode()
        answer = self._http.request(method, self._url + path, body=raw, headers=headers)
        document: dict[str, Any] = json.loads(answer.data)
        return answer.status, document


def _shown(fields: Mapping[str, Any]) -> str:
    """Return fields on one line, with long values cut off."""
    texts = {
        name: "(any)" if value is ... else json.dumps(value, ensure_ascii=False)
        for name, value in fields.items()
    }
    return "  ".join(
        f"{name} {text if len(text) < 40 else text[:24] + '…'}" for name, text in texts.items()
    )


def main() -> int:
    """Replay the checklist on the stack whose URL is the argument, or on one of its own.

    Returns the exit status: 0 if every answer is the one that the checklist promises, 1 otherwise.
    """
    if len(sys.argv) > 1:
        return _replayed(sys.argv[1].rstrip("/"))
    with TemporaryDirectory() as folder, launched(Path(folder) / "log") as stack:
        return _replayed(stack.url)


def _replayed(url: str) -> int:
    replay = Replay(url)
    print(f"the checklist of docs/clients.md, on {url}")
    for line in CHECKLIST:
        replay.run(line)
    print(f"\n{len(CHECKLIST)} lines, {replay.deviations} answers not as promised")
    return 1 if replay.deviations else 0
