"""Formats an account's status and its history for a terminal."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from infra.support.words import Words


def standing(found: dict[str, Any], words: Words) -> str:
    """Return an account's status, one line for each property, and the requests that wait."""
    shown = {"account": found["account"], "state": words.of("state", found["state"])}
    if found["state"] != "unreadable":
        shown |= {
            "bound_at": local_time(found["bound_at"], words),
            "desktop": local_time(found["channels"]["desktop"], words),
            "mobile": local_time(found["channels"]["mobile"], words),
            "failures": str(found["failures"]),
            "month_failures": str(found["month_failures"]),
            "locked_until": local_time(found["locked_until"], words),
            "suspended": words("yes" if found["suspended"] else "no"),
        }
    parts = [table([[words(f"label.{name}"), value] for name, value in shown.items()])]
    if found["waiting"]:
        parts.append(_waiting(found["waiting"], words))
    if found["state"] == "unreadable":
        parts.append(words("unreadable"))
    elif not found["known"]:
        parts.append(words("unknown", account=found["account"]))
    return "\n".join(parts)


def history(events: Sequence[dict[str, Any]], words: Words) -> str:
    """Return the events of an account as a table."""
    columns = ("at", "type", "channel", "operator", "ticket", "reason", "address")
    lines = [[words(f"column.{name}") for name in columns]]
    for event in events:
        line = {name: words.of(name, event.get(name)) for name in columns}
        line |= {"at": local_time(event.get("at"), words), "operator": _operator(event, words)}
        lines.append([*line.values()])
    return table(lines)


def _waiting(requests: Sequence[dict[str, Any]], words: Words) -> str:
    """Return the requests that wait for another operator's approval as a table."""
    columns = ("ticket", "request", "operator", "reason", "expires_at")
    lines = [[words(f"column.{name}") for name in columns]]
    for request in requests:
        line = {name: words.of(name, request[name]) for name in columns}
        lines.append([*(line | {"expires_at": local_time(request["expires_at"], words)}).values()])
    return f"{words('waiting_requests')}\n{table(lines)}"


def _operator(event: dict[str, Any], words: Words) -> str:
    """Return an operator by the session's name. A name that is only the caller's claim says so."""
    name = event.get("operator")
    if name is None:
        return words("none")
    if event.get("operator_proved"):
        return session_name(str(name))
    return words("claimed", operator=name)


def session_name(operator: str) -> str:
    """Return the session's name of an operator's ARN. An operator without an ARN is returned as is."""
    return operator.rpartition("/")[2] if operator.startswith("arn:") else operator


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows in columns, each as wide as its widest cell on a terminal."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*shown, strict=True)]
    return "\n".join(
        "  ".join(
            cell + " " * (room - width(cell)) for cell, room in zip(row, widths, strict=True)
        ).rstrip()
        for row in shown
    )


def local_time(at: str | None, words: Words) -> str:
    """Return a time of the contract in this machine's time zone, with its offset from UTC."""
    if at is None:
        return words("none")
    return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def printable(text: str) -> str:
    """Return the text without characters that could move the cursor or change the writing direction."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def width(text: str) -> int:
    """Return the columns that a text takes on a terminal: two for wide characters (Unicode Annex 11)."""
    return sum(
        0
        if unicodedata.combining(character)
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )
