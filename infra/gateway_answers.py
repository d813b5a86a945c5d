"""API Gateway's own answers, in the contract's form.

It never sees our code then and cannot know the caller's language, so the words come in Chinese
and English at once.
"""

from typing import Any

from chalicelib.api.language import Language
from chalicelib.api.problems import problem
from chalicelib.core.errors import ErrorCode

REFUSALS = {
    "MISSING_AUTHENTICATION_TOKEN": ErrorCode.NOT_FOUND,
    "INVALID_SIGNATURE": ErrorCode.NOT_FOUND,
    "EXPIRED_TOKEN": ErrorCode.NOT_FOUND,
    "ACCESS_DENIED": ErrorCode.NOT_FOUND,
    "UNAUTHORIZED": ErrorCode.NOT_FOUND,
    "RESOURCE_NOT_FOUND": ErrorCode.NOT_FOUND,
    "REQUEST_TOO_LARGE": ErrorCode.MALFORMED_REQUEST,
    "BAD_REQUEST_BODY": ErrorCode.MALFORMED_REQUEST,
    "BAD_REQUEST_PARAMETERS": ErrorCode.MALFORMED_REQUEST,
    "UNSUPPORTED_MEDIA_TYPE": ErrorCode.MALFORMED_REQUEST,
    "THROTTLED": ErrorCode.TOO_MANY_REQUESTS,
    "QUOTA_EXCEEDED": ErrorCode.TOO_MANY_REQUESTS,
    "WAF_FILTERED": ErrorCode.TOO_MANY_REQUESTS,
    "DEFAULT_4XX": ErrorCode.MALFORMED_REQUEST,
    "DEFAULT_5XX": ErrorCode.UNAVAILABLE,
}
"""API Gateway's response types, each with the refusal that it is to the caller.

A path or method that the API lacks is to API Gateway a call without AWS's own credentials, or with
wrong ones where it has an Authorization header. No method of the API asks for such.
"""


def both_languages(refusal: ErrorCode, request_id: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers and document of a refusal that fits every reader."""
    chinese = problem(refusal, Language.SIMPLIFIED, request_id)
    english = problem(refusal, Language.ENGLISH, request_id)
    document = chinese.document | {
        part: f"{chinese.document[part]} / {english.document[part]}" for part in ("title", "detail")
    }
    headers = {name: value for name, value in chinese.headers.items() if name != "Content-Language"}
    return chinese.status, {**headers, "Cache-Control": "no-store", "x-request-id": request_id}, document
