"""Trading account ids."""

import re

_ACCOUNT = re.compile(r"[A-Za-z0-9._-]{1,64}")


def is_account(value: object) -> bool:
    """Return True if the value is an account id: 1 to 64 letters, digits, dots, underscores, hyphens."""
    return isinstance(value, str) and _ACCOUNT.fullmatch(value) is not None
