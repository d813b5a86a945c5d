"""Hold the answers of the service against what the model says."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import jwt

from tests.kit.desk import Desk
from tests.kit.login import SETTINGS
from tests.kit.user import Answer, User
from tests.model.contract import Account
from tests.model.support import Support
from tests.model.tie import Login, Says

TIMES = ("bound_at", "locked_until", "expires_at", "unbound_at", "bind_code_expires_at")
SEEN: Counter[str] = Counter()
"""The count of each answer over all machines: the figures of the run."""


class Door:
    """One account in front of the service, with the model of what it should answer."""

    def __init__(self, user: User, policy: str, *, two_operators: bool) -> None:
        self.user = user
        self.model = Account(always=policy == "always")
        self.support = Support(self.model, policy, two_operators)
        self.logins: dict[str, Login] = {}
        self.secrets: list[str] = []
        self.passes: dict[int, dict[str, Any]] = {}


class Judge:
    """Compares answers with the model, and remembers the passes of one story."""

    def __init__(self, staff: Desk) -> None:
        self.staff = staff
        self.bindings: dict[str, tuple[str, int]] = {}
        self.jtis: set[str] = set()

    def check(self, door: Door, answer: Answer, says: Says) -> Answer:
        """Hold an answer against what the model says."""
        got = answer.json
        SEEN[got.get("code", str(answer.status))] += 1
        wanted = dict(says.fields)
        if "at" in wanted:
            self._check_pass(door, got, wanted)
        shown = {name: got.get(name) for name in wanted}
        assert (answer.status, shown) == (says.status, times(wanted)), got
        challenged = "WWW-Authenticate" in answer.headers
        assert challenged == (answer.status == 401)
        assert answer.headers["x-request-id"] == got.get("request_id", answer.headers["x-request-id"])
        if got.get("code") == "locked":
            assert answer.headers["Retry-After"] == str(got["retry_after"])
        return answer

    def _check_pass(self, door: Door, got: dict[str, Any], wanted: dict[str, Any]) -> None:
        at, number, again = wanted.pop("at"), wanted.pop("tie"), wanted.pop("again", False)
        assert "pass" in got, got
        keys = jwt.PyJWKSet.from_dict(door.user.http.get("/.well-known/jwks.json").json_body)
        header = jwt.get_unverified_header(got["pass"])
        claims = jwt.decode(
            got["pass"],
            keys[header["kid"]],
            ["ES256"],
            audience=SETTINGS["PASS_AUDIENCE"],
            issuer=SETTINGS["PASS_ISSUER"],
            options={"verify_exp": False, "verify_iat": False},
        )
        known = (door.user.account, number)
        assert header["typ"] == "totp-pass+jwt"
        assert claims["sub"] == door.user.account
        assert (claims["iat"], claims["exp"]) == (at, at + 60)
        assert claims["channel"] == wanted["channel"]
        assert claims["amr"] == ["pwd", "otp", "mfa"]
        assert self.bindings.setdefault(claims["binding"], known) == known
        assert got["pass_expires_at"] == rfc3339(at + 60)
        assert (claims["jti"] in self.jtis) is again
        self.jtis.add(claims["jti"])

    def support(self, door: Door, function: str, says: dict[str, Any], **fields: Any) -> None:
        got = self.staff.call(function, door.user.account, **fields)
        SEEN[f"{function}: {got['outcome']}"] += 1
        wanted = dict(says)
        if wanted.pop("issued", False):
            assert door.model.code is not None
            door.model.code.digits = got["bind_code"]
            assert len(got["bind_code"]) == 8
        elif "bind_code" not in wanted:
            assert got.get("bind_code") is None
        if (number := wanted.pop("tie", None)) is not None and got["binding"] in self.bindings:
            assert self.bindings[got["binding"]] == (door.user.account, number)
        if "fields" in wanted:
            assert [error["field"] for error in got["errors"]] == wanted.pop("fields")
        assert {name: got.get(name) for name in wanted} == times(wanted), got


def times(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with their times as RFC 3339, as answers show them."""
    shown = {name: rfc3339(value) if name in TIMES else value for name, value in fields.items()}
    if "channels" in shown:
        shown["channels"] = {name: rfc3339(at) for name, at in shown["channels"].items()}
    return shown


def rfc3339(at: int | None) -> str | None:
    return None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
