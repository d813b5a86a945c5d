"""The events that the support functions accept, each checked field by field."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from chalicelib.core.account import AccountCase, read_account
from chalicelib.core.changes import is_event_id
from chalicelib.core.unbinding import COMPROMISE

REASONS = (
    "lost_device",
    "new_device",
    "deleted_token",
    COMPROMISE,
    "account_closed",
    "other",
)
"""The reasons for an unbinding."""

LONGEST_NAME = 64
"""Characters of an operator's name or a ticket's number."""

LONGEST_ARN = 256
"""Characters of an operator whose event carries a proof."""

NO_EVENT_ID = "must be an event_id of this account's history"

USUAL_LIMIT = 20
"""Events of history in one answer if no limit is given."""

MOST_EVENTS = 100
"""Events of history in one answer at most."""


class InvalidEvent(Exception):
    """An event that cannot be acted on: a list of fields, each with its problem."""

    def __init__(self, errors: Sequence[Mapping[str, str | None]]) -> None:
        super().__init__("invalid event")
        self.errors = errors


@dataclass(frozen=True, slots=True)
class SupportRequest:
    """A request to change an account. ``reason`` is None unless it is an unbinding.

    ``operator`` is the caller's claim, or the ARN that STS answered if ``operator_proved``.
    """

    account: str
    operator: str
    ticket: str
    reason: str | None = None
    operator_proved: bool = False


@dataclass(frozen=True, slots=True)
class LookupRequest:
    """A request to show an account and one page of its history."""

    account: str
    operator: str
    before: str | None
    limit: int
    operator_proved: bool = False


def unbind_request(event: object, case: AccountCase) -> SupportRequest:
    """Read the event of ``unbind``. Raises InvalidEvent if it is malformed."""
    return SupportRequest(
        **_checked(event, case, account=_account, operator=_name, ticket=_name, reason=_reason)
    )


def ticket_request(event: object, case: AccountCase) -> SupportRequest:
    """Read an event of ``invite``, ``approve`` or ``unlock``. Raises InvalidEvent if it is malformed."""
    return SupportRequest(**_checked(event, case, account=_account, operator=_name, ticket=_name))


def lookup_request(event: object, case: AccountCase) -> LookupRequest:
    """Read the event of ``lookup``. Raises InvalidEvent if it is malformed."""
    asked = _checked(event, case, account=_account, operator=_name, before=_before, limit=_limit)
    return LookupRequest(**asked | {"limit": asked["limit"] or USUAL_LIMIT})


def _checked(
    event: object, case: AccountCase, **problems: Callable[[object], str | None]
) -> dict[str, Any]:
    """Return the named fields of an event, each checked by its own rule. Absent ones count as null.

    The account comes in the deployment's spelling.
    """
    if not isinstance(event, Mapping):
        raise InvalidEvent([{"field": None, "problem": "the event is no JSON object"}])
    if event.get("proof") is not None:
        problems["operator"] = partial(_name, longest=LONGEST_ARN)
    fields = {field: event.get(field) for field in problems}
    errors = [
        {"field": field, "problem": problem}
        for field, value in fields.items()
        if (problem := problems[field](value)) is not None
    ]
    if errors:
        raise InvalidEvent(errors)
    return fields | {"account": read_account(fields["account"], case)}


def _account(value: object) -> str | None:
    if read_account(value, AccountCase.EXACT) is not None:
        return None
    return "must be 1 to 64 of A-Z, a-z, 0-9, dot, underscore and hyphen"


def _name(value: object, longest: int = LONGEST_NAME) -> str | None:
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        return f"must be a string of 1 to {longest} characters"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        return "must have no control characters and no lone surrogates"
    return None


def _reason(value: object) -> str | None:
    return None if value in REASONS else f"must be one of {', '.join(REASONS)}"


def _before(value: object) -> str | None:
    is_one = value is None or (isinstance(value, str) and is_event_id(value))
    return None if is_one else NO_EVENT_ID


def _limit(value: object) -> str | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value is None or (whole and 1 <= value <= MOST_EVENTS):  # type: ignore[operator]
        return None
    return f"must be a whole number from 1 to {MOST_EVENTS}"
