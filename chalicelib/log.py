"""The service's structured log: JSON lines, one for each call.

Fields are given with each line rather than kept between lines, since several calls may run in one
process. Nothing secret goes in: no secret, code, token or pass, and no exception's own message,
which may quote what it choked on.
"""

import traceback

from aws_lambda_powertools import Logger

log = Logger(service="totp-binding")


def where(error: BaseException) -> list[str]:
    """An exception's kind and the places it came through, without its words."""
    frames = traceback.extract_tb(error.__traceback__)
    return [type(error).__name__, *(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)]
