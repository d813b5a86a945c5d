"""Two spellings of one account, where the login server takes them for one."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest
from chalice.test import Client

from chalicelib import wiring
from tests.kit.user import User

Spelling = Callable[[str], str]


@pytest.fixture(params=["lower", "upper"])
def stored(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, service: Any) -> Spelling:
    """The spelling that the deployment keeps."""
    monkeypatch.setenv("LOGIN_ACCOUNT_CASE", request.param)
    wiring.reset()
    return str.lower if request.param == "lower" else str.upper


def spelt(user: User, spelling: Spelling) -> User:
    return User(spelling(user.account), user.clock, user.http)


def call(service: Any, name: str, **event: Any) -> Any:
    usual = {"operator": "mei.chan", "ticket": "T-1", "reason": "lost_device"}
    return Client(service.app).lambda_.invoke(name, usual | event).payload


def test_another_spelling_is_no_way_round_the_second_factor(
    new_user: Callable[[], User], stored: Spelling
):
    owner = new_user()
    phone = owner.bound_phone()
    thief = spelt(owner, str.upper)
    assert thief.account != owner.account
    assert thief.bind().code == "already_bound"
    assert thief.look().json["account"] == stored(owner.account)
    code = phone.code()
    issued = thief.verify(code).json["pass"]
    assert jwt.decode(issued, options={"verify_signature": False})["sub"] == stored(owner.account)
    assert owner.verify(code).code == "code_used"


def test_without_the_setting_two_spellings_are_two_accounts(new_user: Callable[[], User]):
    owner = new_user()
    owner.bound_phone()
    assert spelt(owner, str.upper).look().json["state"] == "unbound"


@pytest.mark.parametrize("asked", [str.lower, str.upper, str.capitalize])
def test_support_reaches_the_account_in_any_spelling(
    service: Any, new_user: Callable[[], User], stored: Spelling, asked: Spelling
):
    owner = new_user()
    phone = owner.bound_phone()
    account = asked(owner.account)
    found = call(service, "lookup", account=account)
    assert (found["account"], found["state"]) == (stored(owner.account), "bound")
    owner.verify(phone.wrong())
    assert call(service, "unlock", account=account)["outcome"] == "unlocked"
    dropped = call(service, "unbind", account=account)
    assert (dropped["outcome"], dropped["account"]) == ("unbound", stored(owner.account))
    assert owner.look().json["state"] == "unbound"


def test_an_account_that_is_none_is_still_an_invalid_event(service: Any, stored: Spelling):
    answer = call(service, "unbind", account="ＡＣＣ1")
    assert answer["outcome"] == "invalid"
    assert [error["field"] for error in answer["errors"]] == ["account"]
