"""The work of the HTTP API for a caller whose first factor is proved."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TypeVar
from uuid import uuid4

from chalicelib.aws.bindings import BindingTable
from chalicelib.aws.secret_box import SecretBox
from chalicelib.core import bind_code, rules, totp
from chalicelib.core.bind_code import Policy
from chalicelib.core.binding import (
    Accepted,
    Attempt,
    Binding,
    BindRequest,
    Decision,
    Denied,
    Draft,
    OpenedSecret,
)
from chalicelib.core.channel import Channel
from chalicelib.core.errors import Refused
from chalicelib.core.events import Source
from chalicelib.tokens.login import Caller
from chalicelib.tokens.passes import Pass, Passes, Signer

AnswerT = TypeVar("AnswerT")

CodeRule = Callable[[Binding, Attempt, int], Decision[Accepted | Denied]]
"""A transition that a code makes, from the binding, the attempt and the time."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A binding as it shows now. ``bind_code_required`` is True if a QR code needs a bind code."""

    binding: Binding
    bind_code_required: bool


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A pending binding with its secret in the clear, for this one answer."""

    account: str
    issuer: str
    secret: bytes = field(repr=False)
    expires_at: int
    superseded: bool


@dataclass(frozen=True, slots=True)
class TypedCode:
    """A code, and the idempotency key of the call that brought it."""

    code: str = field(repr=False)
    idempotency_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """An accepted code and the pass for it."""

    issued: Pass
    channel: Channel
    channel_first_use: bool


class Service:
    """Binds, verifies and shows the state of accounts."""

    def __init__(
        self,
        bindings: BindingTable,
        secret_box: SecretBox,
        passes: Passes,
        issuer: str,
        policy: Policy,
    ) -> None:
        self._bindings = bindings
        self._secret_box = secret_box
        self._passes = passes
        self._issuer = issuer
        self._always = policy is Policy.ALWAYS

    def look(self, caller: Caller) -> Standing:
        """Return the state of the caller's account."""
        shown = self._bindings.look(caller.account)
        return Standing(shown, rules.needs_bind_code(shown, always=self._always))

    def begin(
        self, caller: Caller, typed_bind_code: Callable[[], str | None], source: Source
    ) -> NewSecret:
        """Make a new secret for the caller, to be scanned and confirmed within its term.

        ``typed_bind_code`` reads the bind code of the request; it is called only if one is required.
        """
        secret = os.urandom(totp.SECRET_BYTES)

        def draft() -> Draft:
            binding_id = uuid4().hex
            return Draft(binding_id, self._secret_box.seal(caller.account, binding_id, secret))

        request = BindRequest(
            typed_at=caller.typed_at,
            always=self._always,
            bind_code=typed_bind_code,
            hashed=cache(lambda salt: bind_code.digest(typed_bind_code() or "", salt)),
            draft=draft,
        )
        begun = self._change(caller, source, lambda binding, now: rules.begin(binding, request, now))
        return NewSecret(caller.account, self._issuer, secret, begun.expires_at, begun.superseded)

    def confirm(self, caller: Caller, typed: TypedCode, source: Source) -> LoggedIn:
        """Bind the account with the first code, and log the caller in."""
        return self._log_in(caller, typed, source, rules.confirm)

    def verify(self, caller: Caller, typed: TypedCode, source: Source) -> LoggedIn:
        """Log the caller of a bound account in."""
        return self._log_in(caller, typed, source, rules.verify)

    def _log_in(self, caller: Caller, typed: TypedCode, source: Source, rule: CodeRule) -> LoggedIn:
        signers: list[Signer] = []

        def unseal(binding: Binding) -> OpenedSecret:
            """Open the secret, and the key for the pass: all that can fail comes before the write."""
            signers.append(self._passes.signer())
            return self._secret_box.open(binding)

        attempt = Attempt(
            code=typed.code,
            typed_at=caller.typed_at,
            channel=caller.channel,
            address=source.address,
            jti=uuid4().hex,
            unseal=unseal,
            fingerprint=_fingerprint(typed.idempotency_key, caller.token),
        )
        accepted = self._change(caller, source, lambda binding, now: rule(binding, attempt, now))
        issued = signers[-1].sign(caller.account, caller.channel, accepted)
        return LoggedIn(issued, caller.channel, accepted.channel_first_use)

    def _change(
        self,
        caller: Caller,
        source: Source,
        decide: Callable[[Binding, int], Decision[AnswerT | Denied]],
    ) -> AnswerT:
        """Carry out a decision on the caller's binding. Raises Refused if it denies the request."""
        through = replace(source, channel=caller.channel)
        answer = self._bindings.change(caller.account, through, decide)
        if isinstance(answer, Denied):
            raise Refused(answer.code, fields=answer.fields, signal=answer.signal)
        return answer


def _fingerprint(idempotency_key: str | None, token: str) -> bytes | None:
    if idempotency_key is None:
        return None
    return hashlib.sha256(f"{idempotency_key}\n{token}".encode()).digest()
