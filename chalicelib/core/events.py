"""Events: the type, time and source of a change, written to the item together with the change."""

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.core.channel import Channel


class EventType(StrEnum):
    """The types of change to a binding, as the audit trail records them."""

    BIND_STARTED = "bind_started"
    BOUND = "bound"
    CHANNEL_BOUND = "channel_bound"
    VERIFIED = "verified"
    WRONG_CODE = "wrong_code"
    LOCKED = "locked"
    SUSPENDED = "suspended"
    BIND_DISCARDED = "bind_discarded"
    WRONG_BIND_CODE = "wrong_bind_code"
    UNBIND_REQUESTED = "unbind_requested"
    UNBOUND = "unbound"
    NOT_BOUND = "not_bound"
    INVITE_REQUESTED = "invite_requested"
    INVITED = "invited"
    UNLOCKED = "unlocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The caller behind a change: a client by channel and address, or support by operator and ticket.

    ``request_id`` joins the change to the logs and to CloudTrail. ``operator`` is the caller's claim
    unless ``operator_proved`` is True: then it is the ARN that STS answered.
    """

    request_id: str
    address: str | None = None
    channel: Channel | None = None
    operator: str | None = None
    operator_proved: bool | None = None
    ticket: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One change: the id of its write, its type, its time in Unix seconds and its source."""

    event_id: str
    type: EventType
    at: int
    source: Source
