"""The service's structured log: JSON lines, one for each call.

Fields are given with each line, since several calls may run in one process. A line holds no secret,
code, token or pass, and no exception's message, which may quote its input.
"""

import traceback
from typing import Any
from uuid import uuid4

from aws_lambda_powertools import Logger

log = Logger(service="totp-binding")


def frames(error: BaseException) -> list[str]:
    """Return an exception's type and the places it passed, without its message."""
    places = traceback.extract_tb(error.__traceback__)
    return [type(error).__name__, *(f"{place.filename}:{place.lineno} {place.name}" for place in places)]


def request_id(context: Any) -> str:
    """Return the id of a call in answers, logs and CloudTrail: Lambda's own, or a new one.

    API Gateway's id is not used, since the caller can choose it.
    """
    return str(getattr(context, "aws_request_id", None) or uuid4())
