"""The operator's proof: a signed request to STS, bound to one event of one support function.

The contract has the rules ("The proven operator"), docs/proof.md the steps for those who sign.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.aws.sts import NotAccepted, SecurityTokenService, Signature
from chalicelib.core.errors import Unavailable
from chalicelib.support.requests import InvalidEvent

OLDEST_SECONDS = 300
"""Seconds for which a proof holds after its date."""

AHEAD_SECONDS = 30
"""Seconds by which a proof's date may lie ahead of the service's clock."""

_FUNCTION = re.compile(
    r"(arn:(aws[a-z-]*):lambda:([a-z0-9-]+):([0-9]{12}):function:totp-binding-([a-z0-9-]+)-[a-z]+)"
    r"(?::[A-Za-z0-9$_-]+)?"
)

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
"""AssumeRole's own rule for RoleSessionName."""

# Every part goes into a header, so none may hold a space, a comma or a line break.
_PARTS = {
    "access_key_id": re.compile(r"[A-Za-z0-9]{2,128}"),
    "date": re.compile(r"[0-9]{8}T[0-9]{6}Z"),
    "signature": re.compile(r"[0-9a-f]{64}"),
    "session_token": re.compile(r"[A-Za-z0-9+/=_-]{1,8192}"),
}
_OPTIONAL = {"session_token"}


class InvalidProof(InvalidEvent):
    """A proof that does not hold. ``problem`` repeats nothing of the proof."""

    def __init__(self, problem: str) -> None:
        super().__init__([{"field": "proof", "problem": problem}])
        self.problem = problem


@dataclass(frozen=True, slots=True)
class SupportFunction:
    """A support function by its unqualified ARN, and what the ARN says of it."""

    arn: str
    partition: str
    region: str
    account: str
    stage: str

    @property
    def role(self) -> str:
        """The name of the role that the stage's support staff assume."""
        return f"totp-binding-{self.stage}-support-{self.region}"

    def is_operator(self, caller: str) -> bool:
        """Return True if the caller's ARN is a session of the support role in the function's account."""
        sessions = f"arn:{self.partition}:sts::{self.account}:assumed-role/{self.role}/"
        name = caller.removeprefix(sessions)
        return caller.startswith(sessions) and _SESSION_NAME.fullmatch(name) is not None


class OperatorProof:
    """Checks the proof of an event. ``required`` refuses events without one."""

    def __init__(self, sts: SecurityTokenService, clock: Callable[[], float], *, required: bool) -> None:
        self._sts = sts
        self._clock = clock
        self._required = required

    def check(self, event: Mapping[str, Any], function_arn: str) -> str | None:
        """Return the operator's ARN as STS names it, or None for an event that needs no proof.

        ``function_arn`` is that of the function which runs, from Lambda's own context. Raises
        InvalidProof if the proof does not hold, and Unavailable if STS gives no answer.
        """
        if event.get("proof") is None:
            if self._required:
                raise InvalidProof("is required")
            return None
        signature = _signature(event["proof"])
        self._check_date(signature.date)
        function = _own(function_arn)
        try:
            hashed = request_hash(function.arn, event)
            caller = self._sts.caller(function.partition, function.region, signature, hashed)
        except NotAccepted as refused:
            raise InvalidProof(f"STS does not accept the signature: {refused.code}") from None
        if not function.is_operator(caller):
            raise InvalidProof(f"the caller must be in the role {function.role} of this account")
        return caller

    def _check_date(self, date: str) -> None:
        try:
            signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise InvalidProof("date is no time") from None
        if not -AHEAD_SECONDS <= self._clock() - signed_at <= OLDEST_SECONDS:
            raise InvalidProof(
                f"date must be at most {OLDEST_SECONDS} s old and {AHEAD_SECONDS} s ahead"
            )


def request_hash(function_arn: str, event: Mapping[str, Any]) -> str:
    """Return the hash that a proof signs: SHA-256, in hexadecimal, of function and event.

    Both are in canonical JSON: sorted keys, no spaces, UTF-8. Raises InvalidProof if the event has no
    JSON.
    """
    unproved = {name: value for name, value in event.items() if name != "proof"}
    bound = {"function": function_arn, "event": unproved}
    try:
        text = json.dumps(bound, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except (RecursionError, ValueError):
        raise InvalidProof("has an event that is nested too deeply") from None
    # A lone surrogate has no UTF-8. The field that holds it is refused by its own rule.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def support_function(arn: str) -> SupportFunction:
    """Read a support function's ARN, qualified or not. Raises ValueError if it is no such ARN."""
    match = _FUNCTION.fullmatch(arn)
    if match is None:
        raise ValueError("no ARN of a support function")
    return SupportFunction(*match.groups())


def _own(function_arn: str) -> SupportFunction:
    try:
        return support_function(function_arn)
    except ValueError as error:
        raise Unavailable("the function's own ARN cannot be read") from error


def _signature(proof: object) -> Signature:
    """Read a proof. It has exactly these parts, each of its own form."""
    if not isinstance(proof, Mapping) or not _PARTS.keys() - _OPTIONAL <= proof.keys() <= _PARTS.keys():
        raise InvalidProof("must have access_key_id, date, signature and, of a session, session_token")
    parts: dict[str, Any] = {name: proof.get(name) for name in _PARTS}
    for name, value in parts.items():
        absent = value is None and name in _OPTIONAL
        if not absent and not (isinstance(value, str) and _PARTS[name].fullmatch(value)):
            raise InvalidProof(f"{name} is malformed")
    return Signature(**parts)
