"""The item of the bindings table: its attributes, written and read in one place.

A binding is read strictly by the functions that act on it, and leniently (``read_image``) by those
that audit it, since an item may have been changed by hand.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chalicelib.core.binding import Binding, SealedSecret, State
from chalicelib.core.changes import Image
from chalicelib.core.channel import Channel
from chalicelib.core.events import Event, EventType, Source

Item = Mapping[str, Any]
"""An item in DynamoDB's own JSON."""

SECRET_ATTRIBUTES = ("secret", "secret_key")
"""The sealed secret and the id of its data key, which the support functions may not read."""

_CHANNEL_ATTRIBUTES = {Channel.DESKTOP: "desktop_at", Channel.MOBILE: "mobile_at"}

_NUMBERS = ("expires_at", "bound_at", "last_step", "locked_until", "unbound_at")

_REQUIRED = {
    State.UNBOUND: [],
    State.PENDING: ["binding_id", "expires_at"],
    State.BOUND: ["binding_id", "bound_at", "last_step"],
}

READABLE_BY_SUPPORT = (
    "account",
    "version",
    "event",
    "state",
    "binding",
    *_NUMBERS,
    *_CHANNEL_ATTRIBUTES.values(),
    "accepted_from",
    "failures",
    "suspended",
)
"""Every attribute but the secret ones."""

SUPPORT_MARKS = {EventType.UNBOUND: "unbound_version", EventType.UNLOCKED: "unlocked_version"}
"""The attribute by which support's roles, and no other, sign an event: it holds the new version."""

LONGEST_TEXT = 128
"""Characters in any text of an event; the service writes fewer."""

LAST_TIME = 253_402_300_799
"""The last second of the year 9999, the latest time that can be shown as a date."""

_MOST = 10**30
"""Above any version that can occur; DynamoDB numbers have 38 digits."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Stored:
    """A binding as the table holds it. Without an item, version is 0 and event_id None."""

    binding: Binding
    version: int
    event_id: str | None


def read_stored(account: str, item: Item | None, *, secrets: bool) -> Stored:
    """Return the stored binding of an item, or an unbound one of version 0 if there is no item.

    Raises KeyError, TypeError or ValueError if the item is not one that this service writes.
    """
    if not item:
        return Stored(Binding(account=account), 0, None)
    sealed = None
    if secrets and "secret" in item:
        sealed = SealedSecret(item["secret_key"]["S"], bytes(item["secret"]["B"]))
    binding = Binding(
        account=account,
        state=State(item["state"]["S"]),
        binding_id=item["binding"]["S"] if "binding" in item else None,
        sealed=sealed,
        channels={
            channel: number(item[name]) for channel, name in _CHANNEL_ATTRIBUTES.items() if name in item
        },
        accepted_from=item["accepted_from"]["S"] if "accepted_from" in item else None,
        failures=number(item["failures"]) if "failures" in item else 0,
        suspended=item["suspended"]["BOOL"] if "suspended" in item else False,
        **{name: number(item[name]) for name in _NUMBERS if name in item},
    )
    required = list(_REQUIRED[binding.state])
    if secrets and binding.state is not State.UNBOUND:
        required.append("sealed")
    if any(getattr(binding, name) is None for name in required):
        raise KeyError(*required)
    return Stored(binding, number(item["version"]), item["event"]["M"]["event_id"]["S"])


def update(before: Stored, after: Binding, event: Event, *, secrets: bool) -> dict[str, Any]:
    """Return the arguments of the UpdateItem that turns ``before`` into ``after``.

    It sets what differs, removes what is gone, counts the version up and stores the event. It is
    conditional on version and binding id, or on the item's absence for an account's first write.
    Without ``secrets`` the sealed secret is unknown here, and removed when a binding ends.
    """
    old, new = _attributes(before.binding), _attributes(after)
    changed = {name: value for name, value in new.items() if old.get(name) != value}
    version = {"N": str(before.version + 1)}
    changed |= {"version": version, "event": {"M": _event_attributes(event)}}
    if event.type in SUPPORT_MARKS:
        changed[SUPPORT_MARKS[event.type]] = version
    removed = [name for name in old if name not in new]
    ends = before.binding.state is not State.UNBOUND and after.state is State.UNBOUND
    if ends and not secrets:
        removed += SECRET_ATTRIBUTES
    names = {f"#{name}": name for name in [*changed, *removed]}
    values = {f":{name}": value for name, value in changed.items()}
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in changed)
    if removed:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in removed)
    if before.version == 0:
        condition = "attribute_not_exists(#account)"
        names["#account"] = "account"
    else:
        condition = "#version = :seen AND " + _same_binding(before, names, values)
        values[":seen"] = {"N": str(before.version)}
    return {
        "Key": {"account": {"S": after.account}},
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def read_image(item: Item) -> Image:
    """Return as much of an item as can be read."""
    try:
        state = State(item["state"]["S"])
    except (KeyError, TypeError, ValueError):
        state = None
    event = as_mapping(as_mapping(item.get("event")).get("M"))
    return Image(
        version=_whole_number(item, "version"),
        state=state,
        binding_id=text(item, "binding"),
        event_id=text(event, "event_id"),
        event=_read_event(event),
        marks={kind: _whole_number(item, name) for kind, name in SUPPORT_MARKS.items()},
    )


def number(attribute: Any) -> int:
    """Return the whole number of an attribute. Raises KeyError, TypeError or ValueError otherwise."""
    return int(attribute["N"])


def text(fields: Item, name: str, longest: int = LONGEST_TEXT) -> str | None:
    """Return the string attribute of that name, or None if it is none or too long."""
    return valid_text(as_mapping(fields.get(name)).get("S"), longest)


def valid_text(value: object, longest: int = LONGEST_TEXT) -> str | None:
    """Return a string that is not empty, not too long and encodable, or None."""
    if not isinstance(value, str) or not 0 < len(value) <= longest or _LONE_SURROGATE.search(value):
        return None
    return value


def as_mapping(value: object) -> Item:
    """Return the value if it is a mapping, and an empty one otherwise."""
    return value if isinstance(value, Mapping) else {}


def _same_binding(before: Stored, names: dict[str, str], values: dict[str, Any]) -> str:
    names["#binding"] = "binding"
    if before.binding.binding_id is None:
        return "attribute_not_exists(#binding)"
    values[":seen_binding"] = {"S": before.binding.binding_id}
    return "#binding = :seen_binding"


def _attributes(binding: Binding) -> dict[str, Any]:
    """Return the attributes of a binding. None, zero and False are not stored."""
    attributes: dict[str, Any] = {"state": {"S": binding.state.value}}
    if binding.binding_id is not None:
        attributes["binding"] = {"S": binding.binding_id}
    if binding.sealed is not None:
        attributes["secret"] = {"B": binding.sealed.blob}
        attributes["secret_key"] = {"S": binding.sealed.key_id}
    for name in _NUMBERS:
        value = getattr(binding, name)
        if value is not None:
            attributes[name] = {"N": str(value)}
    for channel, at in binding.channels.items():
        attributes[_CHANNEL_ATTRIBUTES[channel]] = {"N": str(at)}
    if binding.accepted_from is not None:
        attributes["accepted_from"] = {"S": binding.accepted_from}
    if binding.failures:
        attributes["failures"] = {"N": str(binding.failures)}
    if binding.suspended:
        attributes["suspended"] = {"BOOL": True}
    return attributes


def _event_attributes(event: Event) -> dict[str, Any]:
    fields = {"event_id": event.event_id, "type": event.type.value, **asdict(event.source)}
    attributes = {name: {"S": str(value)} for name, value in fields.items() if value is not None}
    return {**attributes, "at": {"N": str(event.at)}}


def _read_event(fields: Item) -> Event | None:
    """Return the event of a write, or None if it is not one that this service writes."""
    optional = ("address", "operator", "ticket", "reason")
    texts = {name: text(fields, name) for name in optional}
    event_id, request_id = text(fields, "event_id"), text(fields, "request_id")
    at = _whole_number(fields, "at")
    try:
        event_type = EventType(fields["type"]["S"])
        channel = Channel(fields["channel"]["S"]) if "channel" in fields else None
    except (KeyError, TypeError, ValueError):
        return None
    if event_id is None or request_id is None or at is None or at > LAST_TIME:
        return None
    if any(name in fields and value is None for name, value in texts.items()):
        return None
    return Event(event_id, event_type, at, Source(request_id=request_id, channel=channel, **texts))


def _whole_number(fields: Item, name: str) -> int | None:
    """Return a whole number that is not negative, or None."""
    try:
        value = number(fields[name])
    except (KeyError, TypeError, ValueError):
        return None
    return value if 0 <= value < _MOST else None
