"""Which keys there have to be, and from when to when each may be used.

A signing key signs until its successor takes over, and could go on for as long again: rotation
may fail for weeks before logins do. A data key seals until a newer one is there and opens what
it sealed for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_HOUR = 3_600
_DAY = 24 * _HOUR

SIGNING_TURN = 30 * _DAY
"""How long a signing key is the newest one."""

SIGNING_VALIDITY = 2 * SIGNING_TURN
"""How long it may sign at most, if no successor comes."""

PUBLISHED_AHEAD = 25 * _HOUR
"""How long a signing key is in the key set before its first use: the 24 hours that gateways are
promised, and one more in which every process has come to know it."""

DATA_TURN = 91 * _DAY
"""How long a data key seals before the next one is made: a quarter."""

PASS_SECONDS = 60
"""How long a pass is good for, and so how long its key is needed after the last signature."""

RETIREMENT_DELAY = PASS_SECONDS + _HOUR
"""How long a signing key stays in the key set after its successor took over."""


class Purpose(StrEnum):
    """What a key is for; KMS opens it for nothing else."""

    SECRET = "secret"
    PASS = "pass"


@dataclass(frozen=True, slots=True)
class Term:
    """One key's id and the time it may sign or seal in; a data key's has no end."""

    key_id: str
    not_before: int
    not_after: int | None

    def covers(self, now: int) -> bool:
        """Whether the key may sign or seal now."""
        return self.not_before <= now and (self.not_after is None or now < self.not_after)

    def published_at(self, now: int) -> bool:
        """Whether a pass under this key can still be good, or is yet to come."""
        return self.not_after is None or now <= self.not_after + PASS_SECONDS


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run of the rotation does for one purpose."""

    create: tuple[int, int | None] | None = None
    retire: tuple[str, ...] = ()


def newest(terms: Sequence[Term], now: int) -> Term | None:
    """The key to sign or seal with now: of those that may, the one whose turn came last."""
    usable = [term for term in terms if term.covers(now)]
    return max(usable, key=lambda term: (term.not_before, term.key_id), default=None)


def plan_data_keys(terms: Sequence[Term], now: int) -> Plan:
    """A new data key each quarter. None is ever deleted: a dormant account's secret lies under it."""
    current = newest(terms, now)
    if current is None or now - current.not_before >= DATA_TURN:
        return Plan(create=(now, None))
    return Plan()


def plan_signing_keys(terms: Sequence[Term], now: int) -> Plan:
    """The next signing key a day and more before its turn, and the old ones that nobody needs.

    Only where no key may sign now (the first deployment) does one start at once, and only where
    the last one ends within the day (after weeks without a run) does the next one take over
    sooner: gateways that fetch the key set when they meet an unknown key lose nothing.
    """
    current = newest(terms, now)
    if current is None:
        return Plan(create=(now, now + SIGNING_VALIDITY))
    successor_due = max(current.not_before + SIGNING_TURN, now + PUBLISHED_AHEAD)
    if current.not_after is not None:
        successor_due = min(successor_due, current.not_after)
    has_successor = any(term.not_before > now for term in terms)
    create = None
    if not has_successor and now + PUBLISHED_AHEAD + _DAY >= successor_due:
        create = (successor_due, successor_due + SIGNING_VALIDITY)
    replaced = now - current.not_before > RETIREMENT_DELAY
    retire = tuple(
        term.key_id
        for term in terms
        if not term.published_at(now) or (replaced and term.not_before < current.not_before)
    )
    return Plan(create, retire)
