"""The error codes of the service, and the exceptions that carry them."""

from collections.abc import Mapping
from enum import StrEnum


class ErrorCode(StrEnum):
    """The error codes of the HTTP API. They never change, since clients are programmed against them."""

    LOGIN_REQUIRED = "login_required"
    LOGIN_INVALID = "login_invalid"
    LOGIN_EXPIRED = "login_expired"
    DESKTOP_ONLY = "desktop_only"
    MALFORMED_REQUEST = "malformed_request"
    MALFORMED_CODE = "malformed_code"
    ALREADY_BOUND = "already_bound"
    BIND_CODE_REQUIRED = "bind_code_required"
    BIND_CODE_EXPIRED = "bind_code_expired"
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
    BUSY = "busy"
    UNAVAILABLE = "unavailable"


class Signal(StrEnum):
    """A refusal that those who watch should hear of. The value is the name of its metric."""

    REPLAYED_ELSEWHERE = "ReplaysElsewhere"
    PATIENT_GUESSER = "PatientGuessers"

    @property
    def why(self) -> str:
        """Return the reason for the log."""
        if self is Signal.REPLAYED_ELSEWHERE:
            return "accepted before, from another address"
        return "the 30th wrong code in a month: ten more suspend the account"


class Refused(Exception):
    """A call that ends in an error of the contract.

    ``why`` is for the log alone and names no secret, code, token or pass. ``fields`` holds what
    the answer carries besides the code.
    """

    def __init__(
        self,
        code: ErrorCode,
        why: str = "",
        fields: Mapping[str, int | str | None] | None = None,
        signal: Signal | None = None,
    ) -> None:
        super().__init__(why or code.value)
        self.code = code
        self.why = why or (signal.why if signal else "")
        self.fields = dict(fields or {})
        self.signal = signal


class Unavailable(Refused):
    """A dependency fails, does not answer, or returns what cannot be read. Nobody is let in."""

    def __init__(self, why: str) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, why)


class Busy(Refused):
    """An account that too many calls write to at once. Nothing is wrong with the service."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.BUSY, "one account is written to by too many calls at once")
