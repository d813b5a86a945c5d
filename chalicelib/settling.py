"""Deciding on a binding and writing the decision down, with others at work on the same account."""

import time
from collections.abc import Callable
from typing import TypeVar
from uuid import uuid4

from chalicelib.aws.store import BindingTable
from chalicelib.core.binding import Binding, Decision
from chalicelib.core.event import Event, Source
from chalicelib.core.refusal import Unavailable

MOST_WRITES = 8
"""How many writes one call tries. Five wrong codes lock an account, so a call that loses five
races against wrong codes finds the lock; the rest is for right codes in between."""

PATIENCE_SECONDS = 8.0
"""After so long a call begins no further write; the API itself gives up after 29 seconds."""

AnswerT = TypeVar("AnswerT")


class Settling:
    """Settles decisions in one table, by one clock."""

    def __init__(
        self,
        table: BindingTable,
        clock: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._clock = clock
        self._monotonic = monotonic

    def now(self) -> int:
        """The time that decisions are made at, in whole Unix seconds."""
        return int(self._clock())

    def look(self, account: str) -> Binding:
        """An account's binding as it shows now."""
        return self._table.load(account).binding.shown_at(self.now())

    def settle(
        self, account: str, source: Source, decide: Callable[[Binding, int], Decision[AnswerT]]
    ) -> AnswerT:
        """Decide until the decision stands: it needs no write, or its write was the next one.

        ``decide`` is pure but for what it must open, seal or sign: all that can fail comes before
        the write. After the last lost race the newest binding is judged once more, since it may be
        locked by now; only then the call gives up, as Unavailable.
        """
        deadline = self._monotonic() + PATIENCE_SECONDS
        stored = self._table.load(account)
        for writes_left in range(MOST_WRITES, -1, -1):
            now = self.now()
            decision = decide(stored.binding, now)
            if decision.happening is None:
                return decision.answer
            if not writes_left or self._monotonic() > deadline:
                break
            event = Event(uuid4().hex, decision.happening, now, source)
            newer = self._table.save(stored, decision.binding, event, deadline)
            if newer is None:
                return decision.answer
            stored = newer
        raise Unavailable("one account is written to by too many calls at once")
