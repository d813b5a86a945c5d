"""The support functions, as Lambda calls them."""

from typing import Any

import boto3
import pytest

from tests.kit.user import User
from tests.kit.wire import Wire

ERRAND = {"operator": "wong", "ticket": "T-42", "reason": "lost_device"}


class Context:
    aws_request_id = "request-of-support"


def call(service: Any, name: str, event: Any) -> dict[str, Any]:
    answer: dict[str, Any] = getattr(service, name)(event, Context)
    return answer


def item_of(aws: dict[str, str], user: User) -> dict[str, Any]:
    return boto3.client("dynamodb").get_item(
        TableName=aws["BINDINGS_TABLE"], Key={"account": {"S": user.account}}
    )["Item"]


def test_unbind_drops_the_binding_and_its_secret(service, user: User, aws):
    phone = user.bound_phone()
    binding = item_of(aws, user)["binding"]["S"]
    answer = call(service, "unbind", {"account": user.account, **ERRAND})
    assert answer == {
        "outcome": "unbound",
        "account": user.account,
        "binding": binding,
        "bound_at": "2027-01-15T08:00:00Z",
        "unbound_at": "2027-01-15T08:01:00Z",
    }
    left = item_of(aws, user)
    names = {"account", "version", "state", "event", "cutoff", "unbindings", "unbound_version"}
    assert set(left) == names
    assert left["unbound_version"] == left["version"]
    assert {
        name: left["event"]["M"][name]["S"] for name in ("operator", "ticket", "reason", "type")
    } == {
        "operator": "wong",
        "ticket": "T-42",
        "reason": "lost_device",
        "type": "unbound",
    }
    assert user.verify(phone.code()).code == "not_bound"
    user.clock.advance(1)
    assert user.bind().json["superseded"] is False


def test_a_ticket_gets_its_first_answer_again_and_nothing_changes(service, user: User, aws):
    user.bound_phone()
    event = {"account": user.account, **ERRAND}
    first = call(service, "unbind", event)
    before = item_of(aws, user)
    again = {"repeated": True, "state": "unbound", "bind_code": None, "bind_code_expires_at": None}
    assert call(service, "unbind", event) == first | again
    assert item_of(aws, user) == before


def test_another_ticket_finds_nothing_to_unbind(service, user: User):
    user.bound_phone()
    call(service, "unbind", {"account": user.account, **ERRAND})
    assert call(service, "unbind", {"account": user.account, **ERRAND, "ticket": "T-2"}) == {
        "outcome": "not_bound",
        "account": user.account,
        "binding": None,
        "bound_at": None,
        "unbound_at": None,
    }


def test_unbind_drops_a_pending_binding_too(service, user: User, aws):
    user.phone()
    answer = call(service, "unbind", {"account": user.account, **ERRAND})
    assert (answer["outcome"], answer["bound_at"]) == ("unbound", None)
    assert answer["binding"]
    assert "secret" not in item_of(aws, user)


def test_unbinding_ends_count_lock_and_suspension(service, user: User):
    phone = user.bound_phone()
    for _ in range(5):
        user.verify(phone.wrong())
    call(service, "unbind", {"account": user.account, **ERRAND})
    user.clock.advance(1)
    again = user.bound_phone()
    assert user.verify(again.wrong()).json["attempts_left"] == 4


def test_a_new_binding_forgets_the_steps_of_the_old_one(service, user: User):
    user.bound_phone()
    call(service, "unbind", {"account": user.account, **ERRAND})
    user.clock.advance(1)
    phone = user.phone()
    confirmed = user.confirm(phone.code())
    assert (confirmed.status, confirmed.json["channel_first_use"]) == (200, True)


def test_unlock_clears_a_lock_and_leaves_the_binding(service, user: User):
    phone = user.bound_phone()
    for _ in range(5):
        user.verify(phone.wrong())
    assert user.verify(phone.code()).code == "locked"
    event = {"account": user.account, "operator": "wong", "ticket": "T-43"}
    assert call(service, "unlock", event) == {"outcome": "unlocked", "account": user.account}
    assert call(service, "unlock", event) == {"outcome": "not_locked", "account": user.account}
    assert user.verify(phone.code()).status == 200


def test_unlock_clears_a_count_without_a_lock(service, user: User):
    phone = user.bound_phone()
    user.verify(phone.wrong())
    event = {"account": user.account, "operator": "wong", "ticket": "T-43"}
    assert call(service, "unlock", event)["outcome"] == "unlocked"
    assert user.verify(phone.wrong()).json["attempts_left"] == 4


def test_lookup_shows_the_state_of_an_account(service, user: User):
    phone = user.bound_phone()
    for _ in range(5):
        user.verify(phone.wrong())
    found = call(service, "lookup", {"account": user.account, "operator": "wong"})
    history = found.pop("history")
    assert isinstance(history, list)
    assert found == {
        "outcome": "found",
        "account": user.account,
        "state": "bound",
        "channels": {"desktop": "2027-01-15T08:00:00Z", "mobile": None},
        "bound_at": "2027-01-15T08:00:00Z",
        "locked_until": "2027-01-15T08:06:00Z",
        "suspended": False,
        "failures": 5,
        "month_failures": 5,
        "known": True,
        "waiting": [],
    }


def test_an_account_never_seen_is_unbound(service, user: User):
    found = call(service, "lookup", {"account": user.account, "operator": "wong", "limit": 100})
    assert (found["outcome"], found["state"], found["history"]) == ("found", "unbound", [])


def test_the_desk_never_reads_a_secret(service, user: User, wire: Wire, monkeypatch: pytest.MonkeyPatch):
    user.bound_phone()
    seen: list[Any] = []
    from chalicelib.aws import items

    read = items.read_stored
    monkeypatch.setattr(
        items,
        "read_stored",
        lambda account, item, **how: seen.append(item) or read(account, item, **how),
    )
    call(service, "lookup", {"account": user.account, "operator": "wong"})
    call(service, "unlock", {"account": user.account, "operator": "wong", "ticket": "T"})
    call(service, "unbind", {"account": user.account, **ERRAND})
    assert seen
    assert all("secret" not in item and "secret_key" not in item for item in seen)


def test_the_desk_wins_its_race_against_a_login(service, user: User, wire: Wire):
    phone = user.bound_phone()

    def login_first(really):
        assert user.verify(phone.code()).status == 200
        return really()

    wire.next("UpdateItem", login_first)
    assert call(service, "unbind", {"account": user.account, **ERRAND})["outcome"] == "unbound"
    assert user.look().json["state"] == "unbound"


GOOD = {"account": "88000001", **ERRAND}


@pytest.mark.parametrize("event", [None, [], "x", 1, True])
def test_an_event_that_is_no_object_names_no_field(service, event: object):
    for name in ("unbind", "unlock", "lookup"):
        answer = call(service, name, event)
        assert answer["outcome"] == "invalid"
        assert [error["field"] for error in answer["errors"]] == [None]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"account": "a b"}, "account"),
        ({"account": "88000001\n"}, "account"),
        ({"account": ""}, "account"),
        ({"account": "a" * 65}, "account"),
        ({"account": 88000001}, "account"),
        ({"operator": ""}, "operator"),
        ({"operator": "a" * 65}, "operator"),
        ({"operator": "a\x00"}, "operator"),
        ({"operator": "a\x85"}, "operator"),
        ({"ticket": "\ud800"}, "ticket"),
        ({"ticket": None}, "ticket"),
        ({"reason": "because"}, "reason"),
        ({"reason": None}, "reason"),
        ({"reason": ["other"]}, "reason"),
    ],
)
def test_an_invalid_event_names_its_field_and_changes_nothing(
    service, wire: Wire, change: dict, field: str
):
    answer = call(service, "unbind", GOOD | change)
    assert answer["outcome"] == "invalid"
    assert [error["field"] for error in answer["errors"]] == [field]
    assert all(error["problem"] for error in answer["errors"])
    assert wire.calls == []


def test_every_invalid_field_is_named(service):
    answer = call(service, "unbind", {})
    assert [error["field"] for error in answer["errors"]] == ["account", "operator", "ticket", "reason"]


@pytest.mark.parametrize("limit", [0, 101, -1, 1.5, 20.0, "20", True])
def test_the_limit_of_a_lookup_is_a_whole_number_from_1_to_100(service, limit: object):
    answer = call(service, "lookup", {"account": "88000001", "operator": "wong", "limit": limit})
    assert [error["field"] for error in answer["errors"]] == ["limit"]


@pytest.mark.parametrize("before", ["", 1, "~", "3", "000000000003-000000000000", "record-1"])
def test_before_is_an_event_id(service, before: object):
    answer = call(service, "lookup", {"account": "88000001", "operator": "wong", "before": before})
    assert [error["field"] for error in answer["errors"]] == ["before"]


def test_names_may_be_of_any_language(service, user: User):
    event = {"account": user.account, **ERRAND, "operator": "陳大文 (客服)"}
    assert call(service, "unbind", event)["outcome"] == "not_bound"


@pytest.mark.parametrize("name", ["unbind", "unlock", "lookup"])
def test_a_failure_of_aws_is_an_outcome_and_no_error(service, wire: Wire, name: str):
    wire.refuse("GetItem", "InternalServerError", 500, 2)
    assert call(service, name, GOOD) == {"outcome": "unavailable"}


def test_a_bug_is_unavailable_too(service, monkeypatch: pytest.MonkeyPatch):
    from chalicelib.support.desk import Desk

    monkeypatch.setattr(Desk, "look_up", lambda *_: 1 / 0)
    assert call(service, "lookup", GOOD) == {"outcome": "unavailable"}


@pytest.mark.parametrize("name", ["unbind", "unlock", "lookup"])
def test_a_call_without_a_request_id_is_answered(service, name: str):
    assert getattr(service, name)(GOOD, None)["outcome"] in ("not_bound", "not_locked", "found")
    assert getattr(service, name)(None, None)["outcome"] == "invalid"
