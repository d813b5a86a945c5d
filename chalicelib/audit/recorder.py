"""The auditors' job: each record of the bindings table's stream becomes one audit row, then is told.

A stream delivers each record at least once and in order, and begins again where the handler fails.
So the row is the memory: a record that has one is only told again, in case nobody was told yet.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict

from chalicelib.audit.notifications import notification
from chalicelib.aws.audit_table import AuditTable, Conflict, Row
from chalicelib.aws.keyring import Keyring
from chalicelib.aws.stream import read_change
from chalicelib.aws.topic import EventsTopic
from chalicelib.core.chain import SEAL, Link, link_of, row_id, seal
from chalicelib.core.changes import Change, Finding, Verdict, judge
from chalicelib.core.errors import Unavailable
from chalicelib.core.keys import Purpose
from chalicelib.log import log
from chalicelib.metrics import counted

YEAR_SECONDS = 31_557_600
"""365.25 days."""

FINDINGS = frozenset(finding.value for finding in Finding)

_TRIES = 10
"""How often the next position is tried for, with another handler at work on the same account."""

_REMEMBERED = 1_000
"""Rows that a process knows it has told: a batch that is tried again tells those only once."""


class Recorder:
    """Keeps the audit trail, and tells of it."""

    def __init__(
        self,
        table: AuditTable,
        topic: EventsTopic,
        keyring: Keyring,
        clock: Callable[[], float],
        kept_years: int,
    ) -> None:
        self._table = table
        self._topic = topic
        self._keyring = keyring
        self._clock = clock
        self._kept_seconds = kept_years * YEAR_SECONDS
        self._told: deque[str] = deque(maxlen=_REMEMBERED)

    def record(self, records: Sequence[object]) -> None:
        """Make rows of a batch of records, in order.

        Raises Unavailable where AWS fails, and for nothing else: Lambda then begins the batch anew,
        and the rows that are there already stay the only ones.
        """
        heads: dict[str, Link] = {}
        for record in records:
            change = read_change(record)
            row = self._recorded(change, heads)
            if row is None:
                log.error("a row that was written is gone", extra={"record_id": change.record_id})
            else:
                self._tell(row)

    def _recorded(self, change: Change, heads: dict[str, Link]) -> Row | None:
        """The row of a change, put at the end of its account's chain unless it is in it already."""
        now = int(self._clock())
        for _ in range(_TRIES):
            head = heads.pop(change.account, None) or self._head(change)
            # A last row that speaks of the future has been damaged: it is no measure of the past.
            verdict = judge(change, head.at if head.at <= now else 0, now)
            row = self._table.append(self._row(change, verdict, head, now), change.record_id)
            if not isinstance(row, Conflict):
                if row is not None and (link := link_of(row)) and link.position == head.position + 1:
                    heads[change.account] = link
                return row
        raise Unavailable("too many handlers write to one account's trail at once")

    def _head(self, change: Change) -> Link:
        """The end of the account's chain.

        A chain may begin with a change to an item that had a story, if that is so long ago that
        its rows have gone. The first row then says until when they were kept.
        """
        head = self._table.head(change.account)
        before = change.before and change.before.event
        if head.position or not before:
            return head
        return Link(kept_until=before.at + self._kept_seconds)

    def _row(self, change: Change, verdict: Verdict, head: Link, now: int) -> Row:
        key = self._keyring.current(Purpose.TRAIL)
        source = asdict(verdict.source) if verdict.source else {}
        texts = {
            "account": change.account,
            "event_id": row_id(change.account, head.position + 1),
            "type": verdict.type,
            "why": verdict.why,
            **source,
            "written_as": change.after and change.after.event_id,
            "record": change.record_id,
            "sequence_number": change.sequence_number,
            "previous": head.seal,
            "trail_key": key.term.key_id,
        }
        numbers = {
            "at": verdict.at,
            "version_before": change.version_before,
            "version": change.version,
            "recorded_at": now,
            # Never before the row before it, so that rows can only ever go missing from the front.
            "kept_until": max(now + self._kept_seconds, head.kept_until),
            "previous_kept_until": head.kept_until,
        }
        row: Row = {name: {"S": str(value)} for name, value in texts.items() if value is not None}
        row |= {name: {"N": str(value)} for name, value in numbers.items() if value is not None}
        return row | {SEAL: {"S": seal(row, key.material)}}

    def _tell(self, row: Row) -> None:
        document = notification(row)
        mark = document[SEAL]
        if mark in self._told:
            return
        self._topic.publish(document, type=document["type"], channel=document["channel"])
        self._told.append(str(mark))
        about = {name: document[name] for name in ("event_id", "type", "account")}
        counts = ["Findings"] if document["type"] in FINDINGS else []
        log.info("recorded", extra=about | counted(*counts))
