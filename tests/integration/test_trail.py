"""The audit trail on the emulated AWS: each change once, in order, and told."""

from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from chalicelib.audit import recorder
from chalicelib.aws.audit_rows import from_item
from chalicelib.core.changes import judge
from chalicelib.core.errors import Unavailable
from tests.kit.clock import Clock
from tests.kit.delivery import Delivery
from tests.kit.desk import Desk
from tests.kit.login import MOBILE
from tests.kit.subscriber import Subscriber
from tests.kit.user import User
from tests.kit.wire import Wire
from tests.kit.witness import Witness


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
        "operator_proved": False,
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


def test_the_fifth_wrong_code_is_one_event_and_so_is_the_fortieth_of_a_month(
    user: User, delivery: Delivery, desk: Desk, clock: Clock
):
    phone = user.bound_phone()
    for _ in range(40):
        assert user.verify(phone.wrong()).code == "wrong_code"
        clock.advance(4 * 3600)
    delivery.deliver()
    told = types(desk.story(user.account))
    assert told == ["bind_started", "bound", *["wrong_code"] * 4, *["locked"] * 35, "suspended"]


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
    wire.refuse("PublishBatch", "InternalError", status=500, times=4)
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
        delivery.clock.advance(1)
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


@pytest.mark.parametrize("operation", ["PutObject", "BatchExecuteStatement", "PublishBatch"])
def test_a_write_that_got_no_answer_is_found_again(
    user: User,
    delivery: Delivery,
    desk: Desk,
    wire: Wire,
    operation: str,
    witness: Witness,
    subscriber: Subscriber,
):
    user.bind()
    wire.drop_answer(operation)
    delivery.deliver()
    assert types(desk.history(user.account)) == ["bind_started"]
    assert types(witness.rows(user.account)) == ["bind_started"]
    assert {told["type"] for told in subscriber.received()} == {"bind_started"}


@pytest.mark.parametrize("operation", ["PutObject", "BatchExecuteStatement", "PublishBatch"])
def test_aws_trouble_raises_so_that_lambda_begins_again(
    user: User,
    delivery: Delivery,
    desk: Desk,
    wire: Wire,
    operation: str,
    witness: Witness,
    subscriber: Subscriber,
):
    user.bind()
    records = delivery.take()
    wire.refuse(operation, "AccessDeniedException", status=400)
    with pytest.raises(Unavailable, match="AccessDeniedException"):
        delivery.deliver(records)
    delivery.deliver(records)
    assert types(desk.history(user.account)) == ["bind_started"]
    assert types(witness.rows(user.account)) == ["bind_started"]
    assert types(subscriber.received()) == ["bind_started"]


def test_nothing_is_written_or_told_that_is_not_witnessed(
    user: User, delivery: Delivery, desk: Desk, wire: Wire, subscriber: Subscriber
):
    user.bind()
    records = delivery.take()
    wire.refuse("PutObject", "ServiceUnavailable", status=503, times=4)
    with pytest.raises(Unavailable, match="witness"):
        delivery.deliver(records)
    assert desk.history(user.account) == []
    assert subscriber.received() == []


def test_nothing_is_told_that_is_not_in_the_table(
    user: User, delivery: Delivery, wire: Wire, subscriber: Subscriber
):
    user.bind()
    records = delivery.take()
    wire.refuse("BatchExecuteStatement", "InternalServerError", status=500, times=2)
    with pytest.raises(Unavailable, match="audit rows"):
        delivery.deliver(records)
    assert subscriber.received() == []


def refused(*codes: str | None) -> dict[str, Any]:
    """The answer to a batch of statements, by their errors; None for one that was carried out."""
    return {"Responses": [{"Error": {"Code": code}} if code else {} for code in codes]}


def test_rows_that_are_throttled_are_sent_again_by_themselves(
    user: User, delivery: Delivery, desk: Desk, wire: Wire
):
    user.bind()
    user.bind()
    http = AWSResponse("https://aws", 200, {}, None)
    answer = refused("ProvisionedThroughputExceeded", None)
    wire.next("BatchExecuteStatement", lambda really: ((http, answer), None))
    delivery.deliver()
    # The second row was not really written, and is not asked for again.
    assert types(desk.history(user.account)) == ["bind_started"]
    assert wire.calls.count("BatchExecuteStatement") == 2


def test_rows_that_stay_throttled_are_trouble(user: User, delivery: Delivery, wire: Wire):
    user.bind()
    records = delivery.take()
    http = AWSResponse("https://aws", 200, {}, None)
    wire.next("BatchExecuteStatement", lambda really: ((http, refused("ThrottlingError")), None), 5)
    with pytest.raises(Unavailable, match="ThrottlingError"):
        delivery.deliver(records)


def test_a_row_that_the_table_will_never_take_stops_nobody_else_and_is_in_the_log(
    new_user: Any, delivery: Delivery, desk: Desk, log_lines: Any, witness: Witness
):
    """No record of DynamoDB's own has such a key: it is longer than a key may be."""
    user = new_user()
    user.bind()
    long = {"eventID": "long", "dynamodb": {"Keys": {"account": {"S": "龍" * 2_000}}}}
    delivery.deliver([long, *delivery.take()])
    assert types(desk.history(user.account)) == ["bind_started"]
    assert types(witness.rows("龍" * 2_000)) == ["unreadable"]
    (line,) = [
        one for one in log_lines.json if one["message"] == "a row is not one that the table takes"
    ]
    assert line["Findings"] == [1.0]


def test_a_record_that_cannot_be_judged_stops_nobody_else(
    new_user: Any,
    delivery: Delivery,
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    log_lines: Any,
    witness: Witness,
):
    """Whatever the judgement stumbles over, which nobody has thought of."""
    one, other = new_user(), new_user()
    one.bind()
    other.bind()

    def stumble(change: Any) -> Any:
        if change.account == one.account and change.after is not None:
            raise RecursionError("secret words")
        return judge(change)

    monkeypatch.setattr(recorder, "judge", stumble)
    delivery.deliver()
    (unreadable,) = witness.rows(one.account)
    assert unreadable["type"] == "unreadable"
    assert unreadable["sequence_number"].isdecimal()
    assert types(desk.history(one.account)) == ["unreadable"]
    assert types(desk.history(other.account)) == ["bind_started"]
    assert any(line.get("Findings") == [1.0] for line in log_lines.json)
    assert "secret words" not in "".join(log_lines.text)


def test_a_batch_is_witnessed_in_one_object_that_nobody_can_delete(
    user: User, delivery: Delivery, aws: dict[str, str], clock: Clock, witness: Witness
):
    user.bound_phone()
    before = witness.versions()
    records = delivery.take()
    delivery.deliver(records)
    delivery.new_process()
    delivery.deliver(records)
    (version,) = [one for one in witness.versions() if one not in before]
    s3 = boto3.client("s3")
    where = {"Bucket": aws["WITNESS_BUCKET"], "Key": version["Key"]}
    locked = s3.head_object(**where)
    assert locked["ObjectLockMode"] == "COMPLIANCE"
    assert locked["ObjectLockRetainUntilDate"].timestamp() >= clock() + 7 * 365 * 86_400
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(**where, VersionId=version["VersionId"])
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(**where, Body=b"other", ChecksumAlgorithm="SHA256", IfNoneMatch="*")


def test_the_witness_has_each_row_as_the_table_has_it(
    user: User, delivery: Delivery, dynamodb: Any, aws: dict[str, str], witness: Witness
):
    user.bound_phone()
    delivery.deliver()
    items = dynamodb.query(
        TableName=aws["AUDIT_TABLE"],
        KeyConditionExpression="account = :account",
        ExpressionAttributeValues={":account": {"S": user.account}},
    )["Items"]
    assert [from_item(item) for item in items] == witness.rows(user.account)


def test_a_batch_without_records_writes_nothing(delivery: Delivery, wire: Wire):
    delivery.deliver([])
    assert wire.calls == []


def test_a_hundred_changes_are_five_calls_to_tables_and_witness(
    user: User, delivery: Delivery, desk: Desk, wire: Wire, clock: Clock
):
    """At one write unit for each row: half of what a transaction would cost, and no marker beside it."""
    for _ in range(100):
        user.bind()
    records = delivery.take()
    wire.calls.clear()
    delivery.deliver(records)
    assert wire.calls == ["PutObject", *["BatchExecuteStatement"] * 4, *["PublishBatch"] * 10]
    assert len(desk.story(user.account)) == 100


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
    assert len(rows) == 3
    values = [value for row in rows for attribute in row.values() for value in attribute.values()]
    told = [value for document in subscriber.received() for value in document.values() if value]
    assert not {phone.secret, issued, sealed, *codes} & {*values, *told}
    assert not any(isinstance(value, bytes) for value in values)
    assert not any(issued[:20] in value or phone.secret in value for value in [*values, *told])


def test_each_notification_names_its_row_and_carries_what_gateways_filter_by(
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
        assert document["type"] == row["type"]["S"]


def test_rows_say_until_when_they_are_kept(
    user: User,
    delivery: Delivery,
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    witness: Witness,
):
    user.bind()
    delivery.deliver()
    monkeypatch.setenv("TRAIL_KEPT_YEARS", "1")
    delivery.new_process()
    user.bind()
    delivery.deliver()
    kept = [row["kept_until"] - int(clock()) for row in witness.rows(user.account)]
    assert kept == [7 * 366 * 86_400, 366 * 86_400]


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


def test_a_row_that_is_there_is_not_written_over(
    user: User, delivery: Delivery, desk: Desk, dynamodb: Any, aws: dict[str, str]
):
    """Somebody has altered a row, and then its record is delivered again."""
    user.bind()
    records = delivery.take()
    delivery.deliver(records)
    event_id = desk.history(user.account)[0]["event_id"]
    dynamodb.update_item(
        TableName=aws["AUDIT_TABLE"],
        Key={"account": {"S": user.account}, "event_id": {"S": event_id}},
        UpdateExpression="SET address = :other",
        ExpressionAttributeValues={":other": {"S": "203.0.113.9"}},
    )
    delivery.deliver(records)
    (entry,) = desk.history(user.account)
    assert entry["address"] == "203.0.113.9"


def test_two_handlers_at_once_leave_one_row_of_each_record(
    user: User, delivery: Delivery, desk: Desk, wire: Wire
):
    """One handler is about to insert. Before it does, another one has the same batch and inserts."""
    user.bound_phone()
    records = delivery.take()

    def meanwhile(really: Any) -> Any:
        delivery.new_process()
        delivery.deliver(records)
        return really()

    wire.next("BatchExecuteStatement", meanwhile)
    delivery.deliver(records)
    assert types(desk.history(user.account)) == ["bound", "bind_started"]
