"""An account's audit rows as a chain: each row seals itself and the seal of the row before it.

A row is an item of the audit table in DynamoDB's own JSON. Whoever lacks the key can take rows
away or change them, but not so that the rest still fits.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_POSITION_DIGITS = 12
_ROW = re.compile(r"([0-9]{12})-[0-9a-f]{12}")

ROWS_END = ":"
"""What sorts after every row of an account and before every other item that the table keeps for it."""

SEAL = "hmac"
"""The attribute that holds a row's seal."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a row needs to know of the one before it; ``at`` and ``kept_until`` in Unix seconds.

    Position 0 stands for none: the row is the account's first.
    """

    position: int = 0
    seal: str = ""
    at: int = 0
    kept_until: int = 0


def row_id(account: str, position: int) -> str:
    """The ``event_id`` of the row at a position, counted from 1.

    It sorts by position and follows from account and position alone, so that two rows can never
    share a position; the account's digest keeps ids of different accounts apart.
    """
    digest = hashlib.sha256(account.encode()).hexdigest()[:12]
    return f"{position:0{_POSITION_DIGITS}}-{digest}"


def position_of(account: str, event_id: str) -> int | None:
    """The position that an ``event_id`` stands for, or None where it is not one of the account's."""
    match = _ROW.fullmatch(event_id)
    position = int(match[1]) if match else 0
    return position if position and event_id == row_id(account, position) else None


def link_of(row: Mapping[str, Any]) -> Link | None:
    """What the next row is chained to; None where the item is no row of its account.

    What cannot be read of a damaged row is left empty: the damage shows in the row itself.
    """
    position = position_of(row["account"]["S"], row["event_id"]["S"])
    if position is None:
        return None
    return Link(
        position=position,
        seal=str(row.get(SEAL, {}).get("S", "")),
        at=_time(row, "at"),
        kept_until=_time(row, "kept_until"),
    )


def _time(row: Mapping[str, Any], name: str) -> int:
    digits = str(row.get(name, {}).get("N", ""))
    return int(digits) if digits.isdecimal() else 0


def seal(row: Mapping[str, Any], key: bytes) -> str:
    """The HMAC-SHA-256 (RFC 2104) over everything in the row but the seal itself, in hexadecimal.

    The row names the seal before it, so that is sealed too. Attributes are sorted by name, so an
    item has one form only.
    """
    rest = {name: value for name, value in row.items() if name != SEAL}
    # default=repr: bytes and sets come only from other hands; they must fail the seal, not the reader.
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), default=repr)
    return hmac.new(key, b"totp-binding trail\n" + text.encode(), hashlib.sha256).hexdigest()


def is_sealed(row: Mapping[str, Any], key: bytes) -> bool:
    """Whether the row's seal is the one that the key gives it."""
    given = row.get(SEAL, {}).get("S")
    return isinstance(given, str) and hmac.compare_digest(given.encode(), seal(row, key).encode())
