"""Trading account ids, and the one spelling that a deployment keeps of each."""

import re
from enum import StrEnum

_ACCOUNT = re.compile(r"[A-Za-z0-9._-]{1,64}")


class AccountCase(StrEnum):
    """The case that a deployment brings every account to, for login servers that ignore case."""

    EXACT = "exact"
    LOWER = "lower"
    UPPER = "upper"


def read_account(value: object, case: AccountCase) -> str | None:
    """Return the account that a value names, in the deployment's spelling, or None if it names none.

    An account id has 1 to 64 letters, digits, dots, underscores and hyphens.
    """
    if not isinstance(value, str) or _ACCOUNT.fullmatch(value) is None:
        return None
    match case:
        case AccountCase.LOWER:
            return value.lower()
        case AccountCase.UPPER:
            return value.upper()
        case AccountCase.EXACT:
            return value
