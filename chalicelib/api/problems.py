"""Every refusal as the contract's problem document (RFC 9457): status, words, fields, headers."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.api.language import Language
from chalicelib.core.errors import ErrorCode

CONTENT_TYPE = "application/problem+json"

UNAVAILABLE_RETRY_SECONDS = 5
"""When to ask again after AWS trouble."""

THROTTLED_RETRY_SECONDS = 1
"""When to ask again after the stage's throttle, which counts by the second."""

BUSY_RETRY_SECONDS = 1
"""When to ask again if others wrote to the same account: each of their calls takes far less."""

STATUS = {
    ErrorCode.LOGIN_REQUIRED: 401,
    ErrorCode.LOGIN_INVALID: 401,
    ErrorCode.LOGIN_EXPIRED: 401,
    ErrorCode.DESKTOP_ONLY: 403,
    ErrorCode.MALFORMED_REQUEST: 400,
    ErrorCode.MALFORMED_CODE: 400,
    ErrorCode.ALREADY_BOUND: 409,
    ErrorCode.BIND_NOT_STARTED: 409,
    ErrorCode.BIND_EXPIRED: 410,
    ErrorCode.NOT_BOUND: 409,
    ErrorCode.WRONG_CODE: 403,
    ErrorCode.CODE_EXPIRED: 403,
    ErrorCode.CODE_USED: 403,
    ErrorCode.LOCKED: 429,
    ErrorCode.SUSPENDED: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.TOO_MANY_REQUESTS: 429,
    ErrorCode.BUSY: 429,
    ErrorCode.UNAVAILABLE: 503,
}

_CHALLENGE = {
    ErrorCode.LOGIN_REQUIRED: "Bearer",
    ErrorCode.LOGIN_INVALID: 'Bearer error="invalid_token"',
    ErrorCode.LOGIN_EXPIRED: 'Bearer error="invalid_token"',
}

_RETRY_AFTER = {
    ErrorCode.UNAVAILABLE: UNAVAILABLE_RETRY_SECONDS,
    ErrorCode.TOO_MANY_REQUESTS: THROTTLED_RETRY_SECONDS,
    ErrorCode.BUSY: BUSY_RETRY_SECONDS,
}

_HOURS_AND_MINUTES = {
    Language.SIMPLIFIED: ("小时", "分钟"),
    Language.TRADITIONAL: ("小時", "分鐘"),
    Language.ENGLISH: ("h", "min"),
}

_MESSAGES = Path(__file__).parent / "messages"


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal ready to be sent."""

    status: int
    headers: dict[str, str]
    document: dict[str, Any]


def problem(
    refusal: ErrorCode, language: Language, request_id: str, carried: dict[str, int | str] | None = None
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
        "detail": _detail(words, carried, language),
        "request_id": request_id,
        **carried,
    }
    headers = {"Content-Type": CONTENT_TYPE, "Content-Language": language.value}
    headers |= challenge(refusal)
    wait = carried.get("retry_after") if refusal is ErrorCode.LOCKED else _RETRY_AFTER.get(refusal)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    return Problem(STATUS[refusal], headers, document)


def problem_type(refusal: ErrorCode) -> str:
    """The URI that names the kind of problem (RFC 9457 section 3.1.1); it leads nowhere."""
    return f"urn:totp-binding:problem:{refusal.value}"


def challenge(refusal: ErrorCode) -> dict[str, str]:
    """The WWW-Authenticate header (RFC 6750 section 3) where the first factor is lacking."""
    return {"WWW-Authenticate": _CHALLENGE[refusal]} if refusal in _CHALLENGE else {}


@cache
def messages(language: Language) -> dict[str, dict[str, str]]:
    """The words of a language: title and detail for each code, and one for no attempts left."""
    words: dict[str, dict[str, str]] = json.loads(
        (_MESSAGES / f"{language.value}.json").read_text("utf-8")
    )
    return words


def _detail(words: dict[str, str], carried: dict[str, int | str], language: Language) -> str:
    """What to do next. With no attempt left that is not to enter another code."""
    none_left = carried.get("attempts_left") == 0
    detail = words["detail_none_left" if none_left else "detail"]
    retry_after = carried.get("retry_after")
    wait = _hours_and_minutes(retry_after, language) if isinstance(retry_after, int) else ""
    return detail.format(**carried, wait=wait)


def _hours_and_minutes(seconds: int, language: Language) -> str:
    """A long wait in people's units, rounded up to whole minutes."""
    counts = divmod(-(-seconds // 60), 60)
    parts = zip(counts, _HOURS_AND_MINUTES[language], strict=True)
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
