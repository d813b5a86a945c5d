"""Formats an account's status and its history for a terminal."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from infra.support.words import Words


def standing(found: dict[str, Any], words: Words) -> str:
    """Return an account's status, one line for each property."""
    channels = found["channels"]
    locked_until = found["locked_until"]
    rows = [
        ("account", found["account"]),
        ("state", words.of("state", found["state"])),
        ("bound_at", local_time(found["bound_at"], words)),
        ("desktop", local_time(channels["desktop"], words)),
        ("mobile", local_time(channels["mobile"], words)),
        ("failures", str(found["failures"])),
        ("locked_until", local_time(locked_until, words)),
        ("suspended", words("yes" if found["suspended"] else "no")),
    ]
    return table([[words(f"label.{name}"), value] for name, value in rows])


def history(events: Sequence[dict[str, Any]], words: Words) -> str:
    """Return the events of an account as a table."""
    columns = ("at", "type", "channel", "operator", "ticket", "reason", "address")
    lines = [[words(f"column.{name}") for name in columns]]
    for event in events:
        line = {name: words.of(name, event.get(name)) for name in columns}
        lines.append([*(line | {"at": local_time(event.get("at"), words)}).values()])
    return table(lines)


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
