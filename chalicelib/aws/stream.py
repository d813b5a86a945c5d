"""Records of the bindings table's stream, read as far as they can be. Nothing here ever fails."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from chalicelib.aws.clients import number
from chalicelib.core.binding import State
from chalicelib.core.channel import Channel
from chalicelib.core.event import Event, Happening, Source
from chalicelib.core.trail import Change, Image

NO_ACCOUNT = "(unknown)"
"""Under which name the trail keeps a record that names no account; no account can have it."""

LONGEST_TEXT = 128
"""Characters of any text in an event that the service writes, and more."""

_LATEST = 253_402_300_799
"""The last second of the year 9999, where dates end."""

_TOO_GREAT = 10**30
"""DynamoDB keeps 38 digits; no version ever comes near."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def read_change(record: object) -> Change:
    """A record as Lambda delivers it; one that cannot be read is a change with no image after it."""
    outer = _mapping(record)
    inner = _mapping(outer.get("dynamodb"))
    images = [inner.get(name) for name in ("OldImage", "NewImage")]
    kind = outer.get("eventName")
    needed = {"INSERT": images[1:], "MODIFY": images}.get(str(kind), [None])
    readable = all(isinstance(image, Mapping) for image in needed)
    return Change(
        record_id=_record_id(outer, inner),
        account=_text(_mapping(inner.get("Keys")), "account", longest=2_048) or NO_ACCOUNT,
        sequence_number=_string(inner.get("SequenceNumber")),
        at=_time(inner.get("ApproximateCreationDateTime")),
        deleted=kind == "REMOVE",
        before=_image(images[0]) if kind in ("MODIFY", "REMOVE") else None,
        after=_image(images[1]) if readable else None,
    )


def read_image(item: Mapping[str, Any]) -> Image:
    """An item of the bindings table, as far as it can be read."""
    try:
        state = State(item["state"]["S"])
    except (KeyError, TypeError, ValueError):
        state = None
    event = _mapping(_mapping(item.get("event")).get("M"))
    return Image(
        version=_number(item, "version"),
        state=state,
        binding_id=_text(item, "binding"),
        event_id=_text(event, "event_id"),
        event=_event(event),
    )


def _image(item: object) -> Image | None:
    return read_image(item) if isinstance(item, Mapping) else None


def _event(fields: Mapping[str, Any]) -> Event | None:
    """The event that a write carried; None where it is not one that the service writes."""
    optional = ("address", "operator", "ticket", "reason")
    texts = {name: _text(fields, name) for name in optional}
    event_id, request_id = _text(fields, "event_id"), _text(fields, "request_id")
    at = _number(fields, "at")
    try:
        happening = Happening(fields["type"]["S"])
        channel = Channel(fields["channel"]["S"]) if "channel" in fields else None
    except (KeyError, TypeError, ValueError):
        return None
    if event_id is None or request_id is None or at is None or at > _LATEST:
        return None
    if any(name in fields and text is None for name, text in texts.items()):
        return None
    return Event(event_id, happening, at, Source(request_id=request_id, channel=channel, **texts))


def _record_id(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> str:
    """The record's own identity; of one that has none, a digest of it, which is the same each time."""
    for given in (outer.get("eventID"), inner.get("SequenceNumber")):
        if (text := _string(given)) is not None:
            return text
    return hashlib.sha256(repr(outer).encode(errors="replace")).hexdigest()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _string(value: object, longest: int = LONGEST_TEXT) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= longest or _LONE_SURROGATE.search(value):
        return None
    return value


def _text(fields: Mapping[str, Any], name: str, longest: int = LONGEST_TEXT) -> str | None:
    return _string(_mapping(fields.get(name)).get("S"), longest)


def _number(fields: Mapping[str, Any], name: str) -> int | None:
    """A whole number that is not negative."""
    try:
        value = number(fields[name])
    except (KeyError, TypeError, ValueError):
        return None
    return value if 0 <= value < _TOO_GREAT else None


def _time(value: object) -> int | None:
    """Unix seconds, which Lambda gives with or without a fraction."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LATEST:
        return int(value)
    return None
