"""What a change to a binding is to auditors, judged from the change alone.

The service writes an event with each change. A change that does not fit its own event was made by
other hands, and the trail says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.core.binding import State
from chalicelib.core.events import Event, EventType, Source

CLOCK_SKEW_SECONDS = 60
"""By how much the clock of one function may be behind another's, and more. An event from before
the account's last row is an old one: somebody has put an old item back."""


class Finding(StrEnum):
    """What the trail says of a change that is not the service's own work."""

    TAMPERED = "tampered"
    UNREADABLE = "unreadable"


class Why(StrEnum):
    """By what a change that was tampered with gave itself away."""

    EVENT_REPEATED = "event_repeated"
    VERSION_OUT_OF_ORDER = "version_out_of_order"
    CEASED_WITHOUT_TICKET = "ceased_without_ticket"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Image:
    """An item before or after a change, as far as it can be read; None where it cannot.

    ``marks`` has, by type of event, the version under which support last signed such an event. IAM
    lets support's roles alone write these attributes.
    """

    version: int | None = None
    state: State | None = None
    binding_id: str | None = None
    event_id: str | None = None
    event: Event | None = None
    marks: Mapping[EventType, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record of the bindings table's stream.

    ``record_id`` is the record's own identity, the same each time it is delivered; ``at`` is when
    the table saw the change, in Unix seconds. ``before`` is None where there was no item,
    ``after`` where the item is gone or the record cannot be read.
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
        """The item's version before the change, 0 where there was no item; None where unknown."""
        if self.after is None and not self.deleted:
            return None
        return self.before.version if self.before else 0

    @property
    def version(self) -> int | None:
        """The item's version since the change, in the same way."""
        if self.deleted:
            return 0
        return self.after.version if self.after else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a change was; ``at`` in Unix seconds. A finding has no source: nobody signed for it."""

    type: EventType | Finding
    at: int
    source: Source | None = None
    why: Why | None = None


def judge(change: Change, told_at: int, now: int) -> Verdict:
    """The change as the trail tells it.

    ``told_at`` is when the change before it was made, 0 where there was none, and ``now`` is for a
    record that does not say when it was made; both in Unix seconds.
    """
    at = now if change.at is None else change.at
    if change.deleted:
        return Verdict(Finding.TAMPERED, at, why=Why.DELETED)
    after, before = change.after or Image(), change.before or Image(version=0)
    if after.event_id is not None and after.event_id == before.event_id:
        return Verdict(Finding.TAMPERED, at, why=Why.EVENT_REPEATED)
    if after.event is None or after.version is None or after.state is None:
        return Verdict(Finding.UNREADABLE, at)
    if after.event.at < told_at - CLOCK_SKEW_SECONDS:
        return Verdict(Finding.TAMPERED, at, why=Why.EVENT_REPEATED)
    if before.version is None or after.version != before.version + 1:
        return Verdict(Finding.TAMPERED, at, why=Why.VERSION_OUT_OF_ORDER)
    source = after.event.source
    if _ceased(before, after) and not (source.operator and source.ticket):
        return Verdict(Finding.TAMPERED, at, why=Why.CEASED_WITHOUT_TICKET)
    return Verdict(after.event.type, after.event.at, source)


def _ceased(before: Image, after: Image) -> bool:
    """Whether a binding that stood stands no more; another one in its place is no help."""
    bound = before.state is State.BOUND
    return bound and (after.state is not State.BOUND or after.binding_id != before.binding_id)
