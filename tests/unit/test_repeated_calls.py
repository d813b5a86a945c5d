"""A client that lost the answer to a right code asks again with the same idempotency key."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.binding import Accepted, Binding, Decision
from chalicelib.core.errors import ErrorCode
from chalicelib.core.rules import confirm, verify
from tests.kit.bindings import (
    BOUND,
    DESKTOP,
    MOBILE,
    NOW,
    PENDING,
    attempt,
    changes_nothing,
    code,
    wrong,
)

KEY = b"fingerprint of key and token"


def first(**more: Any) -> Decision:
    return verify(BOUND, attempt(code(), MOBILE, fingerprint=KEY, **more), NOW)


def again(binding: Binding, now: int = NOW + 5, **more: Any) -> Decision:
    asked = {"code": code(), "channel": MOBILE, "fingerprint": KEY, "jti": "pass-2"} | more
    return verify(binding, attempt(asked.pop("code"), asked.pop("channel"), **asked), now)


@pytest.mark.parametrize("seconds", [0, 5, 59])
def test_the_same_call_gets_the_same_pass_and_writes_nothing(seconds: int):
    done = first()
    repeated = again(done.binding, NOW + seconds)
    assert changes_nothing(done.binding, repeated)
    assert repeated.answer == done.answer == Accepted("binding-1", "pass-1", NOW, channel_first_use=True)


def test_the_first_code_of_a_binding_is_repeated_on_its_own_path():
    asked = attempt(code(), DESKTOP, fingerprint=KEY)
    done = confirm(PENDING, asked, NOW)
    repeated = confirm(done.binding, replace(asked, jti="pass-2"), NOW + 5)
    assert (repeated.event_type, repeated.answer) == (None, done.answer)
    assert verify(done.binding, asked, NOW + 5).answer.code is ErrorCode.CODE_USED


@pytest.mark.parametrize(
    "difference",
    [{"fingerprint": b"another key, or another token"}, {"fingerprint": None}, {"channel": DESKTOP}],
    ids=["another key", "no key", "another channel"],
)
def test_any_difference_makes_it_a_used_code(difference: dict[str, Any]):
    decision = again(first().binding, **difference)
    assert decision.event_type is None
    assert decision.answer.code is ErrorCode.CODE_USED


def test_a_minute_later_the_answer_is_not_given_again():
    assert again(first().binding, NOW + 60).answer.code is ErrorCode.CODE_EXPIRED


def test_a_wrong_code_under_the_same_key_counts():
    decision = again(first().binding, code=wrong())
    assert decision.answer.code is ErrorCode.WRONG_CODE
    assert decision.binding.failures == 1


def test_another_accepted_code_ends_it():
    done = first()
    other = verify(done.binding, attempt(code(1), MOBILE), NOW + 30)
    assert again(other.binding, NOW + 31).answer.code is ErrorCode.CODE_USED


@pytest.mark.parametrize("state", [{"suspended": True}, {"held": True}, {"locked_until": NOW + 300}])
def test_lock_and_suspension_come_after_it(state: dict[str, Any]):
    done = first()
    assert again(replace(done.binding, **state)).answer == done.answer


def test_no_replay_alarm_is_raised_from_another_address():
    done = first()
    assert again(done.binding, address="198.51.100.9").answer == done.answer
