"""Each function, run on the emulated AWS for accounts in every state, with its calls recorded."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from chalice.test import Client

from chalicelib import wiring
from chalicelib.core import lockout
from infra.local.poller import Stream
from infra.local.stack import SCHEDULED_EVENT
from tests.kit.clock import Clock
from tests.kit.login import MOBILE
from tests.kit.phone import Phone
from tests.kit.user import User
from tests.permissions.recording import Call, recorded

DAY = 86_400
COMPROMISE = "suspected_compromise"
ONCE = {"Idempotency-Key": "0123456789abcdef"}


@dataclass
class Desk:
    """Support's functions, and accounts in every state that they are called for."""

    service: Any
    new_user: Callable[[], User]
    monkeypatch: pytest.MonkeyPatch

    def ask(self, name: str, user: User, operator: str = "chan", **more: Any) -> dict[str, Any]:
        """Invoke a support function."""
        event = {"account": user.account, "operator": operator, "ticket": "T-1", "reason": "other"}
        answer: dict[str, Any] = Client(self.service.app).lambda_.invoke(name, event | more).payload
        return answer

    def need_two_operators(self) -> None:
        """Require a second operator, without the proof of who they are, in which IAM has no part."""
        self.monkeypatch.setattr(wiring.components().desk, "_two_operators", True)

    def in_every_state(self) -> list[User]:
        """Return an account in each state. Those that take long come first: a QR code soon expires."""
        states = [self.bound(lockout.SUSPEND_AT_IN_A_MONTH), self.bound(lockout.ATTEMPTS), self.bound()]
        return [*states, self.invited(), self.unreadable(), self.new_user(), self.pending()]

    def pending(self) -> User:
        """Show a QR code, and count one wrong code."""
        user = self.new_user()
        assert user.confirm(user.phone().wrong()).code == "wrong_code"
        return user

    def bound(self, wrong_codes: int = 0) -> User:
        """Bind on both channels, and type some wrong codes."""
        user = self.new_user()
        phone = user.bound_phone()
        assert user.verify(phone.code(), client=MOBILE, headers=ONCE).status == 200
        fail(user, phone, wrong_codes)
        return user

    def invited(self) -> User:
        """Issue a bind code, and count one wrong one."""
        user = self.new_user()
        right = self.ask("invite", user)["bind_code"]
        refused = user.call("POST", "/bind", {"bind_code": f"{(int(right) + 1) % 10**8:08}"})
        assert (refused.code, refused.json["attempts_left"]) == ("bind_code_required", 4)
        return user

    def unreadable(self) -> User:
        """Damage the item by hand."""
        user = self.bound()
        boto3.client("dynamodb").update_item(
            TableName=os.environ["BINDINGS_TABLE"],
            Key={"account": {"S": user.account}},
            UpdateExpression="SET #state = :damaged",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":damaged": {"S": "damaged"}},
        )
        assert self.ask("lookup", user)["state"] == "unreadable"
        return user


def fail(user: User, phone: Phone, times: int) -> None:
    """Type wrong codes, each after the lock of the one before."""
    for _ in range(times):
        assert user.verify(phone.wrong()).code == "wrong_code"
        user.clock.advance(5 * 3600 if times > lockout.ATTEMPTS else 1)


def api_calls(desk: Desk) -> list[Call]:
    """Do all that clients can: both channels, bind codes, wrong codes up to the suspension."""
    desk.monkeypatch.setenv("BIND_CODE", "always")
    user = desk.new_user()
    wiring.reset()
    bind_code = desk.ask("invite", user)["bind_code"]
    with recorded() as calls:
        for typed in (bind_code[::-1], bind_code, bind_code):
            begun = user.call("POST", "/bind", {"bind_code": typed})
    phone = Phone(begun.json["secret"], user.clock)
    desk.monkeypatch.delenv("BIND_CODE")
    wiring.reset()
    with recorded() as more:
        assert user.look().status == 200
        for _ in range(lockout.ATTEMPTS):
            assert user.confirm(phone.wrong()).code == "wrong_code"
        user = desk.new_user()
        phone = user.bound_phone()
        code, token = phone.code(), user.token(MOBILE)
        for _ in range(2):
            assert user.verify(code, token=token, headers=ONCE).status == 200
        fail(user, phone, lockout.ATTEMPTS)
        user.clock.advance(600)
        assert user.verify(phone.code()).status == 200
        fail(user, phone, lockout.SUSPEND_AT_IN_A_MONTH - lockout.ATTEMPTS)
        assert user.verify(phone.code()).code == "suspended"
        assert user.call("GET", "/.well-known/jwks.json").status == 200
    return calls + more


OUTCOMES = {
    "unbind": {"unbound", "not_bound", "waiting"},
    "invite": {"invited", "already_bound", "waiting", "unavailable"},
    "approve": {"nothing_to_approve", "unbound", "not_bound", "invited"},
    "unlock": {"unlocked", "not_locked", "unavailable"},
    "lookup": {"found"},
}
"""All that a support function answers in its run. Only unbind helps an item that cannot be read."""


def support_calls(desk: Desk, name: str) -> list[Call]:
    """Invoke one support function for every state, alone and then with a second operator."""
    users = desk.in_every_state()
    with recorded() as alone:
        outcomes = [desk.ask(name, user)["outcome"] for user in users]
    users = desk.in_every_state()
    desk.need_two_operators()
    *compromised, new, pending = users
    for user in compromised:
        desk.ask("unbind", user, operator="amy", reason=COMPROMISE)
    for user in (new, pending):
        desk.ask("invite", user, operator="amy")
    with recorded() as by_two:
        outcomes += [desk.ask(name, user)["outcome"] for user in users]
    assert set(outcomes) == OUTCOMES[name]
    return alone + by_two


def rotation_calls(desk: Desk, clock: Clock) -> list[Call]:
    """Rotate keys in the first four months of a deployment, day by day."""
    table, dynamodb = os.environ["KEYS_TABLE"], boto3.client("dynamodb")
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={name: item[name] for name in ("purpose", "key_id")})
    with recorded() as calls:
        for _ in range(120):
            desk.service.rotate_keys(SCHEDULED_EVENT, None)
            clock.advance(DAY)
    return calls


def stream_calls(desk: Desk, stream_arn: str) -> list[Call]:
    """Record a story's changes, and the same once more, as a stream delivers records twice."""
    stream = Stream(stream_arn, "LATEST")
    desk.ask("unbind", desk.bound(lockout.ATTEMPTS))
    records = stream.next(100)
    assert records
    wiring.reset()
    with recorded() as calls:
        for _ in range(2):
            desk.service.record_events({"Records": records}, None)
    return calls
