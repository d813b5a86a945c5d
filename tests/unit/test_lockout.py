"""Four wrong codes are free. Each further one locks for longer."""

import pytest

from chalicelib.core.lockout import SUSPEND_AT, attempts_left, lock_seconds


@pytest.mark.parametrize("failures", range(5))
def test_the_first_four_wrong_codes_do_not_lock(failures: int):
    assert lock_seconds(failures) == 0


@pytest.mark.parametrize(
    ("failures", "minutes"),
    [(5, 5), (6, 10), (7, 20), (8, 40), (9, 80), (10, 160), (11, 240), (12, 240), (13, 240), (99, 240)],
)
def test_each_wrong_code_from_the_fifth_on_locks_for_the_time_of_its_number(failures: int, minutes: int):
    assert lock_seconds(failures) == minutes * 60


@pytest.mark.parametrize(
    ("failures", "left"), [(0, 5), (1, 4), (2, 3), (3, 2), (4, 1), (5, 0), (6, 0), (100, 0)]
)
def test_attempts_left_is_four_after_the_first_and_none_from_the_fifth_on(failures: int, left: int):
    assert attempts_left(failures) == left


def test_a_hundred_wrong_codes_in_a_row_suspend():
    assert SUSPEND_AT == 100
