"""Judge a change of a binding as an auditor does, from the stream's record of it alone.

The service writes an event with each change. A change that does not fit its own event, or that claims
what IAM withholds from its writer, is a finding.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.core.binding import State
from chalicelib.core.events import Event, EventType, Source

CLOCK_SKEW_SECONDS = 60
"""By how much an event's own time may differ from the time at which the table saw the change."""

_BY_SUPPORT = frozenset({EventType.UNBOUND, EventType.UNLOCKED})

_LAST_PLACE = 10**12 - 1

_EVENT_ID = re.compile(r"[0-9]{12}-[0-9]{12}-[0-9a-f]{16}", re.ASCII)


class Finding(StrEnum):
    """The types of rows for changes that are not the service's own work."""

    TAMPERED = "tampered"
    UNREADABLE = "unreadable"


class Why(StrEnum):
    """The reasons for which a change counts as tampered."""

    EVENT_REPEATED = "event_repeated"
    WRONG_TIME = "wrong_time"
    VERSION_OUT_OF_ORDER = "version_out_of_order"
    NOT_BY_SUPPORT = "not_by_support"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Image:
    """An item before or after a change. What cannot be read of it is None.

    ``marks`` has, by type of event, the version under which support last signed such an event. IAM
    lets support's roles alone write these attributes.
    """

    version: int | None = None
    state: State | None = None
    binding_id: str | None = None
    event_id: str | None = None
    event: Event | None = None
    marks: Mapping[EventType, int | None] = field(default_factory=dict)


_NO_ITEM = Image(version=0, state=State.UNBOUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record of the bindings table's stream.

    ``record_id`` is a digest of the record's identity, the same each time that it is delivered.
    ``at`` is the time at which the table saw the change, in Unix seconds, and None if the record
    does not say. ``before`` is None if there was no item, ``after`` if the item is gone or the
    record cannot be read.
    """

    record_id: str
    account: str
    sequence_number: str | None = None
    at: int | None = None
    deleted: bool = False
    before: Image | None = None
    after: Image | None = None

    @property
    def version_before(self) -> int | None:
        """Return the version before the change: 0 if there was no item, None if it cannot be read."""
        if self.after is None and not self.deleted:
            return None
        return self.before.version if self.before else 0

    @property
    def version(self) -> int | None:
        """Return the version after the change, by the same rule."""
        if self.deleted:
            return 0
        return self.after.version if self.after else None

    @property
    def event_id(self) -> str:
        """Return the id of the change's row: it sorts by time, then by version.

        None of its parts is chosen by whoever wrote the item alone, and the same record has the same
        id however often it is delivered.
        """
        place = self.version or self.version_before or 0
        return f"{self.at or 0:012}-{min(place, _LAST_PLACE):012}-{self.record_id}"


def is_event_id(value: str) -> bool:
    """Return True if a string has the form of an ``event_id``."""
    return _EVENT_ID.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of a change; ``at`` in Unix seconds. A finding has no source: nobody signed it."""

    type: EventType | Finding
    at: int
    source: Source | None = None
    why: Why | None = None


def judge(change: Change) -> Verdict:
    """Judge a change. A record that names no time is dated 1970."""
    at = change.at or 0
    if change.deleted:
        return Verdict(Finding.TAMPERED, at, why=Why.DELETED)
    before, after = change.before or _NO_ITEM, change.after
    if after is None or change.at is None:
        return Verdict(Finding.UNREADABLE, at)
    if after.event_id is not None and after.event_id == before.event_id:
        return Verdict(Finding.TAMPERED, at, why=Why.EVENT_REPEATED)
    event = after.event
    if event is None or after.version is None or after.state is None:
        return Verdict(Finding.UNREADABLE, at)
    if abs(event.at - at) > CLOCK_SKEW_SECONDS:
        return Verdict(Finding.TAMPERED, at, why=Why.WRONG_TIME)
    if not _follows(before, after.version, event):
        return Verdict(Finding.TAMPERED, at, why=Why.VERSION_OUT_OF_ORDER)
    by_support = event.type in _BY_SUPPORT
    if not (_is_signed(before, after, event) if by_support else _goes_on(before, after)):
        return Verdict(Finding.TAMPERED, at, why=Why.NOT_BY_SUPPORT)
    return Verdict(event.type, event.at, event.source)


def _follows(before: Image, version: int, event: Event) -> bool:
    """Return True if the version is the next one.

    After one that cannot be read, support's unbinding starts again from the Unix time.
    """
    if before.version or before is _NO_ITEM:
        return version == (before.version or 0) + 1
    return event.type is EventType.UNBOUND and abs(version - event.at) <= CLOCK_SKEW_SECONDS


def _is_signed(before: Image, after: Image, event: Event) -> bool:
    """Return True if support's role signed this very change, and a person stands behind it."""
    mark = after.marks.get(event.type)
    by_role = mark == after.version and mark != before.marks.get(event.type)
    by_person = bool(event.source.operator and event.source.ticket)
    unbinds = event.type is EventType.UNBOUND and after.state is State.UNBOUND
    return by_role and by_person and (unbinds or _goes_on(before, after))


def _goes_on(before: Image, after: Image) -> bool:
    """Return False if a bound account lost its binding, or if nobody can tell."""
    if before.state is State.BOUND:
        return after.state is State.BOUND and after.binding_id == before.binding_id
    return before.state is not None
