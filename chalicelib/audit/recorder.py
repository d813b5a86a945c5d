"""The auditors' job: each record of the bindings table's stream becomes one audit row, then is told.

A stream delivers each record at least once and in order. A row follows from its record alone, so a
batch that is delivered again writes nothing twice.
"""

from collections import deque
from collections.abc import Sequence

from chalicelib.aws.audit_rows import Row, make_row, notification
from chalicelib.aws.audit_table import AuditTable
from chalicelib.aws.stream import read_change
from chalicelib.aws.topic import EventsTopic
from chalicelib.aws.witness import Witness
from chalicelib.core.changes import Finding, judge
from chalicelib.log import frames, log
from chalicelib.metrics import counted

FINDINGS = frozenset(finding.value for finding in Finding)

_REMEMBERED = 1_000
"""Rows that a process knows it has told: a batch that is tried again tells those only once."""


class Recorder:
    """Keeps the audit trail, and tells of it."""

    def __init__(self, witness: Witness, table: AuditTable, topic: EventsTopic, kept_years: int) -> None:
        self._witness = witness
        self._table = table
        self._topic = topic
        self._kept_years = kept_years
        self._told: deque[str] = deque(maxlen=_REMEMBERED)

    def record(self, records: Sequence[object]) -> None:
        """Witness a batch of records, insert its rows, then tell of them.

        Raises Unavailable if AWS fails, and for nothing else: Lambda then delivers the batch again.
        """
        rows = list({row["event_id"]: row for row in map(self._row, records)}.values())
        if not rows:
            return
        self._witness.put(rows)
        self._table.insert(rows)
        untold = [row for row in rows if row["event_id"] not in self._told]
        for told in self._topic.publish([notification(row) for row in untold]):
            self._told.append(str(told["event_id"]))
            about = {name: told[name] for name in ("event_id", "type", "account")}
            log.info("recorded", extra=about | counted(*["Findings"] * (told["type"] in FINDINGS)))

    def _row(self, record: object) -> Row:
        """Return the row of a record. One that cannot be judged must not hold up those behind it."""
        try:
            change = read_change(record)
            return make_row(change, judge(change), self._kept_years)
        except Exception as error:
            log.error("a record cannot be judged", extra={"failure": frames(error)})
            change = read_change(record, with_images=False)
            return make_row(change, judge(change), self._kept_years)
