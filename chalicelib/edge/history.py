"""Audit rows as documents: for support's history, and for those who must hear of them.

A row may have been damaged since it was written; what cannot be read of it is null here, and is
told by the chain's own check.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.aws.clients import number
from chalicelib.core.chain import SEAL
from chalicelib.edge.times import rfc3339

_SOURCE = ("channel", "operator", "ticket", "reason", "address", "request_id")


def entry(row: Mapping[str, Any]) -> dict[str, str | None]:
    """A row as ``lookup`` shows it."""
    return {
        "event_id": _text(row, "event_id"),
        "type": _text(row, "type"),
        "at": _time(row),
        **{name: _text(row, name) for name in _SOURCE},
    }


def notification(row: Mapping[str, Any]) -> dict[str, str | None]:
    """A row as the topic tells it: whose it is, by what a finding shows itself, and the row's seal."""
    return {
        "account": _text(row, "account"),
        **entry(row),
        "why": _text(row, "why"),
        SEAL: _text(row, SEAL),
    }


def _text(row: Mapping[str, Any], name: str) -> str | None:
    attribute = row.get(name)
    return attribute.get("S") if isinstance(attribute, Mapping) else None


def _time(row: Mapping[str, Any]) -> str | None:
    try:
        return rfc3339(number(row["at"]))
    except (KeyError, OSError, OverflowError, TypeError, ValueError):
        return None
