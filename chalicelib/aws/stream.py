"""Records of the bindings table's stream, read as far as possible. Reading never raises."""

import hashlib
from collections.abc import Mapping
from typing import Any

from chalicelib.aws.items import LAST_TIME, as_mapping, read_image, text, valid_text
from chalicelib.core.changes import Change, Image

NO_ACCOUNT = "(unknown)"
"""The account under which a record that names none is kept. No account can have this id."""

_LONGEST_KEY = 2_048
"""Characters of a partition key that DynamoDB allows."""


def read_change(record: object, *, with_images: bool = True) -> Change:
    """Return the change of a record as Lambda delivers it.

    A record that cannot be read becomes a change with no image after it, and so does any other if
    its images are not to be looked at.
    """
    outer = as_mapping(record)
    inner = as_mapping(outer.get("dynamodb"))
    kind = outer.get("eventName") if with_images else None
    images = [inner.get(name) for name in ("OldImage", "NewImage")]
    needed = {"INSERT": images[1:], "MODIFY": images}.get(str(kind), [None])
    readable = all(isinstance(image, Mapping) for image in needed)
    return Change(
        record_id=_record_id(outer, inner),
        account=text(as_mapping(inner.get("Keys")), "account", _LONGEST_KEY) or NO_ACCOUNT,
        sequence_number=valid_text(inner.get("SequenceNumber")),
        at=_time(inner.get("ApproximateCreationDateTime")),
        deleted=kind == "REMOVE",
        before=_image(images[0]) if kind in ("MODIFY", "REMOVE") else None,
        after=_image(images[1]) if readable else None,
    )


def _image(item: object) -> Image | None:
    return read_image(item) if isinstance(item, Mapping) else None


def _record_id(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> str:
    """Return a digest of the record's identity, or of the whole record if it has none."""
    names = [valid_text(name) for name in (outer.get("eventID"), inner.get("SequenceNumber"))]
    identity = repr(names if any(names) else outer)
    return hashlib.sha256(identity.encode(errors="replace")).hexdigest()[:16]


def _time(value: object) -> int | None:
    """Return Unix seconds, which Lambda gives with or without a fraction."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LAST_TIME:
        return int(value)
    return None
