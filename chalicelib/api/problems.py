"""Errors as problem documents (RFC 9457): status, words, fields and headers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.api.language import Language
from chalicelib.core.errors import ErrorCode

CONTENT_TYPE = "application/problem+json"

UNAVAILABLE_RETRY_SECONDS = 5
"""Seconds after which a client may try again after a failure of AWS."""

THROTTLED_RETRY_SECONDS = 1
"""Seconds after which a client may try again after the stage's throttle, which counts by the second."""

BUSY_RETRY_SECONDS = 1
"""Seconds after which to ask again if others wrote to the same account. Their calls take far less."""

STATUS = {
    ErrorCode.LOGIN_REQUIRED: 401,
    ErrorCode.LOGIN_INVALID: 401,
    ErrorCode.LOGIN_EXPIRED: 401,
    ErrorCode.DESKTOP_ONLY: 403,
    ErrorCode.MALFORMED_REQUEST: 400,
    ErrorCode.MALFORMED_CODE: 400,
    ErrorCode.ALREADY_BOUND: 409,
    ErrorCode.BIND_CODE_REQUIRED: 403,
    ErrorCode.BIND_CODE_EXPIRED: 410,
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


Fields = Mapping[str, int | str | None]
"""The fields that an error carries besides its code."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error ready to be sent."""

    status: int
    headers: dict[str, str]
    document: dict[str, Any]


def problem(
    code: ErrorCode,
    language: Language,
    request_id: str,
    fields: Fields | None = None,
) -> Problem:
    """Return the answer for an error code, with ``fields`` in the document.

    The wait of a lock is repeated in the Retry-After header (RFC 9110 section 10.2.3, in seconds).
    """
    fields = fields or {}
    words = messages(language)[code.value]
    document = {
        "type": problem_type(code),
        "title": words["title"],
        "status": STATUS[code],
        "code": code.value,
        "detail": _detail(words, fields, language),
        "request_id": request_id,
        **fields,
    }
    headers = {"Content-Type": CONTENT_TYPE, "Content-Language": language.value} | challenge(code)
    wait = fields.get("retry_after") if code is ErrorCode.LOCKED else _RETRY_AFTER.get(code)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    return Problem(STATUS[code], headers, document)


def problem_type(code: ErrorCode) -> str:
    """Return the URI of the type of problem (RFC 9457 section 3.1.1). It cannot be fetched."""
    return f"urn:totp-binding:problem:{code.value}"


def challenge(code: ErrorCode) -> dict[str, str]:
    """Return the WWW-Authenticate header (RFC 6750 section 3) if the code concerns the login token."""
    return {"WWW-Authenticate": _CHALLENGE[code]} if code in _CHALLENGE else {}


@cache
def messages(language: Language) -> dict[str, dict[str, str]]:
    """Return the words of a language: a title and details for each error code."""
    words: dict[str, dict[str, str]] = json.loads(
        (_MESSAGES / f"{language.value}.json").read_text("utf-8")
    )
    return words


def _detail(words: Mapping[str, str], fields: Fields, language: Language) -> str:
    """Return the detail with its values. The last wrong code has a detail of its own."""
    none_left = fields.get("attempts_left") == 0
    detail = words["detail_none_left" if none_left else "detail"]
    retry_after = fields.get("retry_after")
    wait = _hours_and_minutes(retry_after, language) if isinstance(retry_after, int) else ""
    return detail.format(**fields, wait=wait)


def _hours_and_minutes(seconds: int, language: Language) -> str:
    """Return a wait in hours and minutes, rounded up to whole minutes."""
    counts = divmod(-(-seconds // 60), 60)
    parts = zip(counts, _HOURS_AND_MINUTES[language], strict=True)
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
