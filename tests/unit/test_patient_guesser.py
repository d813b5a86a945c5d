"""A guesser who stays below five wrong codes between logins is stopped by the month's count."""

import random
from dataclasses import replace
from fractions import Fraction

import pyotp
import pytest

from chalicelib.core import lockout, totp
from chalicelib.core.binding import Accepted, Binding, Denied
from chalicelib.core.errors import ErrorCode, Signal
from chalicelib.core.events import EventType
from chalicelib.core.rules import verify
from tests.kit.bindings import BOUND, DESKTOP, MOBILE, NOW, attempt, code, wrong

DAY = 86_400
MONTH = 30 * DAY

GUESSES_A_MONTH = lockout.SUSPEND_AT_IN_A_MONTH - 1
"""The guesses that never suspend the account; a year touches at most 13 months of 30 days."""

CHANCE_OF_A_GUESS = Fraction(3, 10**6)
"""Three codes are right at any time: the current one and one either side."""


def after(month_failures: int, began_at: int = NOW) -> Binding:
    return replace(BOUND, month_failures=month_failures, month_began_at=began_at)


def test_a_right_code_clears_the_count_in_a_row_and_leaves_the_month():
    logged_in = verify(replace(after(7), failures=3), attempt(code(), DESKTOP), NOW).binding
    assert (logged_in.failures, logged_in.month_failures) == (0, 7)


def test_the_fortieth_wrong_code_in_a_month_suspends():
    decision = verify(after(39), attempt(wrong(), DESKTOP), NOW + 9)
    assert decision.event_type is EventType.SUSPENDED
    assert decision.answer == Denied(ErrorCode.WRONG_CODE, {"attempts_left": 0})
    assert decision.binding.suspended


def test_the_thirtieth_raises_a_signal_and_no_other_does():
    signals = [
        verify(after(failures), attempt(wrong(), DESKTOP), NOW).answer.signal for failures in range(40)
    ]
    assert signals == [Signal.PATIENT_GUESSER if failures == 29 else None for failures in range(40)]


@pytest.mark.parametrize(("seconds", "count"), [(MONTH - 1, 8), (MONTH, 1), (9 * MONTH, 1)])
def test_a_month_begins_with_the_first_wrong_code_after_the_last_one_ended(seconds: int, count: int):
    now = NOW + seconds
    binding = verify(after(7), attempt(wrong(now), DESKTOP), now).binding
    assert binding.month_failures == count
    assert binding.month_began_at == (NOW if count > 1 else now)


def test_a_month_that_is_over_shows_no_count():
    assert after(7).shown_at(NOW + MONTH - 1).month_failures == 7
    assert after(7).shown_at(NOW + MONTH).month_failures == 0


def month_of_guesses(drawn: random.Random, start: int, wanted: int) -> tuple[Binding, int]:
    """Guess between the owner's daily logins; return the binding and the guesses that were right.

    The guesser stops one wrong code before the lock each day, and before the suspension in the month.
    """
    binding, right, made = replace(BOUND, month_began_at=None), 0, 0
    for day in range(30):
        now = start + day * DAY
        binding = verify(binding, attempt(few_codes(now), DESKTOP), now).binding
        for _ in range(min(4, wanted - made)):
            now += 600
            decision = verify(binding, attempt(f"{drawn.randrange(1_000):06}", MOBILE), now)
            made += 1
            right += isinstance(decision.answer, Accepted)
            binding = replace(decision.binding, failures=0)
    return binding, right


def few_codes(now: int) -> str:
    return one_in_a_thousand(None, totp.step_at(now))


def one_in_a_thousand(_: object, step: int) -> str:
    return f"{random.Random(step).randrange(1_000):06}"


def test_a_simulated_guesser_is_right_as_often_as_the_documents_say(monkeypatch: pytest.MonkeyPatch):
    """With codes of three digits: 39 guesses, each with three codes that are right."""
    monkeypatch.setattr(pyotp.HOTP, "at", one_in_a_thousand)
    drawn = random.Random(6_238)
    months = 60
    hits = sum(month_of_guesses(drawn, NOW + n * 3 * MONTH, 39)[1] for n in range(months))
    expected = months * 39 * 3 / 1_000
    assert abs(hits - expected) < 4 * expected**0.5


def test_thirty_nine_guesses_a_month_never_suspend_and_the_fortieth_does():
    before = after(39)
    assert not before.suspended
    assert verify(before, attempt(wrong(), MOBILE), NOW).binding.suspended


def test_two_months_meet_in_at_most_eighty_guesses_within_thirty_days():
    """The last 39 of one month, the first 40 of the next, and the one that began the first."""
    assert 2 * lockout.SUSPEND_AT_IN_A_MONTH == 80
    end = NOW + MONTH
    binding = after(39)
    checked = 0
    for now in [end + second for second in range(40)]:
        decision = verify(replace(binding, failures=0), attempt(wrong(now), MOBILE), now)
        binding, checked = decision.binding, checked + 1
    assert (checked, binding.suspended) == (40, True)


def test_the_chance_per_year_is_what_the_documents_say():
    guesses = GUESSES_A_MONTH * 13
    assert guesses == 507
    assert round(100 * float(1 - (1 - CHANCE_OF_A_GUESS) ** guesses), 2) == 0.15
