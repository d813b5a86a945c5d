"""The ways in which a hostile reader once got past the trail. Nothing here uses the trail's own code."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from infra.audit import __main__ as audit
from tests.kit.clock import Clock
from tests.kit.delivery import Delivery
from tests.kit.desk import Desk
from tests.kit.user import User

HOUR = 3_600
NINE_YEARS = 9 * 366 * 86_400


@dataclass
class Thief:
    """Somebody who can write the tables and has no key of KMS."""

    dynamodb: Any
    aws: dict[str, str]
    clock: Clock

    def item(self, account: str) -> dict[str, Any]:
        item: dict[str, Any] = self.dynamodb.get_item(
            TableName=self.aws["BINDINGS_TABLE"], Key={"account": {"S": account}}
        )["Item"]
        return item

    def event(self, type: str, at: float | None = None, **texts: str) -> dict[str, Any]:
        """An event as the service would write it, new and of this moment."""
        at = self.clock() if at is None else at
        texts |= {"event_id": hashlib.sha256(repr((type, at)).encode()).hexdigest()[:32]}
        texts |= {"type": type, "request_id": "5eb242ae-b685-4286-9913-d602cff36deb"}
        fields = {name: {"S": value} for name, value in texts.items()}
        return {"M": fields | {"at": {"N": str(int(at))}}}

    def write(self, account: str, event: dict[str, Any], **changed: Any) -> None:
        """Put the item with an event, the next version and what is changed; None takes out."""
        item = self.item(account)
        version = {"N": str(int(item["version"]["N"]) + 1)}
        item |= {"version": version, "event": event, **changed}
        self.dynamodb.put_item(
            TableName=self.aws["BINDINGS_TABLE"],
            Item={name: value for name, value in item.items() if value is not None},
        )

    def forget(self, account: str) -> None:
        """Delete all that the audit table has of an account."""
        items = self.dynamodb.query(
            TableName=self.aws["AUDIT_TABLE"],
            KeyConditionExpression="account = :account",
            ExpressionAttributeValues={":account": {"S": account}},
        )["Items"]
        for item in items:
            key = {name: item[name] for name in ("account", "event_id")}
            self.dynamodb.delete_item(TableName=self.aws["AUDIT_TABLE"], Key=key)


@pytest.fixture
def thief(dynamodb: Any, aws: dict[str, str], clock: Clock) -> Thief:
    return Thief(dynamodb, aws, clock)


@pytest.fixture
def verify(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], tuple[int, str]]:
    monkeypatch.setattr(audit, "clock", clock)

    def run(account: str) -> tuple[int, str]:
        capsys.readouterr()
        status = audit.main(["verify", "--account", account, "--stage", "test"])
        return status, capsys.readouterr().out

    return run


def types(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["type"] for entry in entries]


def test_a_theft_cannot_be_dressed_up_as_an_unbinding_by_support(
    user: User, delivery: Delivery, desk: Desk, thief: Thief
):
    """All that is written here, the API's own role may write."""
    user.bound_phone()
    delivery.deliver()
    signed = {"operator": "amy.chan", "ticket": "CS-20533", "reason": "lost_device"}
    thief.write(
        user.account,
        thief.event("unbound", **signed),
        state={"S": "unbound"},
        **dict.fromkeys(("binding", "secret", "secret_key", "bound_at", "last_step", "desktop_at")),
    )
    delivery.deliver()
    assert types(desk.history(user.account)) == ["tampered", "bound", "bind_started"]
    assert desk.history(user.account)[0]["operator"] is None


def test_a_lock_cannot_be_taken_off_in_supports_name(
    user: User, delivery: Delivery, desk: Desk, thief: Thief
):
    phone = user.bound_phone()
    for _ in range(5):
        user.verify(phone.wrong())
    delivery.deliver()
    event = thief.event("unlocked", operator="amy.chan", ticket="CS-20533")
    thief.write(user.account, event, failures=None, locked_until=None)
    delivery.deliver()
    assert types(desk.history(user.account))[0] == "tampered"


def test_a_history_cannot_be_replaced_by_one_row_that_record_events_wrote(
    user: User, delivery: Delivery, desk: Desk, thief: Thief, clock: Clock, verify: Any
):
    """The item is made to look as if nobody had used it for longer than rows are kept."""
    phone = user.bound_phone()
    user.verify(phone.code())
    delivery.deliver()
    assert verify(user.account)[0] == 0
    thief.write(user.account, thief.event("verified", clock() - NINE_YEARS, channel="desktop"))
    delivery.deliver()
    clock.advance(HOUR)
    thief.forget(user.account)
    thief.write(user.account, thief.event("verified", channel="desktop"))
    delivery.deliver()
    clock.advance(HOUR)
    assert types(desk.history(user.account)) == ["verified"]
    status, said = verify(user.account)
    assert status == 1
    for version, kind in enumerate(["bind_started", "bound", "verified", "tampered"], start=1):
        assert f"version {version}, {kind}: witnessed, and not in the table" in said


def test_a_planted_row_stops_the_recording_of_nobody(
    new_user: Callable[[], User],
    delivery: Delivery,
    desk: Desk,
    dynamodb: Any,
    aws: dict[str, str],
    verify: Any,
):
    user, other = new_user(), new_user()
    digest = hashlib.sha256(user.account.encode()).hexdigest()
    for event_id in (f"999999999999-{digest[:12]}", "999999999999-999999999999-" + digest[:16], "~"):
        planted = {"account": {"S": user.account}, "event_id": {"S": event_id}}
        dynamodb.put_item(TableName=aws["AUDIT_TABLE"], Item=planted)
    for _ in range(3):
        user.bind()
    other.bind()
    delivery.deliver()
    assert [entry for entry in types(desk.history(user.account)) if entry] == ["bind_started"] * 3
    assert types(desk.history(other.account)) == ["bind_started"]
    status, said = verify(user.account)
    assert (status, said.count("  unwitnessed  ")) == (1, 3)
