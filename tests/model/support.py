"""A model of support's functions, written from the contract's text."""

from dataclasses import dataclass, field
from typing import Any

from tests.model.contract import Account
from tests.model.tie import Code

HOUR, DAY = 3_600, 86_400
COMPROMISE = "suspected_compromise"


@dataclass
class Asked:
    """A request that waits for a second person, made for the binding of that number (0: none)."""

    operator: str
    reason: str | None
    tie: int
    expires_at: int


@dataclass
class Support:
    """The answers that support may expect for one account."""

    account: Account
    policy: str
    two_operators: bool
    tickets: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    waiting: dict[str, Asked] = field(default_factory=dict)

    def unbind(self, ticket: str, operator: str, reason: str, now: int) -> dict[str, Any]:
        if given := self._given(ticket, now):
            return given
        if self.two_operators:
            if reason == COMPROMISE:
                self.account.held = True
            return self._wait(ticket, operator, reason, now)
        return self._unbind(ticket, reason, now)

    def invite(self, ticket: str, operator: str, now: int) -> dict[str, Any]:
        if self._bound():
            return {"outcome": "already_bound"}
        if self.two_operators:
            return self._wait(ticket, operator, None, now)
        return self._invite(ticket, now)

    def approve(self, ticket: str, operator: str, now: int) -> dict[str, Any]:
        asked = self._live(now).get(ticket)
        if not self.two_operators or asked is None:
            given = self._given(ticket, now) if self.two_operators else None
            return given or {"outcome": "nothing_to_approve"}
        if asked.operator == operator:
            return {"outcome": "invalid", "fields": ["operator"]}
        if self._number() not in (0, asked.tie):
            return {"outcome": "nothing_to_approve"}
        if asked.reason is None:
            return self._invite(ticket, now)
        return self._unbind(ticket, asked.reason, now)

    def unlock(self, now: int) -> dict[str, Any]:
        account = self.account
        tie = None if account.past_term(now) else account.tie
        tally = tie.tally() if tie else None
        counted = tally is not None and bool(tally.row or tally.month)
        if not (account.held or counted):
            return {"outcome": "not_locked"}
        account.held = False
        if account.tie:
            account.tie.facts.append(("unlocked", now))
        return {"outcome": "unlocked"}

    def lookup(self, now: int) -> dict[str, Any]:
        tie = None if self.account.past_term(now) else self.account.tie
        tally = tie.tally() if tie else None
        return {
            "outcome": "found",
            "known": self.account.known,
            "failures": tally.row if tally else 0,
            **self.account.look(now),
        }

    def _unbind(self, ticket: str, reason: str, now: int) -> dict[str, Any]:
        account, tie = self.account, self.account.tie
        dropped, compromised = tie is not None, reason == COMPROMISE
        account.tie, account.held, account.known = None, False, True
        self.waiting.pop(ticket, None)
        if dropped or compromised:
            account.cutoff = now
        said = {
            "outcome": "unbound" if dropped else "not_bound",
            "bound_at": tie.bound_at if tie else None,
            "unbound_at": now if dropped else None,
            "tie": tie.number if tie else None,
        }
        expires_at = None
        if compromised or (dropped and self.policy != "compromise"):
            account.code = Code("", now + DAY)
            expires_at = now + DAY
            said |= {"issued": True, "bind_code_expires_at": expires_at}
        again = {key: value for key, value in said.items() if key != "issued"}
        self.tickets[ticket] = (now, again | {"bind_code": None, "bind_code_expires_at": expires_at})
        return said

    def _invite(self, ticket: str, now: int) -> dict[str, Any]:
        self.waiting.pop(ticket, None)
        self.account.tie, self.account.known = None, True
        self.account.code = Code("", now + DAY)
        return {"outcome": "invited", "issued": True, "bind_code_expires_at": now + DAY}

    def _wait(self, ticket: str, operator: str, reason: str | None, now: int) -> dict[str, Any]:
        self.account.known = True
        before = self._live(now).get(ticket)
        if before is None or (before.operator, before.reason) != (operator, reason):
            before = Asked(operator, reason, self._number(), now + HOUR)
        self.waiting[ticket] = before
        return {"outcome": "waiting", "ticket": ticket, "expires_at": before.expires_at}

    def _given(self, ticket: str, now: int) -> dict[str, Any] | None:
        at, said = self.tickets.get(ticket, (None, {}))
        if at is None or now - at >= 6 * HOUR:
            return None
        return said | {"repeated": True, "state": self.account.state(now)}

    def _live(self, now: int) -> dict[str, Asked]:
        return {ticket: one for ticket, one in self.waiting.items() if now < one.expires_at}

    def _bound(self) -> bool:
        return self.account.tie is not None and self.account.tie.bound_at is not None

    def _number(self) -> int:
        return self.account.tie.number if self.account.tie else 0
