"""The support desk's work: unbind, unlock, look up. Nothing here can read a secret."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.aws.audit_rows import Row
from chalicelib.aws.audit_table import AuditTable
from chalicelib.aws.bindings import BindingTable
from chalicelib.core import binding as rules
from chalicelib.core.binding import Binding, NothingToDo, Unbound, Unlocked
from chalicelib.core.events import Source
from chalicelib.support.requests import LookupRequest, SupportRequest


@dataclass(frozen=True, slots=True)
class Found:
    """An account's binding as it shows now, and a page of its audit rows, newest first."""

    binding: Binding
    rows: Sequence[Row]


class Desk:
    """Carries out support's requests."""

    def __init__(self, bindings: BindingTable, audit_table: AuditTable) -> None:
        self._bindings = bindings
        self._audit_table = audit_table

    def unbind(self, request: SupportRequest, request_id: str) -> Unbound | NothingToDo:
        """Drop an account's binding, pending or bound."""
        return self._bindings.change(request.account, _source(request, request_id), rules.unbind)

    def unlock(self, request: SupportRequest, request_id: str) -> Unlocked | NothingToDo:
        """Clear an account's count of wrong codes, lock and suspension."""
        return self._bindings.change(request.account, _source(request, request_id), rules.unlock)

    def look_up(self, request: LookupRequest) -> Found:
        """Return the state of an account and a page of its history."""
        shown = self._bindings.look(request.account)
        return Found(shown, self._audit_table.page(request.account, request.before, request.limit))


def _source(request: SupportRequest, request_id: str) -> Source:
    return Source(
        request_id=request_id, operator=request.operator, ticket=request.ticket, reason=request.reason
    )
