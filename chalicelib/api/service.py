"""The work of the HTTP API for a caller whose first factor is proved."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar
from uuid import uuid4

from chalicelib.aws.bindings import BindingTable
from chalicelib.aws.secret_box import SecretBox
from chalicelib.core import binding as rules
from chalicelib.core import totp
from chalicelib.core.binding import (
    Accepted,
    Attempt,
    Begun,
    Binding,
    Decision,
    Denied,
    Draft,
    OpenedSecret,
)
from chalicelib.core.channel import Channel
from chalicelib.core.errors import Refused, ReplayedElsewhere
from chalicelib.core.events import Source
from chalicelib.tokens.login import Caller
from chalicelib.tokens.passes import Pass, Passes, Signer

AnswerT = TypeVar("AnswerT")

CodeRule = Callable[[Binding, Attempt, int], Decision[Accepted | Denied]]
"""A transition that a code makes, from the binding, the attempt and the time."""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A pending binding with its secret in the clear, for this one answer."""

    account: str
    issuer: str
    secret: bytes = field(repr=False)
    expires_at: int
    superseded: bool


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """An accepted code and the pass for it."""

    issued: Pass
    channel: Channel
    channel_first_use: bool


class Service:
    """Binds, verifies and shows the state of accounts."""

    def __init__(
        self, bindings: BindingTable, secret_box: SecretBox, passes: Passes, issuer: str
    ) -> None:
        self._bindings = bindings
        self._secret_box = secret_box
        self._passes = passes
        self._issuer = issuer

    def look(self, caller: Caller) -> Binding:
        """Return the caller's binding as it shows now."""
        return self._bindings.look(caller.account)

    def begin(self, caller: Caller, source: Source) -> NewSecret:
        """Make a new secret for the caller, to be scanned and confirmed within its term."""
        secret = os.urandom(totp.SECRET_BYTES)

        def draft() -> Draft:
            binding_id = uuid4().hex
            return Draft(binding_id, self._secret_box.seal(caller.account, binding_id, secret))

        def decide(binding: Binding, now: int) -> Decision[Begun | Denied]:
            return rules.begin(binding, draft, now)

        begun = self._change(caller, source, decide)
        return NewSecret(caller.account, self._issuer, secret, begun.expires_at, begun.superseded)

    def confirm(self, caller: Caller, code: str, source: Source) -> LoggedIn:
        """Bind the account with the first code, and log the caller in."""
        return self._log_in(caller, code, source, rules.confirm)

    def verify(self, caller: Caller, code: str, source: Source) -> LoggedIn:
        """Log the caller of a bound account in."""
        return self._log_in(caller, code, source, rules.verify)

    def _log_in(self, caller: Caller, code: str, source: Source, rule: CodeRule) -> LoggedIn:
        signers: list[Signer] = []

        def unseal(binding: Binding) -> OpenedSecret:
            """Open the secret, and the key for the pass: all that can fail comes before the write."""
            signers.append(self._passes.signer())
            return self._secret_box.open(binding)

        attempt = Attempt(code, caller.channel, source.address, unseal)
        accepted = self._change(caller, source, lambda binding, now: rule(binding, attempt, now))
        issued = signers[-1].sign(caller.account, accepted.binding_id, caller.channel, accepted.at)
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
        if not isinstance(answer, Denied):
            return answer
        if answer.replayed_elsewhere:
            raise ReplayedElsewhere(answer.fields)
        raise Refused(answer.code, fields=answer.fields)
