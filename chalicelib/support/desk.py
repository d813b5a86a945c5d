"""The support desk's work: unbind, invite, approve, unlock, look up. Nothing here can read a secret."""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from chalicelib.aws.audit_rows import Row
from chalicelib.aws.audit_table import AuditTable
from chalicelib.aws.bindings import BindingTable
from chalicelib.core import bind_code, unbinding
from chalicelib.core.account import AccountCase
from chalicelib.core.bind_code import BindCode, Policy
from chalicelib.core.binding import Binding, Decision, Waiting
from chalicelib.core.events import Source
from chalicelib.core.unbinding import (
    AlreadyBound,
    Invitation,
    NothingToDo,
    OwnRequest,
    Request,
    Unbinding,
    Unlocked,
)
from chalicelib.support.proof import OperatorProof
from chalicelib.support.requests import LookupRequest, SupportRequest


@dataclass(frozen=True, slots=True)
class Found:
    """An account as it shows now (None: its item cannot be read), and a page of its audit rows.

    ``known`` is False if nobody has used the account yet.
    """

    account: str
    binding: Binding | None
    waiting: Sequence[Waiting]
    known: bool
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of an unbinding, invitation or approval, and the bind code if one was issued."""

    outcome: Unbinding | Invitation | Waiting | AlreadyBound | OwnRequest | NothingToDo
    bind_code: str | None = field(default=None, repr=False)


class Desk:
    """Carries out support's requests, on accounts spelt in ``account_case``.

    ``two_operators`` is True if unbindings and invitations wait for a second operator.
    """

    def __init__(
        self,
        bindings: BindingTable,
        audit_table: AuditTable,
        proof: OperatorProof,
        policy: Policy,
        account_case: AccountCase,
        *,
        two_operators: bool,
    ) -> None:
        self.proof = proof
        self.account_case = account_case
        self._bindings = bindings
        self._audit_table = audit_table
        self._policy = policy
        self._two_operators = two_operators

    def unbind(self, request: SupportRequest, request_id: str) -> Answer:
        """Drop an account's binding, pending or bound. An item that cannot be read starts anew."""
        code = _NewBindCode()
        asked = _asked(request, code)

        def decide(binding: Binding, now: int) -> Decision[Unbinding | Waiting]:
            if self._two_operators:
                return unbinding.ask_to_unbind(binding, asked, now)
            return unbinding.unbind(binding, asked, self._policy, now)

        def recover(now: int) -> Decision[Unbinding | Waiting]:
            return unbinding.recovered(request.account, asked, self._policy, now)

        outcome = self._bindings.change(request.account, _source(request, request_id), decide, recover)
        return code.given_with(outcome)

    def invite(self, request: SupportRequest, request_id: str) -> Answer:
        """Issue a new bind code to an account that is not bound."""
        code = _NewBindCode()
        asked = _asked(request, code)

        def decide(binding: Binding, now: int) -> Decision[Invitation | Waiting | AlreadyBound]:
            if self._two_operators:
                return unbinding.ask_to_invite(binding, asked, now)
            return unbinding.invite(binding, asked, now)

        outcome = self._bindings.change(request.account, _source(request, request_id), decide)
        return code.given_with(outcome)

    def approve(self, request: SupportRequest, request_id: str) -> Answer:
        """Carry out the unbinding or invitation that waits under a ticket."""
        if not self._two_operators:
            return Answer(NothingToDo())
        code = _NewBindCode()
        asked = _asked(request, code)
        outcome = self._bindings.change(
            request.account,
            _source(request, request_id),
            lambda binding, now: unbinding.approve(binding, asked, self._policy, now),
        )
        return code.given_with(outcome)

    def unlock(self, request: SupportRequest, request_id: str) -> Unlocked | NothingToDo:
        """Clear an account's counts of wrong codes, lock and suspension."""
        source = _source(request, request_id)
        return self._bindings.change(request.account, source, unbinding.unlock)

    def look_up(self, request: LookupRequest) -> Found:
        """Return the state of an account and a page of its history."""
        stored = self._bindings.load(request.account)
        rows = self._audit_table.page(request.account, request.before, request.limit)
        now = self._bindings.now()
        return Found(
            request.account,
            None if stored.unreadable is not None else stored.binding.shown_at(now),
            unbinding.waiting_at(stored.binding, now),
            bool(stored.version or stored.unreadable or rows or request.before),
            rows,
        )


class _NewBindCode:
    """A bind code drawn for one request: its digits for the answer, its hash for the table."""

    def __init__(self) -> None:
        self._digits = f"{secrets.randbelow(10**bind_code.DIGITS):0{bind_code.DIGITS}}"
        self._salt = os.urandom(bind_code.SALT_BYTES)

    def expiring_at(self, expires_at: int) -> BindCode:
        """Return the code as it is stored."""
        return BindCode(self._digest, self._salt, expires_at)

    def given_with(
        self, outcome: Unbinding | Invitation | Waiting | AlreadyBound | OwnRequest | NothingToDo
    ) -> Answer:
        """Return the answer, with the digits only if this request stored their hash."""
        stored = isinstance(outcome, Invitation) or (
            isinstance(outcome, Unbinding)
            and not outcome.repeated
            and outcome.given.code_expires_at is not None
        )
        return Answer(outcome, self._digits if stored else None)

    @cached_property
    def _digest(self) -> bytes:
        return bind_code.digest(self._digits, self._salt)


def _asked(request: SupportRequest, code: _NewBindCode) -> Request:
    by = request.operator.rpartition("/")[2]
    return Request(request.ticket, by, code.expiring_at, request.reason)


def _source(request: SupportRequest, request_id: str) -> Source:
    return Source(
        request_id=request_id,
        operator=request.operator,
        operator_proved=request.operator_proved,
        ticket=request.ticket,
        reason=request.reason,
    )
