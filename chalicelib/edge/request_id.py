"""The id by which a call is found again, in its answer, in the logs and in CloudTrail."""

from typing import Any
from uuid import uuid4


def request_id(context: Any) -> str:
    """The id that Lambda gave the call, or a new one where there is none.

    API Gateway's own is no help: the caller can choose it.
    """
    return str(getattr(context, "aws_request_id", None) or uuid4())
