"""Rows of the audit trail: made of a change, as items of the table, and as documents.

A row is flat: strings, whole numbers and booleans by name. One that was damaged since it was written
is shown as far as it can be read.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chalicelib.core.changes import Change, Verdict
from chalicelib.documents import rfc3339

Row = dict[str, Any]

YEAR_SECONDS = 366 * 86_400
"""A year as rows are kept: never shorter than one of the calendar."""

_SOURCE = ("channel", "operator", "operator_proved", "ticket", "reason", "address", "request_id")


def make_row(change: Change, verdict: Verdict, kept_years: int) -> Row:
    """Return the row of a judged change. It follows from the record alone, so that twice is the same.

    A row of a record that names no time is kept for ever.
    """
    before = change.before and change.before.event
    row = {
        "account": change.account,
        "event_id": change.event_id,
        "type": verdict.type.value,
        "at": verdict.at,
        "why": verdict.why and verdict.why.value,
        **(asdict(verdict.source) if verdict.source else {}),
        "sequence_number": change.sequence_number,
        "written_as": change.after and change.after.event_id,
        "version": change.version,
        "version_before": change.version_before,
        "before_at": before and before.at,
        "kept_until": None if change.at is None else change.at + kept_years * YEAR_SECONDS,
    }
    return {name: value for name, value in row.items() if value is not None}


def to_item(row: Row) -> dict[str, Any]:
    """Return a row as an item in DynamoDB's own JSON."""
    return {name: _attribute(value) for name, value in row.items()}


def from_item(item: Mapping[str, Any]) -> Row:
    """Return the row of an item. What no row holds is shown as DynamoDB has it."""
    return {name: _value(attribute) for name, attribute in item.items()}


def entry(row: Row) -> dict[str, str | bool | None]:
    """Return a row as ``lookup`` shows it in the history."""
    return {
        "event_id": _text(row, "event_id"),
        "type": _text(row, "type"),
        "at": readable_time(row.get("at")),
        **{name: _text(row, name) for name in _SOURCE},
    }


def notification(row: Row) -> dict[str, str | bool | None]:
    """Return a row as the topic tells it: with its account, and the reason of a finding."""
    return {"account": _text(row, "account"), **entry(row), "why": _text(row, "why")}


def readable_time(at: Any) -> str | None:
    """Return Unix seconds as people read them, or None if they are none."""
    try:
        return rfc3339(at)
    except (OSError, OverflowError, TypeError, ValueError):
        return None


def _attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"S": str(value)} if isinstance(value, str) else {"N": str(value)}


def _value(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    if kind == "N" and value.removeprefix("-").isdecimal():
        return int(value)
    return value if kind in ("S", "BOOL") else attribute


def _text(row: Row, name: str) -> str | bool | None:
    value = row.get(name)
    return value if isinstance(value, str | bool) else None
