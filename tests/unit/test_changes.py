"""Judgements of a change, made from the stream's record alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.stream import NO_ACCOUNT, read_change
from chalicelib.core.changes import Finding, Verdict, Why, judge
from chalicelib.core.events import EventType

NOW = 1_800_000_100
CHANGED = 1_800_000_002


def item(version: int, event_id: str, type: str, state: str = "bound", **fields: Any) -> dict[str, Any]:
    """An item of the bindings table. Arguments that a binding does not have go into its event."""
    event = {"event_id": event_id, "type": type, "request_id": f"request of {event_id}"} | fields
    return {
        "account": {"S": "88000001"},
        "version": {"N": str(version)},
        "state": {"S": state},
        "binding": {"S": "b1"},
        "event": {
            "M": {name: {"S": value} for name, value in event.items()} | {"at": {"N": "1800000000"}}
        },
    }


def record(before: Any, after: Any, kind: str | None = None) -> dict[str, Any]:
    usual = "MODIFY" if before and after else "INSERT" if after else "REMOVE"
    inner: dict[str, Any] = {
        "Keys": {"account": {"S": "88000001"}},
        "SequenceNumber": "111",
        "ApproximateCreationDateTime": float(CHANGED),
    }
    if before is not None:
        inner["OldImage"] = before
    if after is not None:
        inner["NewImage"] = after
    return {"eventID": "e1", "eventName": kind or usual, "dynamodb": inner}


def judged(before: Any, after: Any, judged_at: int = 0) -> Verdict:
    return judge(read_change(record(before, after)), judged_at, NOW)


BOUND = item(2, "two", "bound", channel="desktop")


def test_a_change_by_the_service_has_the_event_that_the_service_wrote():
    after = item(3, "three", "verified", channel="mobile", address="192.0.2.1")
    verdict = judged(BOUND, after)
    assert (verdict.type, verdict.at, verdict.why) == ("verified", 1_800_000_000, None)
    assert verdict.source is not None
    assert (verdict.source.channel, verdict.source.address) == ("mobile", "192.0.2.1")
    assert verdict.source.request_id == "request of three"


def test_the_first_change_of_an_account_starts_at_version_one():
    assert judged(None, item(1, "one", "bind_started", "pending")).type == "bind_started"
    verdict = judged(None, item(2, "one", "bind_started", "pending"))
    assert (verdict.type, verdict.why) == (Finding.TAMPERED, Why.VERSION_OUT_OF_ORDER)


def test_a_change_without_a_new_event_is_tampered_at_the_time_of_the_record():
    verdict = judged(BOUND, BOUND | {"failures": {"N": "0"}})
    assert (verdict.type, verdict.why) == (Finding.TAMPERED, Why.EVENT_REPEATED)
    assert verdict.at == CHANGED
    assert verdict.source is None


@pytest.mark.parametrize("version", [1, 2, 4, 2_000])
def test_a_version_out_of_order_is_tampered(version: int):
    verdict = judged(BOUND, item(version, "three", "verified"))
    assert (verdict.type, verdict.why) == (Finding.TAMPERED, Why.VERSION_OUT_OF_ORDER)


@pytest.mark.parametrize(
    "signed", [{}, {"operator": "amy"}, {"ticket": "T-1"}, {"channel": "desktop", "ticket": "T-1"}]
)
def test_a_binding_that_ends_without_operator_and_ticket_is_tampered(signed: dict[str, str]):
    for state in ("unbound", "pending"):
        verdict = judged(BOUND, item(3, "three", "unbound", state, **signed))
        assert (verdict.type, verdict.why) == (Finding.TAMPERED, Why.CEASED_WITHOUT_TICKET)


def test_a_binding_replaced_by_another_has_ended_too():
    verdict = judged(BOUND, item(3, "three", "verified") | {"binding": {"S": "b2"}})
    assert (verdict.type, verdict.why) == (Finding.TAMPERED, Why.CEASED_WITHOUT_TICKET)


def test_support_may_unbind():
    after = item(3, "three", "unbound", "unbound", operator="amy", ticket="T-1", reason="other")
    assert judged(BOUND, after).type == "unbound"


def test_a_deleted_item_is_tampered_even_if_it_was_unreadable():
    for before in (BOUND, {}, {"event": {"S": "?"}}):
        verdict = judged(before, None)
        assert (verdict.type, verdict.why, verdict.at) == (Finding.TAMPERED, Why.DELETED, CHANGED)


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, item(1, "one", "bind_started", "pending")), (BOUND, item(3, "three", "verified"))],
)
def test_a_restored_old_item_is_tampered(before: Any, after: Any):
    verdict = judged(before, after, judged_at=1_800_000_061)
    assert (verdict.type, verdict.why) == (Finding.TAMPERED, Why.EVENT_REPEATED)
    assert isinstance(judged(before, after, judged_at=1_800_000_060).type, EventType)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("event", None),
        ("event", {"S": "bound"}),
        ("version", None),
        ("version", {"S": "3"}),
        ("version", {"N": "-3"}),
        ("version", {"N": "1" * 38}),
        ("state", {"S": "half"}),
    ],
)
def test_an_item_that_the_service_never_wrote_is_unreadable(name: str, value: Any):
    after = item(3, "three", "verified")
    after = {key: kept for key, kept in after.items() if key != name}
    verdict = judged(BOUND, after if value is None else after | {name: value})
    assert verdict == Verdict(Finding.UNREADABLE, CHANGED)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", {"S": "tampered"}),
        ("type", {"L": []}),
        ("at", {"S": "now"}),
        ("at", {"N": "253402300800"}),
        ("at", {"N": "1.5"}),
        ("channel", {"S": "fax"}),
        ("request_id", {"N": "1"}),
        ("operator", {"S": "x" * 257}),
        ("operator", {"NULL": True}),
    ],
)
def test_an_event_that_the_service_never_wrote_is_unreadable(name: str, value: Any):
    after = item(3, "three", "verified")
    after["event"]["M"][name] = value
    assert judged(BOUND, after).type == Finding.UNREADABLE


def test_a_record_without_images_is_unreadable_and_no_deletion():
    for kind in ("INSERT", "MODIFY", "OTHER"):
        verdict = judge(read_change(record(None, None, kind)), 0, NOW)
        assert verdict.type == Finding.UNREADABLE


def test_a_change_has_the_versions_before_and_after_it():
    def versions(before: Any, after: Any) -> tuple[int | None, int | None]:
        change = read_change(record(before, after))
        return change.version_before, change.version

    assert versions(None, item(1, "one", "bind_started")) == (0, 1)
    assert versions(BOUND, item(3, "three", "verified")) == (2, 3)
    assert versions(BOUND, None) == (2, 0)
    unreadable = read_change(record(None, None, "MODIFY"))
    assert (unreadable.version_before, unreadable.version) == (None, None)


def test_a_record_is_identified_by_the_stream_and_not_by_its_event():
    first = record(BOUND, item(3, "three", "verified"))
    again = record(item(3, "three", "verified"), item(4, "three", "verified")) | {"eventID": "e2"}
    assert read_change(first).record_id == "e1"
    assert read_change(again).record_id == "e2"
    del first["eventID"]
    assert read_change(first).record_id == "111"
    assert read_change({"a": 1}).record_id == read_change({"a": 1}).record_id
    assert read_change({"a": 1}).record_id != read_change({"a": 2}).record_id


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def mangled(draw: st.DrawFn) -> Any:
    """A record with an arbitrary value in one of its places."""
    whole: Any = record(item(2, "two", "bound"), item(3, "three", "verified", channel="desktop"))
    place = whole
    while True:
        key = draw(st.sampled_from(sorted(place)))
        if isinstance(place[key], dict) and place[key] and draw(st.integers(0, 4)):
            place = place[key]
            continue
        if draw(st.booleans()):
            place[key] = draw(json_values)
        else:
            del place[key]
        return whole


@given(st.one_of(mangled(), json_values))
def test_any_record_is_judged_without_an_exception(whatever: Any):
    change = read_change(whatever)
    verdict = judge(change, 0, NOW)
    assert change.account
    assert change.account.encode()
    assert 0 <= verdict.at <= 253_402_300_799
    assert verdict.source is not None or isinstance(verdict.type, Finding)


def test_a_record_without_an_account_has_a_name_that_no_account_can_have():
    nameless = record(None, item(1, "one", "bind_started"))
    nameless["dynamodb"]["Keys"] = {}
    assert read_change(nameless).account == NO_ACCOUNT
