"""The values of the model: logins, answers, bindings and bind codes.

A binding keeps what happened to it as a list of facts. Counts, locks and suspensions are worked out from
that list each time, so that they share nothing with the counters that the service stores.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.kit.phone import code_at

MONTH = 30 * 86_400
LOCKS = {5: 5, 6: 10, 7: 20, 8: 40, 9: 80, 10: 160}
"""Minutes of lock by the number of the wrong code in a row; from the 11th on it is 240."""


@dataclass(frozen=True)
class Login:
    """A login token: its text, its client and the time at which the password was typed."""

    token: str
    channel: str
    may_bind: bool
    typed_at: int

    def trouble(self, now: int, greatest_age: int) -> str | None:
        """The error that the token itself causes."""
        if self.typed_at > now + 30:
            return "login_invalid"
        aged = now - self.typed_at > greatest_age or now >= self.typed_at + 3_600
        return "login_expired" if aged else None


@dataclass(frozen=True)
class Says:
    """The answer that the contract asks for: a status, and the fields that must come with it."""

    status: int
    fields: dict[str, Any] = field(default_factory=dict)


def error(status: int, code: str, **fields: Any) -> Says:
    return Says(status, {"code": code, **fields})


@dataclass
class Tally:
    """The counts of wrong codes; ``began`` is the beginning of the last month of them."""

    row: int = 0
    began: int | None = None
    month: int = 0
    suspended: bool = False


@dataclass
class Tie:
    """One binding, from its QR code on.

    ``facts`` are pairs of kind and time. The kinds are right, wrong, early (wrong before the account was
    bound) and unlocked.
    """

    number: int
    secret: str
    term_ends: int
    bound_at: int | None = None
    facts: list[tuple[str, int]] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    channels: dict[str, int] = field(default_factory=dict)
    repeat: dict[str, Any] | None = None

    def tally(self) -> "Tally":
        """Count from the facts: wrong codes in a row and in the last month, and a suspension."""
        tally = Tally()
        for kind, at in self.facts:
            if kind == "unlocked":
                tally = Tally()
            elif kind == "right":
                tally.row = 0
            else:
                tally.row += 1
            if kind == "wrong":
                if tally.began is None or at - tally.began >= MONTH:
                    tally.began, tally.month = at, 0
                tally.month += 1
                tally.suspended = tally.suspended or tally.row >= 100 or tally.month >= 40
        return tally

    def locked_until(self, now: int) -> int | None:
        tally = self.tally()
        if tally.row < 5 or self.bound_at is None or tally.suspended:
            return None
        until = self.facts[-1][1] + 60 * LOCKS.get(tally.row, 240)
        return until if now < until else None

    def matches(self, code: str, now: int, ago: range) -> list[int]:
        """Return the steps since the code was right, nearest first; a negative number lies ahead."""
        return [back for back in ago if code_at(self.secret, now - 30 * back) == code]


@dataclass
class Code:
    """A bind code that support gave out."""

    digits: str
    expires_at: int
    wrong: int = 0

    def live(self, now: int) -> bool:
        return self.wrong < 5 and now < self.expires_at
