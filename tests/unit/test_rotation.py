"""The promises of the key set, through three years of daily and missed runs of the rotation."""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import pytest

from chalicelib.core.keys import (
    Plan,
    Term,
    newest,
    plan_data_keys,
    plan_signing_keys,
)

MINUTE, HOUR, DAY = 60, 3_600, 86_400

START = 1_800_000_000

THREE_YEARS = 3 * 365

PASS_LASTS = 60


@dataclass
class Keys:
    """The keys of one purpose, as the rotation makes and retires them."""

    plan: Callable[[list[Term], int], Plan]
    there: list[Term] = field(default_factory=list)
    made_at: dict[str, int] = field(default_factory=dict)
    gone_at: dict[str, int] = field(default_factory=dict)

    def run(self, now: int) -> Plan:
        plan = self.plan(self.there, now)
        if plan.create is not None:
            key_id = f"key-{len(self.made_at) + 1}"
            self.there.append(Term(key_id, *plan.create))
            self.made_at[key_id] = now
        for key_id in plan.retire:
            self.gone_at[key_id] = now
        self.there = [term for term in self.there if term.key_id not in plan.retire]
        return plan

    def published(self, now: int) -> set[str]:
        return {term.key_id for term in self.there if term.published_at(now)}


def signing_keys_after(
    days: int, *, missed: Collection[int] = (), jitter: int = 0, seed: int = 1
) -> tuple[Keys, list[tuple[int, str]]]:
    """Run the rotation daily. Returns the keys, and the signing key of each hour."""
    dice = random.Random(seed)
    keys, signed = Keys(plan_signing_keys), []
    for day in range(days):
        midnight = START + day * DAY
        if day not in missed:
            keys.run(midnight + dice.randint(0, jitter))
        for hour in range(1, 24):
            now = midnight + hour * HOUR
            signer = newest(keys.there, now)
            assert signer is not None, f"nobody may sign on day {day}"
            assert signer.key_id in keys.published(now)
            signed.append((now, signer.key_id))
    return keys, signed


def first_and_last_use(signed: list[tuple[int, str]]) -> dict[str, tuple[int, int]]:
    uses: dict[str, tuple[int, int]] = {}
    for at, key_id in signed:
        uses[key_id] = (uses.get(key_id, (at, at))[0], at)
    return uses


def test_the_very_first_signing_key_may_sign_at_once():
    assert plan_signing_keys([], START).create == (START, START + 60 * DAY)


def test_a_second_run_at_once_does_nothing():
    for purpose in (plan_signing_keys, plan_data_keys):
        keys = Keys(purpose)
        for day in range(400):
            keys.run(START + day * DAY)
            assert keys.run(START + day * DAY) == Plan()
            assert keys.run(START + day * DAY + 1) == Plan()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("jitter", [0, HOUR])
@pytest.mark.parametrize("share_missed", [0, 0.3])
def test_every_promise_of_the_key_set_holds_for_three_years(seed: int, jitter: int, share_missed: float):
    dice = random.Random(seed)
    missed = {day for day in range(1, THREE_YEARS) if dice.random() < share_missed}
    keys, signed = signing_keys_after(THREE_YEARS, missed=missed, jitter=jitter, seed=seed)
    uses = first_and_last_use(signed)
    assert len(uses) > 30
    very_first, *later = sorted(uses, key=lambda key_id: uses[key_id])
    for key_id in later:
        assert uses[key_id][0] - keys.made_at[key_id] >= DAY, "published 24 h before its first use"
    for key_id in (very_first, *later[:-1]):
        if key_id in keys.gone_at:
            assert keys.gone_at[key_id] > uses[key_id][1] + HOUR + PASS_LASTS
    assert len(keys.there) <= 3


def test_a_signing_key_signs_for_a_month_and_then_leaves_the_key_set():
    keys, signed = signing_keys_after(THREE_YEARS)
    uses = first_and_last_use(signed)
    finished = sorted(uses, key=lambda key_id: uses[key_id])[:-1]
    for key_id in finished:
        first, last = uses[key_id]
        assert 28 * DAY <= last - first <= 31 * DAY
        assert keys.gone_at[key_id] - last <= 2 * DAY


@pytest.mark.parametrize("first_missed", range(1, 62))
def test_a_key_may_still_sign_after_three_weeks_without_a_run(first_missed: int):
    missed = range(first_missed, first_missed + 21)
    keys, signed = signing_keys_after(120, missed=missed)
    uses = first_and_last_use(signed)
    for key_id in sorted(uses, key=lambda key_id: uses[key_id])[1:]:
        assert uses[key_id][0] - keys.made_at[key_id] >= DAY


def test_a_new_key_signs_at_once_after_months_without_a_run():
    keys = Keys(plan_signing_keys)
    keys.run(START)
    long_after = START + 200 * DAY
    assert newest(keys.there, long_after) is None
    assert keys.run(long_after).create == (long_after, long_after + 60 * DAY)
    assert keys.published(long_after) == {"key-2"}
    assert keys.run(long_after + 1) == Plan(retire=("key-1",))
    assert newest(keys.there, long_after) == Term("key-2", long_after, long_after + 60 * DAY)


def test_a_future_key_does_not_replace_the_key_that_must_sign_now():
    to_come = Term("to-come", START + DAY, START + 61 * DAY)
    plan = plan_signing_keys([to_come], START)
    assert plan == Plan(create=(START, START + 60 * DAY))


SIGNING = Term("signing", START, START + 60 * DAY)


@pytest.mark.parametrize(
    ("now", "successor_from"),
    [
        (START, None),
        (START + 30 * DAY - 49 * HOUR - 1, None),
        (START + 30 * DAY - 49 * HOUR, START + 30 * DAY),
        (START + 30 * DAY - 25 * HOUR, START + 30 * DAY),
        (START + 30 * DAY - 24 * HOUR, START + 30 * DAY + HOUR),
        (START + 45 * DAY, START + 46 * DAY + HOUR),
    ],
)
def test_a_successor_is_made_more_than_a_day_before_its_first_use(now: int, successor_from: int | None):
    expected = None if successor_from is None else (successor_from, successor_from + 60 * DAY)
    assert plan_signing_keys([SIGNING], now).create == expected


def test_no_second_successor_is_made():
    successor = Term("successor", START + 30 * DAY, START + 90 * DAY)
    for days in (28, 29, 30):
        assert plan_signing_keys([SIGNING, successor], START + days * DAY) == Plan()


def test_the_old_key_stays_until_an_hour_after_its_last_pass():
    turn = START + 30 * DAY
    successor = Term("successor", turn, turn + 60 * DAY)
    for seconds, retired in ((0, ()), (HOUR + 60, ()), (HOUR + 61, ("signing",))):
        assert plan_signing_keys([SIGNING, successor], turn + seconds).retire == retired


def test_an_ended_key_stays_published_as_long_as_its_last_pass():
    end = START + 60 * DAY
    assert SIGNING.published_at(end + 60)
    assert not SIGNING.published_at(end + 61)


def test_a_key_may_be_used_from_its_first_second_to_before_its_end():
    assert [SIGNING.covers(START + at) for at in (-1, 0, 60 * DAY - 1, 60 * DAY)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_a_future_key_is_published_before_it_may_sign():
    assert SIGNING.published_at(START - DAY)
    assert not SIGNING.covers(START - DAY)


def test_the_newest_of_the_usable_keys_is_used():
    older, newer = Term("z", START, None), Term("a", START + 10, None)
    assert newest([newer, older], START + 10) == newer
    assert newest([newer, older], START + 9) == older
    assert newest([newer, older], START - 1) is None


def test_every_process_uses_the_same_of_two_keys_made_at_once():
    one, two = Term("one", START, None), Term("two", START, None)
    assert newest([one, two], START) == newest([two, one], START)


@pytest.mark.parametrize(
    ("age", "create"), [(0, False), (91 * DAY - 1, False), (91 * DAY, True), (120 * DAY, True)]
)
def test_a_new_data_key_is_made_after_a_quarter(age: int, create: bool):  # noqa: FBT001
    now = START + age
    assert plan_data_keys([Term("first", START, None)], now) == Plan((now, None) if create else None)


def test_a_data_key_is_made_each_quarter_and_never_retired():
    keys = Keys(plan_data_keys)
    for day in range(THREE_YEARS + 1):
        keys.run(START + day * DAY)
        assert newest(keys.there, START + day * DAY) is not None
    assert list(keys.made_at.values()) == [START + quarter * 91 * DAY for quarter in range(13)]
    assert keys.gone_at == {}
    assert all(term.not_after is None for term in keys.there)


def test_a_late_successor_signs_when_the_last_key_ends():
    end = START + 10 * HOUR
    plan = plan_signing_keys([Term("last", end - 60 * DAY, end)], START)
    assert plan.create == (end, end + 60 * DAY)
