"""The judgement of a change, from the stream's record alone, and the row that it becomes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.audit_rows import YEAR_SECONDS, make_row, to_item
from chalicelib.aws.stream import NO_ACCOUNT, read_change
from chalicelib.core.changes import Finding, Verdict, Why, is_event_id, judge
from chalicelib.core.events import EventType

AT = 1_800_000_000
"""The time of every event here. The table saw the change two seconds later."""

CHANGED = AT + 2


def item(version: int, event_id: str, type: str, state: str = "bound", **fields: Any) -> dict[str, Any]:
    """An item of the bindings table. Fields that are texts go into its event, numbers beside it."""
    event = {"event_id": event_id, "type": type, "request_id": f"request of {event_id}"}
    event |= {name: value for name, value in fields.items() if isinstance(value, str)}
    numbers = {name: value for name, value in fields.items() if isinstance(value, int)}
    return {
        "account": {"S": "88000001"},
        "version": {"N": str(version)},
        "state": {"S": state},
        "binding": {"S": "b1"},
        "event": {"M": {name: {"S": value} for name, value in event.items()} | {"at": {"N": str(AT)}}},
        **{name: {"N": str(value)} for name, value in numbers.items()},
    }


def record(before: Any, after: Any, kind: str | None = None, at: Any = float(CHANGED)) -> dict[str, Any]:
    usual = "MODIFY" if before and after else "INSERT" if after else "REMOVE"
    inner: dict[str, Any] = {
        "Keys": {"account": {"S": "88000001"}},
        "SequenceNumber": "111",
        "ApproximateCreationDateTime": at,
    }
    if before is not None:
        inner["OldImage"] = before
    if after is not None:
        inner["NewImage"] = after
    return {"eventID": "e1", "eventName": kind or usual, "dynamodb": inner}


def judged(before: Any, after: Any, **more: Any) -> Verdict:
    return judge(read_change(record(before, after, **more)))


def why(before: Any, after: Any, **more: Any) -> Why | None:
    """The reason for which a change counts as tampered, None if it does not."""
    verdict = judged(before, after, **more)
    assert (verdict.why is None) == isinstance(verdict.type, EventType), verdict
    assert verdict.why is None or (verdict.type, verdict.source) == (Finding.TAMPERED, None)
    return verdict.why


def unbound(version: int = 3, state: str = "unbound", **more: Any) -> dict[str, Any]:
    """An item that support has unbound, but for what is said otherwise; None leaves a field out."""
    fields = {"operator": "amy", "ticket": "T-1", "reason": "other", "unbound_version": version} | more
    given = {name: value for name, value in fields.items() if value is not None}
    return item(version, "three", "unbound", state, **given)


BOUND = item(2, "two", "bound", channel="desktop")


def test_a_change_by_the_service_is_told_as_the_service_wrote_it():
    after = item(3, "three", "verified", channel="mobile", address="192.0.2.1")
    verdict = judged(BOUND, after)
    assert (verdict.type, verdict.at, verdict.why) == ("verified", AT, None)
    assert verdict.source is not None
    assert (verdict.source.channel, verdict.source.address) == ("mobile", "192.0.2.1")
    assert verdict.source.request_id == "request of three"


def test_the_first_change_of_an_account_starts_at_version_one():
    assert judged(None, item(1, "one", "bind_started", "pending")).type == "bind_started"
    for version in (0, 2, AT):
        after = item(version, "one", "bind_started", "pending")
        assert why(None, after) is Why.VERSION_OUT_OF_ORDER


def test_a_change_that_leaves_the_event_as_it_was_is_tampered_with_at_the_time_of_the_change():
    verdict = judged(BOUND, BOUND | {"failures": {"N": "0"}})
    assert (verdict.type, verdict.why) == (Finding.TAMPERED, Why.EVENT_REPEATED)
    assert verdict.at == CHANGED
    assert verdict.source is None


@pytest.mark.parametrize("version", [1, 2, 4, 2_000, AT])
def test_a_version_that_is_not_the_next_one_is_tampered_with(version: int):
    assert why(BOUND, item(version, "three", "verified")) is Why.VERSION_OUT_OF_ORDER
    assert why(BOUND, unbound(version)) is Why.VERSION_OUT_OF_ORDER


def test_support_may_unbind():
    assert why(BOUND, unbound()) is None
    assert why(item(2, "two", "bind_started", "pending"), unbound()) is None


@pytest.mark.parametrize("mark", [None, 2, 4, AT])
def test_an_unbinding_that_supports_role_did_not_sign_is_tampered_with(mark: int | None):
    """The API's role may write every word of the event, and not this attribute."""
    assert why(BOUND, unbound(unbound_version=mark)) is Why.NOT_BY_SUPPORT
    assert why(item(2, "two", "bind_started", "pending"), unbound(unbound_version=mark)) is not None


def test_the_signature_of_an_earlier_unbinding_is_not_taken_twice():
    """Somebody sets the version back, so that the next one is the one that support signed once."""
    before = item(2, "two", "bound", unbound_version=3)
    assert why(before, unbound()) is Why.NOT_BY_SUPPORT


@pytest.mark.parametrize("signed", [{"operator": None}, {"ticket": None}])
def test_an_unbinding_without_operator_or_ticket_is_tampered_with(signed: dict[str, Any]):
    assert why(BOUND, unbound(**signed)) is Why.NOT_BY_SUPPORT


@pytest.mark.parametrize("state", ["bound", "pending"])
def test_an_unbinding_that_leaves_something_bound_is_tampered_with(state: str):
    assert why(BOUND, unbound(state=state) | {"binding": {"S": "b2"}}) is Why.NOT_BY_SUPPORT


@pytest.mark.parametrize("type", ["verified", "bind_started", "bind_discarded", "unlocked"])
@pytest.mark.parametrize("state", ["unbound", "pending"])
def test_any_other_end_of_a_binding_is_tampered_with(type: str, state: str):
    signed = {"operator": "amy", "ticket": "T-1", "unbound_version": 3, "unlocked_version": 3}
    assert why(BOUND, item(3, "three", type, state, **signed)) is Why.NOT_BY_SUPPORT


def test_a_binding_that_gives_way_to_another_one_has_ended_too():
    assert why(BOUND, item(3, "three", "verified") | {"binding": {"S": "b2"}}) is Why.NOT_BY_SUPPORT


def test_a_pending_binding_may_end_in_every_way():
    pending = item(2, "two", "bind_started", "pending")
    assert why(pending, item(3, "three", "bind_discarded", "unbound")) is None
    assert why(pending, item(3, "three", "bind_started", "pending") | {"binding": {"S": "b2"}}) is None


def test_support_may_unlock():
    signed = {"operator": "amy", "ticket": "T-1", "unlocked_version": 3}
    assert why(BOUND, item(3, "three", "unlocked", **signed)) is None
    for name in signed:
        rest = {one: value for one, value in signed.items() if one != name}
        assert why(BOUND, item(3, "three", "unlocked", **rest)) is Why.NOT_BY_SUPPORT
    other_mark = {**signed, "unlocked_version": 2, "unbound_version": 3}
    assert why(BOUND, item(3, "three", "unlocked", **other_mark)) is Why.NOT_BY_SUPPORT


UNREADABLE_STATE = {**BOUND, "state": {"S": "half"}}
UNREADABLE_VERSION = {**BOUND, "version": {"S": "2"}}


def test_support_brings_an_item_that_cannot_be_read_back_to_a_clean_start():
    assert why(UNREADABLE_STATE, unbound()) is None
    assert why(UNREADABLE_VERSION, unbound(AT)) is None
    assert why({**BOUND, "version": {"N": "0"}}, unbound(AT)) is None


def test_nobody_else_brings_it_back():
    assert why(UNREADABLE_STATE, item(3, "three", "verified")) is Why.NOT_BY_SUPPORT
    assert why(UNREADABLE_STATE, item(3, "three", "bind_started", "pending")) is Why.NOT_BY_SUPPORT
    assert why(UNREADABLE_STATE, unbound(unbound_version=None)) is Why.NOT_BY_SUPPORT
    assert why(UNREADABLE_VERSION, unbound(AT, unbound_version=None)) is Why.NOT_BY_SUPPORT
    assert why(UNREADABLE_VERSION, item(AT, "three", "verified")) is Why.VERSION_OUT_OF_ORDER


@pytest.mark.parametrize("version", [3, AT - 61, AT + 61])
def test_a_version_after_one_that_cannot_be_read_is_the_unix_time(version: int):
    assert why(UNREADABLE_VERSION, unbound(version)) is Why.VERSION_OUT_OF_ORDER


def test_a_deleted_item_is_tampered_with_even_if_it_cannot_be_read():
    for before in (BOUND, {}, {"event": {"S": "?"}}):
        verdict = judged(before, None)
        assert (verdict.type, verdict.why, verdict.at) == (Finding.TAMPERED, Why.DELETED, CHANGED)


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, item(1, "one", "bind_started", "pending")), (BOUND, item(3, "three", "verified"))],
)
@pytest.mark.parametrize(
    ("at", "found"),
    [(AT - 61, Why.WRONG_TIME), (AT - 60, None), (AT + 60, None), (AT + 61, Why.WRONG_TIME)],
)
def test_an_event_is_of_the_minute_in_which_the_table_saw_the_change(
    before: Any, after: Any, at: int, found: Why | None
):
    """So an old item that is put back is told, and so is one with a time of its writer's choice."""
    assert why(before, after, at=at) is found


@pytest.mark.parametrize("at", [None, "now", -1, float("nan"), float("inf"), True])
def test_a_record_that_does_not_say_when_it_was_made_is_unreadable(at: Any):
    assert judged(BOUND, item(3, "three", "verified"), at=at) == Verdict(Finding.UNREADABLE, 0)


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


def test_a_record_without_its_images_is_unreadable_and_not_taken_for_a_deletion():
    for kind in ("INSERT", "MODIFY", "OTHER"):
        verdict = judge(read_change(record(None, None, kind)))
        assert verdict.type == Finding.UNREADABLE


def test_a_change_knows_the_versions_it_lies_between():
    def versions(before: Any, after: Any) -> tuple[int | None, int | None]:
        change = read_change(record(before, after))
        return change.version_before, change.version

    assert versions(None, item(1, "one", "bind_started")) == (0, 1)
    assert versions(BOUND, item(3, "three", "verified")) == (2, 3)
    assert versions(BOUND, None) == (2, 0)
    unreadable = read_change(record(None, None, "MODIFY"))
    assert (unreadable.version_before, unreadable.version) == (None, None)


def event_id(record: Any) -> str:
    return read_change(record).event_id


def test_a_row_is_named_by_time_version_and_a_digest_of_the_records_identity():
    first = record(BOUND, item(3, "three", "verified"))
    named = event_id(first)
    assert named.startswith(f"{CHANGED:012}-{3:012}-")
    assert is_event_id(named)
    other = {**first, "eventID": "e2"}
    assert event_id(other)[:26] == named[:26]
    assert event_id(other) != named
    first["dynamodb"]["NewImage"]["event"]["M"]["event_id"] = {"S": "chosen"}
    assert event_id(first) == named


def test_rows_sort_by_time_then_by_version():
    def row(at: int, version: int) -> str:
        return event_id(record(None, item(version, "x", "verified"), at=at))

    times = [row(at, version) for at in (5, AT, 10**11) for version in (1, 2, 10, 10**13)]
    assert times == sorted(times)


def test_a_row_has_a_place_also_if_its_version_cannot_be_read():
    assert event_id(record(BOUND, {"account": {"S": "88000001"}}))[13:25] == f"{2:012}"
    assert event_id(record(BOUND, None))[13:25] == f"{2:012}"
    assert event_id({"a": 1}).startswith(f"{0:012}-{0:012}-")


def test_a_record_without_an_identity_is_known_by_what_it_holds():
    first = record(BOUND, item(3, "three", "verified"))
    del first["eventID"]
    named = event_id(first)
    assert event_id({**first, "eventName": "INSERT"})[26:] == named[26:]
    del first["dynamodb"]["SequenceNumber"]
    assert event_id(first)[26:] != named[26:]
    assert event_id({"a": 1}) == event_id({"a": 1})
    assert event_id({"a": 1}) != event_id({"a": 2})


@pytest.mark.parametrize(
    "made_up",
    ["", "1", "000000000001", "000000000001-fb0ce338c387", f"{1:012}-{1:012}-{'g' * 16}"],
)
def test_a_made_up_id_is_none(made_up: str):
    assert not is_event_id(made_up)
    assert not is_event_id(f"{1:012}-{1:012}-{1:016}\n")
    assert not is_event_id(f"{'٠' * 12}-{1:012}-{1:016}")


def test_a_row_follows_from_its_record_alone():
    change = read_change(record(BOUND, unbound(request_id="r", address="192.0.2.1")))
    assert make_row(change, judge(change), 7) == {
        "account": "88000001",
        "event_id": change.event_id,
        "type": "unbound",
        "at": AT,
        "operator": "amy",
        "ticket": "T-1",
        "reason": "other",
        "address": "192.0.2.1",
        "request_id": "r",
        "sequence_number": "111",
        "written_as": "three",
        "version": 3,
        "version_before": 2,
        "before_at": AT,
        "kept_until": CHANGED + 7 * YEAR_SECONDS,
    }


def test_a_row_of_a_record_without_a_time_is_kept_for_ever():
    change = read_change({"dynamodb": {"SequenceNumber": "777"}})
    row = make_row(change, judge(change), 7)
    assert (row["type"], row["sequence_number"], row["at"]) == ("unreadable", "777", 0)
    assert "kept_until" not in row


def test_the_row_of_a_login_costs_one_write_unit():
    """A write unit is 1 KB: names and values in UTF-8, a number by its digits."""
    fields = {"channel": "desktop", "address": "2001:db8:1234:5678:9abc:def0:1234:5678"}
    after = item(9_999_999, "f" * 32, "channel_bound", **fields, request_id="f" * 36)
    change = read_change(record(item(9_999_998, "e" * 32, "verified"), after))
    row = make_row(change, judge(change), 100)
    row["account"], row["sequence_number"] = "a" * 64, "1" * 25
    size = sum(len(name) + len(str(value)) for name, value in row.items())
    assert size < 700


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def mangled(draw: st.DrawFn) -> Any:
    """A record with anything at all in one of its places."""
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
def test_no_record_whatever_is_in_it_fails_the_judgement(whatever: Any):
    change = read_change(whatever)
    verdict = judge(change)
    assert change.account
    assert change.account.encode()
    assert 0 <= verdict.at <= 253_402_300_799
    assert verdict.source is not None or isinstance(verdict.type, Finding)
    row = make_row(change, verdict, 7)
    assert is_event_id(row["event_id"])
    assert json.loads(json.dumps(row)) == row
    for attribute in to_item(row).values():
        assert attribute.keys() <= {"S", "N", "BOOL"}


def test_a_record_that_names_no_account_is_kept_under_a_name_that_no_account_has():
    nameless = record(None, item(1, "one", "bind_started"))
    nameless["dynamodb"]["Keys"] = {}
    assert read_change(nameless).account == NO_ACCOUNT
