"""Rows of the audit table as documents.

A row may have been damaged since it was written. What cannot be read of it is null here.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.aws.items import number
from chalicelib.documents import rfc3339

_SOURCE = ("channel", "operator", "ticket", "reason", "address", "request_id")


def entry(row: Mapping[str, Any]) -> dict[str, str | None]:
    """Return a row as ``lookup`` shows it in the history."""
    return {
        "event_id": string(row, "event_id"),
        "type": string(row, "type"),
        "at": _time(row),
        **{name: string(row, name) for name in _SOURCE},
    }


def string(row: Mapping[str, Any], name: str) -> str | None:
    """Return a string attribute of a row, or None if it is none."""
    attribute = row.get(name)
    return attribute.get("S") if isinstance(attribute, Mapping) else None


def _time(row: Mapping[str, Any]) -> str | None:
    try:
        return rfc3339(number(row["at"]))
    except (KeyError, OSError, OverflowError, TypeError, ValueError):
        return None
