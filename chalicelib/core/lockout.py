"""The limits on wrong codes: attempts before a lock, the ladder of locks, and suspension."""

ATTEMPTS = 5
"""Wrong codes in a row that discard a pending binding or lock a bound account."""

SUSPEND_AT = 100
"""Wrong codes in a row that suspend the account until support unlocks it."""

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
