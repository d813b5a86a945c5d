"""How many wrong codes an account may meet, and what comes of one too many."""

ATTEMPTS = 5
"""Wrong codes in a row that discard a pending binding, or lock a bound account."""

SUSPEND_AT = 100
"""Wrong codes in a row after which only support lets the account in again."""

LADDER_MINUTES = (5, 10, 20, 40, 80, 160, 240)
"""The lock after the 5th wrong code, the 6th, and so on; the last rung is for all that follow."""


def attempts_left(failures: int) -> int:
    """How many more wrong codes are free after so many in a row: 4 after the first, never below 0."""
    return max(0, ATTEMPTS - failures)


def lock_seconds(failures: int) -> int:
    """How long the wrong code that made it so many in a row locks the account; 0 before the 5th."""
    if failures < ATTEMPTS:
        return 0
    rung = min(failures - ATTEMPTS, len(LADDER_MINUTES) - 1)
    return LADDER_MINUTES[rung] * 60
