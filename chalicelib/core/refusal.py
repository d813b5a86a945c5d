"""Every way the service says no, by the name that programs know it by."""

from collections.abc import Mapping
from enum import StrEnum


class Refusal(StrEnum):
    """The error codes of the HTTP API. They never change: clients are programmed against them."""

    LOGIN_REQUIRED = "login_required"
    LOGIN_INVALID = "login_invalid"
    LOGIN_EXPIRED = "login_expired"
    DESKTOP_ONLY = "desktop_only"
    MALFORMED_REQUEST = "malformed_request"
    MALFORMED_CODE = "malformed_code"
    ALREADY_BOUND = "already_bound"
    BIND_NOT_STARTED = "bind_not_started"
    BIND_EXPIRED = "bind_expired"
    NOT_BOUND = "not_bound"
    WRONG_CODE = "wrong_code"
    CODE_EXPIRED = "code_expired"
    CODE_USED = "code_used"
    LOCKED = "locked"
    SUSPENDED = "suspended"
    NOT_FOUND = "not_found"
    TOO_MANY_REQUESTS = "too_many_requests"
    UNAVAILABLE = "unavailable"


class Refused(Exception):
    """A call that ends in a refusal.

    ``why`` is for the log alone and names no secret, code, token or pass; ``carried`` holds the
    fields that the answer carries besides the code.
    """

    def __init__(
        self, refusal: Refusal, why: str = "", carried: Mapping[str, int | str] | None = None
    ) -> None:
        super().__init__(why or refusal.value)
        self.refusal = refusal
        self.why = why
        self.carried = dict(carried or {})


class ReplayedElsewhere(Refused):
    """A code that was accepted before, brought again from another address than that login's.

    To the caller it is a used code like any other. Somebody may have seen it over a shoulder.
    """

    def __init__(self, carried: Mapping[str, int | str]) -> None:
        why = "accepted before, from another address"
        super().__init__(Refusal.CODE_USED, why, carried)


class Unavailable(Refused):
    """Something this service stands on does not answer, or cannot be read. Nobody is let in."""

    def __init__(self, why: str) -> None:
        super().__init__(Refusal.UNAVAILABLE, why)
