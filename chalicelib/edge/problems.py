"""Every refusal as the contract's problem document (RFC 9457): status, words, fields, headers."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.core.refusal import Refusal
from chalicelib.edge.language import Language

CONTENT_TYPE = "application/problem+json"

UNAVAILABLE_RETRY_SECONDS = 5
"""When to ask again after AWS trouble."""

THROTTLED_RETRY_SECONDS = 1
"""When to ask again after the stage's throttle, which counts by the second."""

STATUS = {
    Refusal.LOGIN_REQUIRED: 401,
    Refusal.LOGIN_INVALID: 401,
    Refusal.LOGIN_EXPIRED: 401,
    Refusal.DESKTOP_ONLY: 403,
    Refusal.MALFORMED_REQUEST: 400,
    Refusal.MALFORMED_CODE: 400,
    Refusal.ALREADY_BOUND: 409,
    Refusal.BIND_NOT_STARTED: 409,
    Refusal.BIND_EXPIRED: 410,
    Refusal.NOT_BOUND: 409,
    Refusal.WRONG_CODE: 403,
    Refusal.CODE_EXPIRED: 403,
    Refusal.CODE_USED: 403,
    Refusal.LOCKED: 429,
    Refusal.SUSPENDED: 403,
    Refusal.NOT_FOUND: 404,
    Refusal.TOO_MANY_REQUESTS: 429,
    Refusal.UNAVAILABLE: 503,
}

_CHALLENGE = {
    Refusal.LOGIN_REQUIRED: "Bearer",
    Refusal.LOGIN_INVALID: 'Bearer error="invalid_token"',
    Refusal.LOGIN_EXPIRED: 'Bearer error="invalid_token"',
}

_RETRY_AFTER = {
    Refusal.UNAVAILABLE: UNAVAILABLE_RETRY_SECONDS,
    Refusal.TOO_MANY_REQUESTS: THROTTLED_RETRY_SECONDS,
}

_MESSAGES = Path(__file__).parent / "messages"


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal ready to be sent."""

    status: int
    headers: dict[str, str]
    document: dict[str, Any]


def problem(
    refusal: Refusal, language: Language, request_id: str, carried: dict[str, int | str] | None = None
) -> Problem:
    """The answer to a refused call.

    ``carried`` holds the fields that the code carries; of them, the wait of a lock is repeated
    in the Retry-After header (RFC 9110 section 10.2.3, in seconds).
    """
    carried = carried or {}
    words = messages(language)[refusal.value]
    document = {
        "type": problem_type(refusal),
        "title": words["title"],
        "status": STATUS[refusal],
        "code": refusal.value,
        "detail": words["detail"].format(**carried, **_minutes(carried)),
        "request_id": request_id,
        **carried,
    }
    headers = {"Content-Type": CONTENT_TYPE, "Content-Language": language.value}
    headers |= challenge(refusal)
    wait = carried.get("retry_after") if refusal is Refusal.LOCKED else _RETRY_AFTER.get(refusal)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    return Problem(STATUS[refusal], headers, document)


def problem_type(refusal: Refusal) -> str:
    """The URI that names the kind of problem (RFC 9457 section 3.1.1); it leads nowhere."""
    return f"urn:totp-binding:problem:{refusal.value}"


def challenge(refusal: Refusal) -> dict[str, str]:
    """The WWW-Authenticate header (RFC 6750 section 3) where the first factor is lacking."""
    return {"WWW-Authenticate": _CHALLENGE[refusal]} if refusal in _CHALLENGE else {}


@cache
def messages(language: Language) -> dict[str, dict[str, str]]:
    """The words of a language: title and detail for each code."""
    words: dict[str, dict[str, str]] = json.loads(
        (_MESSAGES / f"{language.value}.json").read_text("utf-8")
    )
    return words


def _minutes(carried: dict[str, int | str]) -> dict[str, int]:
    """The waits once more in whole minutes, rounded up, for words about long ones."""
    retry_after = carried.get("retry_after")
    return {"minutes": -(-retry_after // 60)} if isinstance(retry_after, int) else {}
