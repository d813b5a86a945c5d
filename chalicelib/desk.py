"""The support desk's job: unbind, unlock, look up. Nothing here can read a secret."""

from typing import Any

from chalicelib.aws.audit_table import AuditTable
from chalicelib.core import binding as rules
from chalicelib.core.binding import Unbound, Unlocked
from chalicelib.core.event import Source
from chalicelib.edge.desk_events import Errand, Inquiry, found
from chalicelib.edge.history import entry
from chalicelib.edge.times import rfc3339
from chalicelib.settling import Settling


class Desk:
    """Runs support's errands."""

    def __init__(self, settling: Settling, audit_table: AuditTable) -> None:
        self._settling = settling
        self._audit_table = audit_table

    def unbind(self, errand: Errand, request_id: str) -> dict[str, Any]:
        """Drop an account's binding, pending or bound; asking twice is harmless."""
        answer = self._settling.settle(errand.account, _through(errand, request_id), rules.unbind)
        dropped = answer if isinstance(answer, Unbound) else None
        return {
            "outcome": "unbound" if dropped else "not_bound",
            "account": errand.account,
            "binding": dropped and dropped.binding_id,
            "bound_at": rfc3339(dropped.bound_at if dropped else None),
            "unbound_at": rfc3339(dropped.unbound_at if dropped else None),
        }

    def unlock(self, errand: Errand, request_id: str) -> dict[str, Any]:
        """Clear an account's count of wrong codes, lock and suspension."""
        answer = self._settling.settle(errand.account, _through(errand, request_id), rules.unlock)
        outcome = "unlocked" if isinstance(answer, Unlocked) else "not_locked"
        return {"outcome": outcome, "account": errand.account}

    def look_up(self, inquiry: Inquiry) -> dict[str, Any]:
        """How an account stands, and what happened to it."""
        shown = self._settling.look(inquiry.account)
        rows = self._audit_table.page(inquiry.account, inquiry.before, inquiry.limit)
        return found(shown, [entry(row) for row in rows])


def _through(errand: Errand, request_id: str) -> Source:
    return Source(
        request_id=request_id, operator=errand.operator, ticket=errand.ticket, reason=errand.reason
    )
