"""Whether an account's audit rows are all there and as they were written, and where they are not."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from chalicelib.aws.items import number
from chalicelib.core.chain import SEAL, is_sealed, position_of
from chalicelib.core.changes import Image

Row = Mapping[str, Any]


class Damage(StrEnum):
    """What was done to a trail."""

    ALTERED = "altered"
    REMOVED = "removed"
    INSERTED = "inserted"
    CUT = "cut"
    REWRITTEN = "rewritten"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Break:
    """Where a trail breaks: at which ``event_id`` (None: at its end), how, and a sentence on it."""

    damage: Damage
    event_id: str | None
    words: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an account's trail is held against.

    ``item`` is the binding as it is, None where there is none. ``key_of`` gives the key of the
    trail by its id, None where KMS opens no such key. ``witnessed`` has seals by ``event_id``, from
    notifications or exports. ``kept_seconds`` is for how long rows are kept.
    """

    item: Image | None
    key_of: Callable[[str], bytes | None]
    witnessed: Mapping[str, str]
    now: int
    kept_seconds: int


@dataclass(frozen=True, slots=True)
class _Placed:
    """A row at its position; ``sealed`` says whether its seal is ours."""

    position: int
    row: Row
    sealed: bool

    @property
    def event_id(self) -> str:
        return str(self.row["event_id"]["S"])

    def text(self, name: str) -> str | None:
        value = self.row.get(name, {}).get("S")
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        try:
            return number(self.row[name])
        except (KeyError, TypeError, ValueError):
            return None


def breaks(account: str, rows: Sequence[Row], evidence: Evidence) -> list[Break]:
    """Every place where the account's trail breaks; none where it is whole. ``rows``: oldest first."""
    placed, found = [], []
    for row in rows:
        event_id = row["event_id"]["S"]
        position = position_of(account, event_id)
        if position is None:
            words = f"{event_id!r} is no event_id of this account"
            found.append(Break(Damage.INSERTED, event_id, words))
            continue
        key = evidence.key_of(str(row.get("trail_key", {}).get("S")))
        placed.append(_Placed(position, row, key is not None and is_sealed(row, key)))
    found += _unsealed(placed, evidence)
    found += _misplaced(placed, evidence)
    found += _against_witnesses(placed, evidence)
    found += _at_the_end(placed, evidence)
    return found


def _unsealed(placed: list[_Placed], evidence: Evidence) -> Iterator[Break]:
    """Rows whose seal is not ours. From one of them to the end, the chain has been written anew."""
    last_sealed = max((index for index, one in enumerate(placed) if one.sealed), default=-1)
    tail = placed[last_sealed + 1 :]
    for one in placed[: last_sealed + 1]:
        if not one.sealed:
            yield Break(Damage.ALTERED, one.event_id, "the row is not as it was written")
    if len(tail) > 1:
        words = f"none of the {len(tail)} rows from here to the end was written by record_events"
        yield Break(Damage.REWRITTEN, tail[0].event_id, words)
    elif tail and last_sealed >= 0 and _ends_with(placed[last_sealed], evidence.item):
        words = "the row was not written by record_events, and the trail is whole without it"
        yield Break(Damage.INSERTED, tail[0].event_id, words)
    elif tail:
        yield Break(Damage.ALTERED, tail[0].event_id, "the row is not as it was written")


def _misplaced(placed: list[_Placed], evidence: Evidence) -> Iterator[Break]:
    """Gaps between rows, and rows that do not follow the one before them."""
    if placed:
        yield from _before_the_first(placed[0], evidence)
    for one, after in pairwise(placed):
        if after.position != one.position + 1:
            if not _were_let_go(after, evidence):
                yield _removed(one.position + 1, after)
        elif one.sealed and after.sealed:
            if after.text("previous") != one.text(SEAL):
                words = "the row was written after another one than the one before it"
                yield Break(Damage.REWRITTEN, after.event_id, words)
            yield from _untold_between(one.number("version"), after)


def _before_the_first(first: _Placed, evidence: Evidence) -> Iterator[Break]:
    if first.position > 1:
        if not _were_let_go(first, evidence):
            yield _removed(1, first)
        return
    gone, recorded = first.number("previous_kept_until"), first.number("recorded_at")
    if first.sealed and not (gone and recorded and gone <= recorded):
        yield from _untold_between(0, first)


def _untold_between(version: int | None, after: _Placed) -> Iterator[Break]:
    """Changes to the binding that never became rows: the stream lost them, or somebody did."""
    began_at = after.number("version_before")
    if None not in (version, began_at) and version != began_at:
        words = f"the trail left the binding at version {version}, the row found it at {began_at}"
        yield Break(Damage.UNTOLD, after.event_id, words)


def _were_let_go(after: _Placed, evidence: Evidence) -> bool:
    """Whether all rows before this one are past their time, so that DynamoDB may delete them."""
    kept_until = after.number("previous_kept_until")
    return after.sealed and kept_until is not None and kept_until <= evidence.now


def _removed(first_gone: int, after: _Placed) -> Break:
    last_gone = after.position - 1
    span = f"{first_gone}" if first_gone == last_gone else f"{first_gone} to {last_gone}"
    return Break(Damage.REMOVED, after.event_id, f"no row at position {span}, before this one")


def _against_witnesses(placed: list[_Placed], evidence: Evidence) -> Iterator[Break]:
    """Rows that are not those that were told, or that nobody finds any more."""
    for one in placed:
        witnessed = evidence.witnessed.get(one.event_id)
        if one.sealed and witnessed is not None and witnessed != one.text(SEAL):
            yield Break(Damage.REWRITTEN, one.event_id, "a witness was told of another row here")
    last = placed[-1].event_id if placed else ""
    beyond = sorted(event_id for event_id in evidence.witnessed if event_id > last)
    if beyond:
        yield Break(Damage.CUT, None, f"a witness was told of rows up to {beyond[-1]}")


def _at_the_end(placed: list[_Placed], evidence: Evidence) -> Iterator[Break]:
    """The last row is the change that made the binding what it is."""
    item = evidence.item
    if not placed:
        if item is not None and not _long_ago(item, evidence):
            words = f"the binding is at version {item.version}, and there is no row at all"
            yield Break(Damage.CUT, None, words)
        return
    # A row that is not ours proves nothing of the binding; it has been told of already.
    last = placed[-1]
    if not last.sealed or _ends_with(last, item):
        return
    version, told = item.version if item else 0, last.number("version")
    words = f"the binding is at version {version}, the trail ends at {told}"
    ahead = version is None or told is None or version >= told
    yield Break(Damage.CUT if ahead and item else Damage.UNTOLD, None, words)


def _ends_with(last: _Placed, item: Image | None) -> bool:
    """Whether a row stands for the change that made the item what it is, by its event and version."""
    now = (item.version, item.event_id) if item else (0, None)
    return (last.number("version"), last.text("written_as")) == now


def _long_ago(item: Image, evidence: Evidence) -> bool:
    return item.event is not None and item.event.at + evidence.kept_seconds <= evidence.now
