"""What API Gateway answers by itself, in the contract's form.

It never sees our code then and cannot know the caller's language, so the words come in Chinese
and English at once.
"""

from typing import Any

from chalicelib.core.refusal import Refusal
from chalicelib.edge.language import Language
from chalicelib.edge.problems import problem

REFUSALS = {
    "MISSING_AUTHENTICATION_TOKEN": Refusal.NOT_FOUND,
    "INVALID_SIGNATURE": Refusal.NOT_FOUND,
    "EXPIRED_TOKEN": Refusal.NOT_FOUND,
    "ACCESS_DENIED": Refusal.NOT_FOUND,
    "UNAUTHORIZED": Refusal.NOT_FOUND,
    "RESOURCE_NOT_FOUND": Refusal.NOT_FOUND,
    "REQUEST_TOO_LARGE": Refusal.MALFORMED_REQUEST,
    "BAD_REQUEST_BODY": Refusal.MALFORMED_REQUEST,
    "BAD_REQUEST_PARAMETERS": Refusal.MALFORMED_REQUEST,
    "UNSUPPORTED_MEDIA_TYPE": Refusal.MALFORMED_REQUEST,
    "THROTTLED": Refusal.TOO_MANY_REQUESTS,
    "QUOTA_EXCEEDED": Refusal.TOO_MANY_REQUESTS,
    "WAF_FILTERED": Refusal.TOO_MANY_REQUESTS,
    "DEFAULT_4XX": Refusal.MALFORMED_REQUEST,
    "DEFAULT_5XX": Refusal.UNAVAILABLE,
}
"""API Gateway's response types, each with the refusal that it is to the caller.

A path or method that the API lacks is to API Gateway a call without AWS's own credentials, or with
wrong ones where it has an Authorization header. No method of the API asks for such.
"""


def both_languages(refusal: Refusal, request_id: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers and document of a refusal that fits every reader."""
    chinese = problem(refusal, Language.SIMPLIFIED, request_id)
    english = problem(refusal, Language.ENGLISH, request_id)
    document = chinese.document | {
        part: f"{chinese.document[part]} / {english.document[part]}" for part in ("title", "detail")
    }
    headers = {name: value for name, value in chinese.headers.items() if name != "Content-Language"}
    return chinese.status, {**headers, "Cache-Control": "no-store", "x-request-id": request_id}, document
