"""What happened to a binding, through whom and when: the value that each write carries."""

from dataclasses import asdict, dataclass
from enum import StrEnum

from chalicelib.core.channel import Channel


class Happening(StrEnum):
    """What a change to a binding was, as the audit trail tells it."""

    BIND_STARTED = "bind_started"
    BOUND = "bound"
    CHANNEL_BOUND = "channel_bound"
    VERIFIED = "verified"
    WRONG_CODE = "wrong_code"
    LOCKED = "locked"
    SUSPENDED = "suspended"
    UNLOCKED = "unlocked"
    UNBOUND = "unbound"
    BIND_DISCARDED = "bind_discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Through whom a change came: a client by its channel and address, or support by its ticket.

    ``request_id`` joins the change to the logs and to CloudTrail; ``operator`` is the caller's claim.
    """

    request_id: str
    address: str | None = None
    channel: Channel | None = None
    operator: str | None = None
    ticket: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One change: an id of the write's own, what it was, when (Unix seconds), through whom."""

    event_id: str
    type: Happening
    at: int
    source: Source

    def flat(self) -> dict[str, str | int]:
        """The event as one level of fields, without those that have no value."""
        fields = {"event_id": self.event_id, "type": self.type, "at": self.at, **asdict(self.source)}
        return {name: value for name, value in fields.items() if value is not None}
