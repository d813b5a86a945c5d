"""After a run of everything, nothing secret is in any log, answer, row, message or item."""

import base64
import json
import random
from typing import Any

import boto3
import pytest

from chalicelib import wiring
from chalicelib.core.keys import Purpose
from tests.kit.clock import Clock
from tests.kit.desk import Desk
from tests.kit.fault_plan import OUTAGES, FaultPlan
from tests.kit.figures import record
from tests.kit.hidden import Hidden
from tests.kit.log_lines import LogLines
from tests.kit.login import LOGIN_KEY, MOBILE
from tests.kit.phone import code_at, wrong_code
from tests.kit.user import Answer, User
from tests.kit.wire import Wire

KEY = "idempotency-key-of-a-client"
PROOF = {
    "access_key_id": "ASIAPROOFPROOFPROOF1",
    "date": "20270115T080000Z",
    "session_token": "session-token-of-the-operator",
    "signature": "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
}


class Run:
    """Everything that clients and support can do, right and wrong, with all that is secret noted."""

    def __init__(self, user: User, staff: Desk) -> None:
        self.user, self.staff = user, staff
        self.hidden = Hidden()
        self.problems: list[Answer] = []
        self.outcomes: list[dict[str, Any]] = []
        self.hidden.text("idempotency key", KEY)
        self.hidden.key("login server's key", LOGIN_KEY.private_numbers().d.to_bytes(256, "big"))
        for name in ("session_token", "signature"):
            self.hidden.text("proof", PROOF[name])

    def everything(self) -> None:
        self._strangers()
        code = self._support("unbind", reason="suspected_compromise")["bind_code"]
        self.user.clock.advance(1)
        self._bind(code)
        secret = self._bind(code)
        self._log_in(secret)
        for function in ("lookup", "unlock", "invite", "approve"):
            self._support(function)
            self._support(function, operator=secret + "\n", ticket=KEY + "\n", account="\n" + secret)
        self._support("unbind", reason="new_device", ticket="T-2")

    def _strangers(self) -> None:
        user = self.user
        for claims in ({"iss": "x"}, {"exp": 1}, {"username": "x y"}, {"client_id": "x"}, {}):
            token = user.token(**claims)
            self.hidden.text("token", token)
            self._note(user.look(token=token))
            self._note(user.look(token=token[:-3]))
            self._note(user.call("PUT", "/verify", token=token))

    def _bind(self, code: str | None) -> str:
        for typed in ("00000000", "1234567", code):
            body = {"bind_code": typed, "more": KEY}
            shown = self._note(self.user.call("POST", "/bind", body, token=self._token()))
        if shown.status != 201:
            return "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
        secret: str = shown.json["secret"]
        self.hidden.key("secret", base64.b32decode(secret))
        self.hidden.text("secret", secret)
        self.hidden.text("QR code", shown.json["qr_png"].partition(",")[2])
        return secret

    def _log_in(self, secret: str) -> None:
        for path in ("/bind/confirm", "/verify", "/verify"):
            now = self.user.clock()
            right, wrong = code_at(secret, now), wrong_code(secret, now)
            for code in (wrong, code_at(secret, now - 120), right, right):
                self.hidden.code("code", code)
                token = self._token(MOBILE if path == "/verify" else "polestar-9.3")
                for typed in (code, f"{code}x", {"code": code}, [code]):
                    self._note(self.user.call("POST", path, {"code": typed}, token=token))
                for body in (code.encode(), json.dumps({"code": code}).encode()[:-1]):
                    self._note(self.user.call("POST", path, body, token=token))
                for key in (KEY, KEY + " "):
                    sent = {"Idempotency-Key": key}
                    self._note(self.user.call("POST", path, {"code": code}, token=token, headers=sent))
            self.user.clock.advance(60)
        for _ in range(6):
            self._note(self.user.verify(wrong_code(secret, self.user.clock()), token=self._token()))

    def _token(self, client: str = "polestar-9.3") -> str:
        token = self.user.token(client)
        self.hidden.text("token", token)
        return token

    def _note(self, answer: Answer) -> Answer:
        if answer.status >= 400:
            self.problems.append(answer)
        elif "pass" in answer.json:
            self.hidden.text("pass", answer.json["pass"])
        return answer

    def _support(self, function: str, **fields: Any) -> dict[str, str | None]:
        """Call a support function, with a proof that does not hold and without one."""
        event = {
            "account": self.user.account,
            "ticket": "T-1",
            "operator": "amy",
            "reason": "other",
        } | fields
        answers = [self.staff.call(function, **event | more) for more in ({"proof": PROOF}, {})]
        codes = [answer.pop("bind_code") for answer in answers if answer.get("bind_code")]
        for code in codes:
            self.hidden.code("bind code", code)
        self.outcomes += answers
        return {"bind_code": codes[-1] if codes else None}


def keys_of_the_service(hidden: Hidden) -> None:
    keyring = wiring.components().rotation._keyring
    for purpose in Purpose:
        for key in keyring.published(purpose):
            material = key.material
            hidden.key(f"key of purpose {purpose}", material[-32:] if len(material) > 32 else material)


def everything_stored() -> dict[str, Any]:
    """Each table's items and each bucket's objects in the emulated AWS."""
    dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
    stored: dict[str, Any] = {}
    for table in dynamodb.list_tables()["TableNames"]:
        pages = dynamodb.get_paginator("scan").paginate(TableName=table)
        stored[table] = [item for page in pages for item in page["Items"]]
    buckets = [one for one in s3.list_buckets()["Buckets"] if one["Name"].startswith("totp-binding-")]
    for bucket in buckets:
        for listed in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            got = s3.get_object(Bucket=bucket["Name"], Key=listed["Key"])
            stored[f"{bucket['Name']}/{listed['Key']}"] = got["Body"].read().decode()
    return stored


@pytest.mark.parametrize("disturbed", [False, True], ids=["calm", "with faults"])
def test_nothing_secret_shows_anywhere(
    disturbed: bool,  # noqa: FBT001
    user: User,
    service: Any,
    clock: Clock,
    wire: Wire,
    log_lines: LogLines,
    delivery: Any,
    subscriber: Any,
    capfd: pytest.CaptureFixture[str],
):
    run = Run(user, Desk(service))
    run.everything()
    if disturbed:
        plan = FaultPlan(random.Random(7))
        wire.send = plan.send  # type: ignore[method-assign]
        for outage in sorted(OUTAGES):
            clock.advance(301)
            with plan.episode(outage):
                run.everything()
        clock.advance(60)
    wiring.components().rotation.run()
    keys_of_the_service(run.hidden)
    delivery.deliver()
    run._support("lookup", limit=100)
    messages = subscriber.received()
    printed = "".join(capfd.readouterr())
    places = {
        "the log and its metrics": log_lines.text,
        "what the process prints": printed,
        "problem answers": [[answer.headers, answer.raw.decode()] for answer in run.problems],
        "answers to support": run.outcomes,
        "messages": [messages, subscriber.attributes],
        **everything_stored(),
    }
    assert all(places[name] for name in places if name != "what the process prints"), places.keys()
    kinds = {*run.hidden.texts.values(), *run.hidden.digits.values()}
    assert {"secret", "code", "bind code", "token", "pass", "proof"} <= kinds
    found = {one for where, value in places.items() for one in run.hidden.found_in(where, value)}
    name = "leaks with faults" if disturbed else "leaks"
    record(name, hidden=run.hidden.size, places=len(places), lines=len(log_lines.text), found=len(found))
    assert found == set()


def test_the_search_finds_what_shows():
    hidden = Hidden()
    hidden.key("secret", b"01234567890123456789")
    hidden.code("code", "123456")
    hidden.text(
        "token", "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2xvZ2luIn0.c2lnbmF0dXJlLW9mLWEtdG9rZW4"
    )
    for leak in (
        {"item": {"B": b"xx01234567890123456789"}},
        "MDEyMzQ1Njc4OTAxMjM0NTY3",
        "3031323334353637383930313233343536373839",
        "code=123456.",
        {"code": 123456},
        ["x eyJpc3MiOiJodHRwczovL2xvZ2luIn0"],
        "c2lnbmF0dXJlLW9mLWEtdG9rZW4",
    ):
        assert list(hidden.found_in("here", leak)), leak
    assert not list(hidden.found_in("here", ["eyJhbGciOiJSUzI1NiJ9", "1234567", "a123456"]))
