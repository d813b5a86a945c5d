"""The terms of keys, and the plan that makes and retires them in time.

A signing key signs until its successor takes over. It stays valid for as long again, so rotation may
fail for weeks before logins do. A data key seals until a newer one exists, and opens for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_HOUR = 3_600
_DAY = 24 * _HOUR

SIGNING_TURN = 30 * _DAY
"""Seconds for which a signing key is the newest one."""

SIGNING_VALIDITY = 2 * SIGNING_TURN
"""Seconds for which it may sign if no successor comes."""

PUBLISHED_AHEAD = 25 * _HOUR
"""Seconds for which a signing key is published before its first use: the 24 hours that gateways are
promised, and one more until every process has read it."""

DATA_TURN = 91 * _DAY
"""Seconds for which a data key seals before the next one is made: a quarter."""

PASS_SECONDS = 60
"""Seconds for which a pass is valid, and its key is needed after the last signature."""

RETIREMENT_DELAY = PASS_SECONDS + _HOUR
"""Seconds for which a signing key stays in the key set after its successor took over."""


class Purpose(StrEnum):
    """The purpose of a key. KMS opens it for no other purpose."""

    SECRET = "secret"
    PASS = "pass"


@dataclass(frozen=True, slots=True)
class Term:
    """A key's id and the time in which it may sign or seal. A data key's time has no end."""

    key_id: str
    not_before: int
    not_after: int | None

    def covers(self, now: int) -> bool:
        """Return True if the key may sign or seal now."""
        return self.not_before <= now and (self.not_after is None or now < self.not_after)

    def published_at(self, now: int) -> bool:
        """Return True if a pass under this key can be valid now or later."""
        return self.not_after is None or now <= self.not_after + PASS_SECONDS


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes that one rotation makes for one purpose: a new key's time, and the ids to retire."""

    create: tuple[int, int | None] | None = None
    retire: tuple[str, ...] = ()


def newest(terms: Sequence[Term], now: int) -> Term | None:
    """Return the newest key that may sign or seal now, or None."""
    usable = [term for term in terms if term.covers(now)]
    return max(usable, key=lambda term: (term.not_before, term.key_id), default=None)


def plan_data_keys(terms: Sequence[Term], now: int) -> Plan:
    """Plan a new data key each quarter. None is ever deleted: the secret of an idle account needs it."""
    current = newest(terms, now)
    if current is None or now - current.not_before >= DATA_TURN:
        return Plan(create=(now, None))
    return Plan()


def plan_signing_keys(terms: Sequence[Term], now: int) -> Plan:
    """Plan the next signing key at least a day before its first use, and retire keys no longer needed.

    There are two exceptions. If no key may sign now, as at the first deployment or after
    the signing key was revoked, one starts at once.
    If the current key ends within a day, after weeks without a run, the next one takes over sooner.
    Gateways that fetch the key set for an unknown key lose nothing then.
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
