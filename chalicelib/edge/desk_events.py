"""What support staff's events must look like, and what the support functions answer."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from chalicelib.core.binding import Binding
from chalicelib.core.chain import position_of
from chalicelib.core.refusal import Unavailable
from chalicelib.edge import answers
from chalicelib.edge.login import ACCOUNT
from chalicelib.edge.request_id import request_id
from chalicelib.log import log, where
from chalicelib.metrics import counted

REASONS = ("lost_device", "new_device", "deleted_token", "suspected_compromise", "other")
"""Why an account is unbound."""

LONGEST_NAME = 64
"""Characters of an operator's name or a ticket's number."""

NO_EVENT_ID = "must be an event_id of this account's history"

USUAL_LIMIT = 20
"""Events of history in one answer where none is asked for."""

MOST_EVENTS = 100


class InvalidEvent(Exception):
    """An event that cannot be acted on: a list of fields, each with what is the matter."""

    def __init__(self, errors: Sequence[Mapping[str, str | None]]) -> None:
        super().__init__("invalid event")
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Errand:
    """What support asks for; ``ticket`` and ``reason`` are None where the errand needs none."""

    account: str
    operator: str
    ticket: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Which account to look up, and which page of its history."""

    account: str
    operator: str
    before: str | None
    limit: int


AskedT = TypeVar("AskedT", Errand, Inquiry)


def unbind_errand(event: object) -> Errand:
    """The errand of ``unbind``; InvalidEvent where it is not one."""
    return Errand(**_checked(event, account=_account, operator=_name, ticket=_name, reason=_reason))


def unlock_errand(event: object) -> Errand:
    """The errand of ``unlock``; InvalidEvent where it is not one."""
    return Errand(**_checked(event, account=_account, operator=_name, ticket=_name))


def inquiry(event: object) -> Inquiry:
    """The inquiry of ``lookup``; InvalidEvent where it is not one."""
    asked = _checked(event, account=_account, operator=_name, before=_before, limit=_limit)
    if asked["before"] is not None and position_of(asked["account"], asked["before"]) is None:
        raise InvalidEvent([{"field": "before", "problem": NO_EVENT_ID}])
    return Inquiry(**asked | {"limit": asked["limit"] or USUAL_LIMIT})


def found(shown: Binding, history: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer of ``lookup``."""
    return {
        "outcome": "found",
        **answers.binding(shown),
        "failures": shown.failures,
        "history": history,
    }


def _checked(event: object, **problems: Callable[[object], str | None]) -> dict[str, Any]:
    """The named fields of an event, each by its own rule; absent ones count as null."""
    if not isinstance(event, Mapping):
        raise InvalidEvent([{"field": None, "problem": "the event is no JSON object"}])
    fields = {field: event.get(field) for field in problems}
    errors = [
        {"field": field, "problem": problem}
        for field, value in fields.items()
        if (problem := problems[field](value)) is not None
    ]
    if errors:
        raise InvalidEvent(errors)
    return fields


def _account(value: object) -> str | None:
    if isinstance(value, str) and ACCOUNT.fullmatch(value):
        return None
    return "must be 1 to 64 of A-Z, a-z, 0-9, dot, underscore and hyphen"


def _name(value: object) -> str | None:
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_NAME:
        return f"must be a string of 1 to {LONGEST_NAME} characters"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        return "must have no control characters and no lone surrogates"
    return None


def _reason(value: object) -> str | None:
    return None if value in REASONS else f"must be one of {', '.join(REASONS)}"


def _before(value: object) -> str | None:
    return None if value is None or isinstance(value, str) else NO_EVENT_ID


def _limit(value: object) -> str | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value is None or (whole and 1 <= value <= MOST_EVENTS):  # type: ignore[operator]
        return None
    return f"must be a whole number from 1 to {MOST_EVENTS}"


def respond(
    function: str,
    event: object,
    context: object,
    read: Callable[[object], AskedT],
    act: Callable[[AskedT, str], dict[str, Any]],
) -> dict[str, Any]:
    """What a support function answers, whatever happens: it never ends in an error.

    ``act`` is given what was asked and the id of the call.
    Each call is one line of the log: who asked for which account on which ticket, and the outcome.
    """
    call_id = request_id(context)
    about: dict[str, Any] = {"request_id": call_id, "function": function}
    try:
        asked = read(event)
        about |= asdict(asked)
        answer = act(asked, call_id)
    except InvalidEvent as invalid:
        log.warning(
            "invalid event",
            extra={
                **about,
                "fields": [error["field"] for error in invalid.errors],
                **_counted("invalid"),
            },
        )
        return {"outcome": "invalid", "errors": invalid.errors}
    except Unavailable as unavailable:
        why = {"code": unavailable.refusal.value, "why": unavailable.why}
        log.error("refused", extra={**about, **why, **_counted("unavailable")})
        return {"outcome": "unavailable"}
    except Exception as error:
        failure = {"failure": where(error), **_counted("unavailable")}
        log.error("unexpected failure", extra={**about, **failure})
        return {"outcome": "unavailable"}
    log.info("answered", extra={**about, **_counted(answer["outcome"])})
    return answer


def _counted(outcome: str) -> dict[str, Any]:
    return {"outcome": outcome, **counted("Errands", outcome=outcome)}
