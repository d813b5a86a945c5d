"""The clients' job: what the HTTP API does for a caller whose first factor is proven."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar
from uuid import uuid4

from chalicelib.aws.vault import Vault
from chalicelib.core import binding as rules
from chalicelib.core import totp
from chalicelib.core.binding import Accepted, Begun, Binding, Decision, Denied, Draft
from chalicelib.core.channel import Channel
from chalicelib.core.event import Source
from chalicelib.core.refusal import Refusal, Refused, ReplayedElsewhere
from chalicelib.edge.answers import LoggedIn, QrCode
from chalicelib.edge.login import Caller
from chalicelib.edge.passes import Passes
from chalicelib.settling import Settling

AnswerT = TypeVar("AnswerT")

CodeRule = Callable[[Binding, Callable[[], bytes], str, Channel, int], Decision[Accepted | Denied]]
"""A transition that a code makes: from a binding, its secret, the code, the channel and the time."""


class Service:
    """Binds, verifies, and says how things stand."""

    def __init__(self, settling: Settling, vault: Vault, passes: Passes, issuer: str) -> None:
        self._settling = settling
        self._vault = vault
        self._passes = passes
        self._issuer = issuer

    def look(self, caller: Caller) -> Binding:
        """The caller's binding as it shows now."""
        return self._settling.look(caller.account)

    def begin(self, caller: Caller, source: Source) -> QrCode:
        """A new secret for the caller, to be scanned and confirmed within its term."""
        secret = os.urandom(totp.SECRET_BYTES)

        def draft() -> Draft:
            binding_id = uuid4().hex
            return Draft(binding_id, self._vault.seal(caller.account, binding_id, secret))

        def decide(binding: Binding, now: int) -> Decision[Begun | Denied]:
            return rules.begin(binding, draft, now)

        begun = _granted(self._settling.settle(caller.account, _through(caller, source), decide))
        return QrCode(caller.account, self._issuer, secret, begun.expires_at, begun.superseded)

    def confirm(self, caller: Caller, code: str, source: Source) -> LoggedIn:
        """The first code: it binds the account and logs the caller in."""
        return self._log_in(caller, code, source, rules.confirm)

    def verify(self, caller: Caller, code: str, source: Source) -> LoggedIn:
        """A code of a bound account: it logs the caller in."""
        return self._log_in(caller, code, source, rules.verify)

    def _log_in(self, caller: Caller, code: str, source: Source, rule: CodeRule) -> LoggedIn:
        def decide(binding: Binding, now: int) -> Decision[LoggedIn | Denied]:
            decision = rule(binding, lambda: self._vault.open(binding), code, caller.channel, now)
            written = self._resealed(decision.binding) if decision.happening else decision.binding
            if isinstance(decision.answer, Denied):
                _check_replay(decision.answer, binding, source)
                return Decision(written, decision.happening, decision.answer)
            written = replace(written, accepted_from=source.address)
            issued = self._passes.issue(written, caller.channel, now)
            logged_in = LoggedIn(issued, caller.channel, decision.answer.channel_first_use)
            return Decision(written, decision.happening, logged_in)

        return _granted(self._settling.settle(caller.account, _through(caller, source), decide))

    def _resealed(self, binding: Binding) -> Binding:
        """The binding with its secret under the newest data key, for a write that is made anyway."""
        if (
            binding.sealed is None
            or binding.binding_id is None
            or self._vault.is_current(binding.sealed)
        ):
            return binding
        secret = self._vault.open(binding)
        return replace(binding, sealed=self._vault.seal(binding.account, binding.binding_id, secret))


def _granted(answer: AnswerT | Denied) -> AnswerT:
    if isinstance(answer, Denied):
        raise Refused(answer.refusal, carried=answer.carried)
    return answer


def _check_replay(denied: Denied, binding: Binding, source: Source) -> None:
    """Raise ReplayedElsewhere for a used code from another address than the login's that used it."""
    if denied.refusal is Refusal.CODE_USED and binding.accepted_from not in (None, source.address):
        raise ReplayedElsewhere(denied.carried)


def _through(caller: Caller, source: Source) -> Source:
    return replace(source, channel=caller.channel)
