"""The limits on wrong codes: attempts before a lock, the ladder of locks, and suspension.

Two counts run side by side. Wrong codes in a row lock for longer and longer, and a right code clears
them. Wrong codes in a month stay through right codes, so that a patient guesser who waits for the
owner's logins is suspended as well.
"""

ATTEMPTS = 5
"""Wrong codes in a row that discard a pending binding or lock a bound account."""

SUSPEND_AT = 100
"""Wrong codes in a row that suspend the account until support unlocks it."""

SUSPEND_AT_IN_A_MONTH = 40
"""Wrong codes in a month that suspend the account until support unlocks it."""

WARN_AT_IN_A_MONTH = 30
"""Wrong codes in a month that raise a metric, before the account is suspended."""

MONTH_SECONDS = 30 * 86_400
"""A month begins with the first wrong code after the last month ended."""

LADDER_MINUTES = (5, 10, 20, 40, 80, 160, 240)
"""Minutes of lock after the 5th wrong code, the 6th, and so on. The last value repeats."""


def attempts_left(failures: int) -> int:
    """Return the wrong codes left before a lock after ``failures`` in a row; never below 0."""
    return max(0, ATTEMPTS - failures)


def lock_seconds(failures: int) -> int:
    """Return the seconds of lock that the wrong code number ``failures`` brings; 0 before the 5th."""
    if failures < ATTEMPTS:
        return 0
    rung = min(failures - ATTEMPTS, len(LADDER_MINUTES) - 1)
    return LADDER_MINUTES[rung] * 60


def in_month(began_at: int | None, now: int) -> bool:
    """Return True if a month that began at ``began_at`` still runs."""
    return began_at is not None and now - began_at < MONTH_SECONDS


def suspends(in_a_row: int, in_a_month: int) -> bool:
    """Return True if a wrong code with these counts suspends the account."""
    return in_a_row >= SUSPEND_AT or in_a_month >= SUSPEND_AT_IN_A_MONTH
