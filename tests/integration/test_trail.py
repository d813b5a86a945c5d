"""The audit trail on the emulated AWS: each change once, in order, and told."""

from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.core.errors import Unavailable
from tests.kit.clock import Clock
from tests.kit.delivery import Delivery
from tests.kit.desk import Desk
from tests.kit.login import MOBILE
from tests.kit.subscriber import Subscriber
from tests.kit.user import User
from tests.kit.wire import Wire


def types(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["type"] for entry in entries]


def test_lookup_tells_the_story_of_an_account_newest_first(user: User, delivery: Delivery, desk: Desk):
    phone = user.bound_phone()
    user.verify(phone.wrong())
    logged_in = user.verify(phone.code(), client=MOBILE)
    desk.unbind(user.account, operator="李四", ticket="T-7", reason="new_device")
    assert desk.history(user.account) == []
    delivery.deliver()
    history = desk.history(user.account)
    assert types(history) == ["unbound", "channel_bound", "wrong_code", "bound", "bind_started"]
    assert [entry["event_id"] for entry in history] == sorted(
        (entry["event_id"] for entry in history), reverse=True
    )
    assert history[0] == {
        "event_id": history[0]["event_id"],
        "type": "unbound",
        "at": "2027-01-15T08:01:00Z",
        "channel": None,
        "operator": "李四",
        "ticket": "T-7",
        "reason": "new_device",
        "address": None,
        "request_id": desk.last_request_id.replace("lookup-3", "unbind-1"),
    }
    assert history[1]["channel"] == "mobile"
    assert history[1]["address"] == "127.0.0.1"
    assert history[1]["request_id"] == logged_in.headers["x-request-id"]


def test_history_is_paged_and_begins_anew_before_any_of_its_events(
    user: User, delivery: Delivery, desk: Desk
):
    phone = user.bound_phone()
    for _ in range(3):
        user.verify(phone.code())
        delivery.clock.advance(30)
    delivery.deliver()
    history = desk.history(user.account)
    assert types(history) == ["verified"] * 3 + ["bound", "bind_started"]
    assert desk.history(user.account, limit=2) == history[:2]
    assert desk.history(user.account, limit=2, before=history[1]["event_id"]) == history[2:4]
    assert desk.history(user.account, before=history[-1]["event_id"]) == []


def test_history_is_the_accounts_own(new_user: Any, delivery: Delivery, desk: Desk):
    one, other = new_user(), new_user()
    one.bind()
    delivery.deliver()
    assert types(desk.history(one.account)) == ["bind_started"]
    assert desk.history(other.account) == []


def test_the_fifth_wrong_code_is_one_event_and_so_is_the_hundredth(
    user: User, delivery: Delivery, desk: Desk, clock: Clock
):
    phone = user.bound_phone()
    for _ in range(100):
        assert user.verify(phone.wrong()).code == "wrong_code"
        clock.advance(4 * 3600)
    delivery.deliver()
    told = types(desk.story(user.account))
    assert told == ["bind_started", "bound", *["wrong_code"] * 4, *["locked"] * 95, "suspended"]


def test_a_verification_is_still_two_calls(user: User, wire: Wire):
    phone = user.bound_phone()
    wire.calls.clear()
    assert user.verify(phone.code()).status == 200
    assert wire.calls == ["GetItem", "UpdateItem"]


def test_records_that_come_again_leave_no_second_row_and_are_told_once_by_one_process(
    user: User, delivery: Delivery, desk: Desk, subscriber: Subscriber
):
    user.bound_phone()
    records = delivery.take()
    delivery.deliver(records)
    delivery.deliver(records[1:])
    delivery.deliver(records)
    assert types(desk.history(user.account)) == ["bound", "bind_started"]
    assert types(subscriber.received()) == ["bind_started", "bound"]


def test_a_record_that_was_written_but_not_told_is_told_by_the_next_process(
    user: User, delivery: Delivery, desk: Desk, subscriber: Subscriber, wire: Wire
):
    user.bind()
    records = delivery.take()
    wire.refuse("Publish", "InternalError", status=500, times=4)
    with pytest.raises(Unavailable):
        delivery.deliver(records)
    assert subscriber.received() == []
    delivery.new_process()
    delivery.deliver(records)
    assert types(subscriber.received()) == ["bind_started"]
    assert len(desk.history(user.account)) == 1


def test_two_changes_with_one_event_are_two_records(
    user: User, delivery: Delivery, desk: Desk, dynamodb: Any, aws: dict[str, str]
):
    user.bound_phone()
    for value in ("1", "2"):
        dynamodb.update_item(
            TableName=aws["BINDINGS_TABLE"],
            Key={"account": {"S": user.account}},
            UpdateExpression="SET failures = :value",
            ExpressionAttributeValues={":value": {"N": value}},
        )
    delivery.deliver()
    history = desk.history(user.account)
    assert types(history) == ["tampered", "tampered", "bound", "bind_started"]
    nothing_signed = {"channel", "operator", "ticket", "reason", "address", "request_id"}
    assert {history[0][name] for name in nothing_signed} == {None}


def test_a_write_that_got_no_answer_is_found_again(
    user: User, delivery: Delivery, desk: Desk, wire: Wire
):
    user.bind()
    wire.drop_answer("TransactWriteItems")
    delivery.deliver()
    assert types(desk.history(user.account)) == ["bind_started"]


@pytest.mark.parametrize("operation", ["Query", "TransactWriteItems", "Publish", "Decrypt"])
def test_aws_trouble_raises_so_that_lambda_begins_again(
    user: User, delivery: Delivery, desk: Desk, wire: Wire, operation: str
):
    user.bind()
    records = delivery.take()
    wiring.reset()
    wire.refuse(operation, "AccessDeniedException", status=400)
    with pytest.raises(Unavailable):
        delivery.deliver(records)
    delivery.deliver(records)
    assert types(desk.history(user.account)) == ["bind_started"]


def test_a_throttled_or_conflicting_transaction_is_sent_again(
    user: User, delivery: Delivery, desk: Desk, wire: Wire
):
    user.bind()
    reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
    wire.refuse("TransactWriteItems", "TransactionCanceledException", CancellationReasons=reasons)
    wire.refuse("TransactWriteItems", "ThrottlingException")
    delivery.deliver()
    assert types(desk.history(user.account)) == ["bind_started"]


def test_a_transaction_that_can_never_be_carried_out_is_trouble(
    user: User, delivery: Delivery, wire: Wire
):
    user.bind()
    records = delivery.take()
    reasons = [{"Code": "ValidationError"}, {"Code": "None"}]
    wire.refuse("TransactWriteItems", "TransactionCanceledException", CancellationReasons=reasons)
    with pytest.raises(Unavailable, match="ValidationError"):
        delivery.deliver(records)


def test_a_record_that_cannot_be_read_becomes_a_row_with_its_sequence_number(
    user: User,
    delivery: Delivery,
    desk: Desk,
    dynamodb: Any,
    aws: dict[str, str],
    subscriber: Subscriber,
):
    user.bind()
    good = delivery.take()
    bad = [
        {"eventID": f"bad-{user.account}-{number}", "dynamodb": {"SequenceNumber": f"{number}"}}
        for number in range(2)
    ]
    mine: Any = {"eventID": f"mine-{user.account}", "eventName": "MODIFY"}
    mine["dynamodb"] = {"SequenceNumber": "777", "Keys": {"account": {"S": user.account}}}
    delivery.deliver([bad[0], mine, *good, bad[1]])
    assert types(desk.history(user.account)) == ["bind_started", "unreadable"]
    rows = dynamodb.query(
        TableName=aws["AUDIT_TABLE"],
        KeyConditionExpression="account = :account",
        ExpressionAttributeValues={":account": {"S": user.account}},
    )["Items"]
    assert rows[0]["sequence_number"] == {"S": "777"}
    assert [told["account"] for told in subscriber.received()] == [
        "(unknown)",
        user.account,
        user.account,
        "(unknown)",
    ]


def test_no_row_and_no_notification_holds_a_secret_a_code_or_a_pass(
    user: User, delivery: Delivery, dynamodb: Any, aws: dict[str, str], subscriber: Subscriber
):
    phone = user.phone()
    codes = [phone.wrong(), phone.code()]
    user.confirm(codes[0])
    issued = user.confirm(codes[1]).json["pass"]
    item = dynamodb.get_item(TableName=aws["BINDINGS_TABLE"], Key={"account": {"S": user.account}})
    sealed = item["Item"]["secret"]["B"]
    delivery.deliver()
    rows = dynamodb.query(
        TableName=aws["AUDIT_TABLE"],
        KeyConditionExpression="account = :account",
        ExpressionAttributeValues={":account": {"S": user.account}},
    )["Items"]
    assert len(rows) == 6
    values = [value for row in rows for attribute in row.values() for value in attribute.values()]
    told = [value for document in subscriber.received() for value in document.values() if value]
    assert not {phone.secret, issued, sealed, *codes} & {*values, *told}
    assert not any(isinstance(value, bytes) for value in values)
    assert not any(issued[:20] in value or phone.secret in value for value in [*values, *told])


def test_each_notification_carries_the_seal_of_its_row_and_what_gateways_filter_by(
    user: User, delivery: Delivery, dynamodb: Any, aws: dict[str, str], subscribe: Any
):
    everything, phones = subscribe(), subscribe({"channel": ["mobile"]})
    changes = subscribe({"type": ["unbound", "unlocked", "bound"]})
    phone = user.bound_phone()
    user.verify(phone.code(), client=MOBILE)
    delivery.deliver()
    told = everything.received()
    assert types(told) == ["bind_started", "bound", "channel_bound"]
    assert types(phones.received()) == ["channel_bound"]
    assert types(changes.received()) == ["bound"]
    assert everything.attributes[2] == {"type": "channel_bound", "channel": "mobile"}
    for document in told:
        key = {name: {"S": document[name]} for name in ("account", "event_id")}
        row = dynamodb.get_item(TableName=aws["AUDIT_TABLE"], Key=key)["Item"]
        assert document["hmac"] == row["hmac"]["S"]


def test_rows_say_until_when_they_are_kept(
    user: User,
    delivery: Delivery,
    dynamodb: Any,
    aws: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
):
    def kept_until() -> list[int]:
        rows = dynamodb.query(
            TableName=aws["AUDIT_TABLE"],
            KeyConditionExpression="account = :account AND event_id < :markers",
            ExpressionAttributeValues={":account": {"S": user.account}, ":markers": {"S": ":"}},
        )["Items"]
        return [int(row["kept_until"]["N"]) for row in rows]

    began = int(clock())
    user.bind()
    delivery.deliver()
    assert kept_until() == [began + int(7 * 365.25 * 86_400)]
    monkeypatch.setenv("TRAIL_KEPT_YEARS", "1")
    delivery.new_process()
    user.bind()
    delivery.deliver()
    # No row goes before the one before it: a gap is only ever at the front.
    assert kept_until()[1] == kept_until()[0]
    clock.advance(6.5 * 365.25 * 86_400)
    user.bind()
    delivery.deliver()
    assert kept_until()[2] == int(clock()) + int(365.25 * 86_400)


def test_lookup_shows_a_damaged_row_as_far_as_it_can_be_read(
    user: User, delivery: Delivery, desk: Desk, dynamodb: Any, aws: dict[str, str]
):
    user.bind()
    delivery.deliver()
    event_id = desk.history(user.account)[0]["event_id"]
    dynamodb.update_item(
        TableName=aws["AUDIT_TABLE"],
        Key={"account": {"S": user.account}, "event_id": {"S": event_id}},
        UpdateExpression="SET #at = :long, #type = :number REMOVE channel",
        ExpressionAttributeNames={"#at": "at", "#type": "type"},
        ExpressionAttributeValues={":long": {"N": "1" * 30}, ":number": {"N": "1"}},
    )
    entry = desk.history(user.account)[0]
    assert (entry["type"], entry["at"], entry["channel"]) == (None, None, None)
    assert entry["address"] == "127.0.0.1"
    user.bind()
    delivery.deliver()
    assert types(desk.history(user.account)) == ["bind_started", None]


def test_a_row_never_takes_the_place_of_another_handlers_row(
    user: User, delivery: Delivery, desk: Desk, wire: Wire
):
    """One handler has seen where the chain ends; before it writes, another one writes there."""
    user.bind()
    user.bind()
    first, second = delivery.take()

    def meanwhile(really: Any) -> Any:
        delivery.new_process()
        delivery.deliver([first])
        return really()

    wire.next("TransactWriteItems", meanwhile)
    delivery.deliver([second])
    assert types(desk.history(user.account)) == ["bind_started", "bind_started"]


def test_a_row_that_somebody_took_away_does_not_hold_up_the_stream(
    new_user: Any, delivery: Delivery, desk: Desk, dynamodb: Any, aws: dict[str, str], log_lines: Any
):
    one, other = new_user(), new_user()
    one.bind()
    records = delivery.take()
    delivery.deliver(records)
    event_id = desk.history(one.account)[0]["event_id"]
    key = {"account": {"S": one.account}, "event_id": {"S": event_id}}
    dynamodb.delete_item(TableName=aws["AUDIT_TABLE"], Key=key)
    other.bind()
    delivery.deliver(records + delivery.take())
    assert desk.history(one.account) == []
    assert types(desk.history(other.account)) == ["bind_started"]
    assert "a row that was written is gone" in [line["message"] for line in log_lines.json]
