"""Unbindings and invitations that wait for a second operator."""

from typing import Any

import pytest

from chalicelib import wiring
from infra.local.operators import function_arn
from tests.integration.test_operator_proof import Event, Staff
from tests.kit.delivery import Delivery
from tests.kit.sts import REGION, Sts, support_session
from tests.kit.user import User


@pytest.fixture(autouse=True)
def two_operators(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNBIND_APPROVALS", "2")
    wiring.reset()


@pytest.fixture
def mei(service: Any, sts: Sts) -> Staff:
    return Staff(service, sts.knows(support_session("test", "mei.chan")))


@pytest.fixture
def ben(service: Any, sts: Sts) -> Staff:
    return Staff(service, sts.knows(support_session("test", "ben.lee")))


def call(staff: Staff, name: str, user: User, **fields: str) -> Event:
    arn = function_arn(f"totp-binding-test-{name}", REGION)
    event = {"account": user.account, "operator": "x", "ticket": "T-1", **fields}
    return staff.send(staff.sign(event, arn), arn)


def test_a_second_operator_carries_an_unbinding_out(
    mei: Staff, ben: Staff, user: User, delivery: Delivery, desk: Any, monkeypatch: pytest.MonkeyPatch
):
    phone = user.bound_phone()
    waiting = call(mei, "unbind", user, reason="lost_device")
    assert waiting == {
        "outcome": "waiting",
        "account": user.account,
        "ticket": "T-1",
        "expires_at": "2027-01-15T09:01:00Z",
    }
    assert user.verify(phone.code()).status == 200
    found = call(ben, "lookup", user)
    assert [(one["ticket"], one["operator"]) for one in found["waiting"]] == [("T-1", "mei.chan")]
    assert call(mei, "approve", user)["errors"][0]["field"] == "operator"
    assert call(ben, "approve", user)["outcome"] == "unbound"
    assert call(ben, "approve", user)["repeated"] is True
    assert user.look().json["state"] == "unbound"
    delivery.deliver()
    monkeypatch.setenv("UNBIND_APPROVALS", "1")
    wiring.reset()
    operators = {entry["type"]: entry["operator"] for entry in desk.history(user.account)}
    assert operators["unbind_requested"].endswith("/mei.chan")
    assert operators["unbound"].endswith("/ben.lee")


def test_a_waiting_unbinding_for_a_compromise_suspends_at_once(mei: Staff, ben: Staff, user: User):
    phone = user.bound_phone()
    call(mei, "unbind", user, reason="suspected_compromise")
    assert user.verify(phone.code()).code == "suspended"
    assert user.look().json["suspended"] is True
    code = call(ben, "approve", user)["bind_code"]
    user.clock.advance(1)
    assert user.call("POST", "/bind", {"bind_code": code}).status == 201


def test_an_invitation_waits_too_and_its_code_goes_to_the_second_operator(
    mei: Staff, ben: Staff, user: User
):
    assert call(mei, "invite", user)["outcome"] == "waiting"
    assert len(call(ben, "approve", user)["bind_code"]) == 8


def test_an_approval_touches_no_binding_made_meanwhile(mei: Staff, ben: Staff, user: User):
    user.bound_phone()
    call(mei, "unbind", user, reason="lost_device")
    assert call(ben, "unbind", user, ticket="T-2", reason="lost_device")["outcome"] == "waiting"
    assert call(mei, "approve", user, ticket="T-2")["outcome"] == "unbound"
    user.clock.advance(1)
    phone = user.bound_phone()
    assert call(ben, "approve", user) == {"outcome": "nothing_to_approve"}
    assert user.verify(phone.code()).status == 200


def test_a_request_is_forgotten_after_an_hour(mei: Staff, ben: Staff, user: User):
    user.bound_phone()
    call(mei, "unbind", user, reason="lost_device")
    user.clock.advance(3_600)
    assert call(ben, "approve", user) == {"outcome": "nothing_to_approve"}


def test_an_event_without_a_proof_is_refused(service: Any, user: User):
    event = {"account": user.account, "operator": "x", "ticket": "T-1", "reason": "other"}
    answer = service.unbind(event, None)
    assert (answer["outcome"], answer["errors"][0]["field"]) == ("invalid", "proof")
