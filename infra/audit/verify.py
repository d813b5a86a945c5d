"""``verify``: hold the audit table against its witness and the bindings, account by account."""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TypeVar

from chalicelib.aws.audit_rows import Row
from chalicelib.aws.items import read_image
from chalicelib.aws.witness import digest_in_key, line
from chalicelib.core.changes import Finding, Image, is_event_id
from infra.audit.auditor import Auditor

LAG_SECONDS = 900
"""Seconds from the binding to the witness, or from there to the table, that a change may take."""

_PROGRESS_SECONDS = 2

_WHOLE_NUMBERS = ("version", "version_before", "before_at", "kept_until")
_TEXTS = ("account", "type", "why", "sequence_number", "written_as")

AnyT = TypeVar("AnyT")


class Damage(StrEnum):
    """The kinds of damage to a trail."""

    ALTERED = "altered"
    MISSING = "missing"
    UNWITNESSED = "unwitnessed"
    UNRECORDED = "unrecorded"
    SET_BACK = "set_back"
    FINDING = "finding"
    ON_ITS_WAY = "on_its_way"
    """No damage, while it lasts no longer than a quarter of an hour."""


Break = tuple[Damage, str, str]
"""The kind of damage, the ``event_id`` or ``at the end``, and a sentence on it."""


class Trail:
    """The rows of table and witness, taken in one by one and compared at the end.

    ``started_at`` is when the reading began, and changes before ``since`` are left out; both in Unix
    seconds. The table is to be read before the witness: a row is witnessed before it is in the table.
    """

    def __init__(self, started_at: float, since: int) -> None:
        self._now = started_at
        self._since = since
        # Lines of JSON by account and event_id, which take a third of the room of rows.
        self._table: dict[str, dict[str, bytes]] = defaultdict(dict)
        self._witness: dict[str, dict[str, bytes]] = defaultdict(dict)
        self._late: set[str] = set()
        self._in_two_forms: set[str] = set()

    @property
    def accounts(self) -> set[str]:
        """Return the accounts that have a row, in the table or in the witness."""
        return {*self._table, *self._witness}

    @property
    def rows(self) -> int:
        """Return the number of rows in the table."""
        return sum(map(len, self._table.values()))

    def take_row(self, row: Row) -> None:
        """Take in a row of the table."""
        if self._is_looked_at(row):
            self._table[row["account"]][row["event_id"]] = line(row).encode()

    def take_lines(self, lines: Iterable[bytes], taken_at: float, account: str | None) -> None:
        """Take in rows of the witness, of one account or of all.

        Raises KeyError, TypeError or ValueError if one is none.
        """
        named = b"" if account is None else f'"account":{json.dumps(account)}'.encode()
        for text in lines:
            if named in text and self._is_looked_at(row := _read(text)):
                name, event_id = row["account"], row["event_id"]
                in_table = self._table.get(name, {}).get(event_id)
                # The same text is kept once.
                first = self._witness[name].setdefault(event_id, in_table if in_table == text else text)
                if first != text:
                    self._in_two_forms.add(event_id)
                if taken_at >= self._now - LAG_SECONDS:
                    self._late.add(event_id)

    def breaks(self, account: str, item: Image | None) -> Iterator[Break]:
        """Yield every break of an account's trail, and none if it is whole."""
        table, witness = self._table.get(account, {}), self._witness.get(account, {})
        rows: list[Row] = []
        for event_id in sorted({*table, *witness}):
            row = json.loads(witness.get(event_id) or table[event_id])
            about = f"version {row.get('version')}, {row.get('type')}"
            if event_id not in witness:
                yield Damage.UNWITNESSED, event_id, f"{about}: not in the witness"
                continue
            rows.append(row)
            if event_id in self._in_two_forms:
                yield Damage.ALTERED, event_id, f"{about}: the witness has it in two forms"
            elif event_id in table and table[event_id] != witness[event_id]:
                yield Damage.ALTERED, event_id, f"{about}: not as it was witnessed"
            elif event_id not in table and row.get("kept_until", self._now + 1) > self._now:
                kind = Damage.ON_ITS_WAY if event_id in self._late else Damage.MISSING
                yield kind, event_id, f"{about}: witnessed, and not in the table"
            if row.get("type") in list(Finding):
                yield Damage.FINDING, event_id, row.get("why") or row["type"]
        yield from self._jumps(sorted(rows, key=_in_order), item)

    def _is_looked_at(self, row: Row) -> bool:
        return not self._since or bool(row["event_id"] >= f"{self._since:012}")

    def _jumps(self, rows: list[Row], item: Image | None) -> Iterator[Break]:
        """Yield a break where the version that a row left the binding at is not the one found next."""
        left_at: int | None = 0
        written_as: str | None = None
        for row in rows:
            if row is not rows[0] or row.get("before_at", self._since) >= self._since:
                yield from _jump(row["event_id"], left_at, row.get("version_before"))
            left_at, written_as = row.get("version"), row.get("written_as")
        at = item.event.at if item and item.event else None
        if at is not None and at < self._since and not rows:
            return
        found = list(_jump("at the end", left_at, item.version if item else 0))
        if item and item.version == left_at and item.event_id != written_as:
            words = f"the binding is at version {left_at}, and not by the change of that row"
            found.append((Damage.SET_BACK, "at the end", words))
        is_late = at is not None and at >= self._now - LAG_SECONDS
        for kind, place, words in found:
            yield Damage.ON_ITS_WAY if is_late else kind, place, words


def _read(text: bytes) -> Row:
    row: Row = json.loads(text)
    if not is_event_id(row["event_id"]):
        raise ValueError(row["event_id"])
    if any(not isinstance(row.get(name, 0), int) for name in _WHOLE_NUMBERS):
        raise TypeError(row)
    if any(not isinstance(row.get(name, ""), str) for name in _TEXTS):
        raise TypeError(row)
    return row


def _in_order(row: Row) -> tuple[str, int, str]:
    """Return a key to sort by: of one second, versions do not tell the order of changes by hand."""
    sequence = row.get("sequence_number", "")
    return row["event_id"][:12], len(sequence), sequence


def _jump(place: str, left_at: int | None, found_at: int | None) -> Iterator[Break]:
    if left_at is None or found_at is None or left_at == found_at:
        return
    if found_at < left_at:
        words = f"the binding was left at version {left_at} and found at version {found_at}"
        yield Damage.SET_BACK, place, words
    else:
        missing = f"{left_at + 1}" if found_at == left_at + 1 else f"{left_at + 1} to {found_at}"
        yield Damage.UNRECORDED, place, f"no row of version {missing}"


def verify(auditor: Auditor, account: str | None, since: int) -> int:
    """Print every break, and return the exit status. Without an account, all are verified."""
    trail, broken = Trail(auditor.clock(), since), False
    for row in _with_progress(auditor.rows(account), "rows"):
        trail.take_row(row)
    for key, body, taken_at in _with_progress(auditor.objects(since), "objects of the witness"):
        try:
            if digest_in_key(body) not in key:
                raise ValueError(key)
            trail.take_lines(body.splitlines(), taken_at, account)
        except (KeyError, TypeError, ValueError):
            broken = True
            print(f"{key}  {Damage.ALTERED}  not an object that record_events wrote", flush=True)
    items = dict(auditor.bindings(account))
    accounts = sorted(trail.accounts | set(items))
    if account is not None and not accounts:
        print(f"no such account: {account}", file=sys.stderr)
        return 2
    for name in _with_progress(accounts, "accounts"):
        item = read_image(items[name]) if name in items else None
        for damage, place, words in trail.breaks(name, item):
            broken = broken or damage is not Damage.ON_ITS_WAY
            print(f"{name}  {damage}  {place}: {words}", flush=True)
    if not broken:
        print(f"the trail is whole: {trail.rows} rows of {len(accounts)} accounts")
    return int(broken)


def _with_progress(things: Iterable[AnyT], name: str) -> Iterator[AnyT]:
    """Yield things, and say now and then on standard error how many."""
    said_at = time.monotonic()
    for number, thing in enumerate(things, start=1):
        if time.monotonic() - said_at > _PROGRESS_SECONDS:
            said_at = time.monotonic()
            print(f"{number} {name}", file=sys.stderr, flush=True)
        yield thing
