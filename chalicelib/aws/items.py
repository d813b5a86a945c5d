"""The item of the bindings table: its attributes, written and read in one place.

A binding is read strictly by the functions that act on it, and leniently (``read_image``) by those
that audit it, since an item may have been changed by hand.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.aws import attributes
from chalicelib.core.binding import Binding, SealedSecret, State
from chalicelib.core.changes import Image
from chalicelib.core.channel import Channel
from chalicelib.core.events import Event, EventType, Source

Item = Mapping[str, Any]
"""An item in DynamoDB's own JSON."""

SECRET_ATTRIBUTES = ("secret", "secret_key")
"""The sealed secret and the id of its data key, which the support functions may not read."""

_CHANNEL_ATTRIBUTES = {Channel.DESKTOP: "desktop_at", Channel.MOBILE: "mobile_at"}

_RENAMED = {"binding_id": "binding"}
_FIELDS = [
    (name, _RENAMED.get(name, name), kind)
    for name, kind, _ in attributes.field_kinds(Binding)
    if name not in ("account", "sealed", "channels")
]
"""The fields of a binding that are one attribute each: field, attribute, type."""

_REQUIRED = {
    State.UNBOUND: [],
    State.PENDING: ["binding_id", "expires_at"],
    State.BOUND: ["binding_id", "bound_at", "last_step"],
}

READABLE_BY_SUPPORT = (
    "account",
    "version",
    "event",
    *(attribute for _, attribute, _ in _FIELDS),
    *_CHANNEL_ATTRIBUTES.values(),
)
"""Every attribute but the secret ones."""

SUPPORT_MARKS = {EventType.UNBOUND: "unbound_version", EventType.UNLOCKED: "unlocked_version"}
"""The attribute by which support's roles alone sign an event: it holds the item's new version."""

LONGEST_TEXT = 256
"""Characters in any text of an event; the longest are the ARNs of proved operators."""

LAST_TIME = 253_402_300_799
"""The last second of the year 9999, the latest time that can be shown as a date."""

_MOST = 10**30
"""Above any version that can occur; DynamoDB numbers have 38 digits."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Stored:
    """A binding as the table holds it. Without an item, version is 0 and event_id None.

    ``unreadable`` is the raw item if it is not one that this service writes.
    """

    binding: Binding
    version: int
    event_id: str | None
    unreadable: Item | None = None

    def next_version(self, now: int) -> int:
        """Return the version of the next write: the Unix time if none can be read."""
        return now if self.unreadable and not self.version else self.version + 1


def read_stored(account: str, item: Item | None, *, secrets: bool) -> Stored:
    """Return the stored binding of an item: an unbound one of version 0 if there is no item.

    An item that this service does not write is returned raw, as an unbound account.
    """
    if not item:
        return Stored(Binding(account=account), 0, None)
    try:
        return Stored(
            _read_binding(account, item, secrets=secrets),
            number(item["version"]),
            item["event"]["M"]["event_id"]["S"],
        )
    except (KeyError, TypeError, ValueError):
        image = read_image(item)
        return Stored(Binding(account=account), image.version or 0, image.event_id, unreadable=item)


def _read_binding(account: str, item: Item, *, secrets: bool) -> Binding:
    sealed = None
    if secrets and "secret" in item:
        sealed = SealedSecret(item["secret_key"]["S"], bytes(item["secret"]["B"]))
    channels = {
        channel: number(item[name]) for channel, name in _CHANNEL_ATTRIBUTES.items() if name in item
    }
    values = {
        field: attributes.decode(kind, item[name]) for field, name, kind in _FIELDS if name in item
    }
    binding = Binding(account=account, sealed=sealed, channels=channels, **values)
    required = list(_REQUIRED[State(item["state"]["S"])])
    if secrets and binding.state is not State.UNBOUND:
        required.append("sealed")
    if any(getattr(binding, name) is None for name in required):
        raise KeyError(*required)
    return binding


def update(before: Stored, after: Binding, event: Event, *, secrets: bool) -> dict[str, Any]:
    """Return the arguments of the UpdateItem that turns ``before`` into ``after``.

    It sets what differs, removes what is gone, counts the version up and stores the event. It is
    conditional on version and binding id, or on the item's absence for an account's first write.
    Without ``secrets`` the sealed secret is unknown here, and removed when a binding ends. An item
    that could not be read is replaced, on the condition that it is still the one that was read.
    """
    there = before.version and before.unreadable is None
    old, new = _attributes(before.binding) if there else {}, _attributes(after)
    changed = {name: value for name, value in new.items() if old.get(name) != value}
    version = {"N": str(before.next_version(event.at))}
    changed |= {"version": version, "event": {"M": _event_attributes(event)}}
    if event.type in SUPPORT_MARKS:
        changed[SUPPORT_MARKS[event.type]] = version
    removed = [name for name in old if name not in new]
    if before.unreadable is not None:
        removed = [name for name in READABLE_BY_SUPPORT if name not in (*changed, "account")]
    ends = before.binding.state is not State.UNBOUND and after.state is State.UNBOUND
    if before.unreadable is not None or (ends and not secrets):
        removed += SECRET_ATTRIBUTES
    names = {f"#{name}": name for name in [*changed, *removed]}
    values = {f":{name}": value for name, value in changed.items()}
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in changed)
    if removed:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in removed)
    if before.unreadable is not None:
        condition = _same_item(before.unreadable, names, values)
    elif before.version == 0:
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


def _same_item(raw: Item, names: dict[str, str], values: dict[str, Any]) -> str:
    """Return the condition that every attribute is still the one that was read."""
    conditions = []
    for name in READABLE_BY_SUPPORT:
        names[f"#{name}"] = name
        if name in raw:
            values[f":read_{name}"] = raw[name]
            conditions.append(f"#{name} = :read_{name}")
        else:
            conditions.append(f"attribute_not_exists(#{name})")
    return " AND ".join(conditions)


def _same_binding(before: Stored, names: dict[str, str], values: dict[str, Any]) -> str:
    names["#binding"] = "binding"
    if before.binding.binding_id is None:
        return "attribute_not_exists(#binding)"
    values[":seen_binding"] = {"S": before.binding.binding_id}
    return "#binding = :seen_binding"


def _attributes(binding: Binding) -> dict[str, Any]:
    """Return the attributes of a binding. None, zero, False and empty lists are not stored."""
    given: dict[str, Any] = {}
    for field, name, _ in _FIELDS:
        if (value := getattr(binding, field)) not in (None, 0, ()):
            given[name] = attributes.encode(value)
    if binding.sealed is not None:
        given["secret"] = {"B": binding.sealed.blob}
        given["secret_key"] = {"S": binding.sealed.key_id}
    for channel, at in binding.channels.items():
        given[_CHANNEL_ATTRIBUTES[channel]] = {"N": str(at)}
    return given


def _event_attributes(event: Event) -> dict[str, Any]:
    head = {"event_id": event.event_id, "type": event.type, "at": event.at}
    encoded = {name: attributes.encode(value) for name, value in head.items()}
    return {**encoded, **attributes.encode_fields(event.source)}


def _read_event(fields: Item) -> Event | None:
    """Return the event of a write, or None if it is not one that this service writes."""
    optional = ("address", "operator", "ticket", "reason")
    proved = as_mapping(fields.get("operator_proved")).get("BOOL")
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
    source = Source(
        request_id=request_id,
        channel=channel,
        operator_proved=proved if isinstance(proved, bool) else None,
        **texts,
    )
    return Event(event_id, event_type, at, source)


def _whole_number(fields: Item, name: str) -> int | None:
    """Return a whole number that is not negative, or None."""
    try:
        value = number(fields[name])
    except (KeyError, TypeError, ValueError):
        return None
    return value if 0 <= value < _MOST else None
