"""Values that must never show, in every spelling, and a search for them."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

LETTERS = "0-9A-Za-z"


@dataclass
class Hidden:
    """Secrets, codes, tokens, proofs and passes, by the kind of each."""

    texts: dict[str, str] = field(default_factory=dict)
    raw: dict[bytes, str] = field(default_factory=dict)
    digits: dict[str, str] = field(default_factory=dict)

    def text(self, kind: str, value: str) -> None:
        """Hide a text. A token is hidden by each of its parts, except a header that others share."""
        for part in value.split(".") if kind in ("token", "pass") else [value]:
            if len(part) >= 16 and not part.startswith("eyJhbGciOi"):
                self.texts[part[:60]] = kind

    def key(self, kind: str, value: bytes) -> None:
        """Hide bytes, as they are and as hexadecimal, Base64 and Base32."""
        self.raw[value] = kind
        piece = value[:18]
        for spelled in (
            piece.hex(),
            piece.hex().upper(),
            base64.b64encode(piece).decode(),
            base64.urlsafe_b64encode(piece).decode(),
            base64.b32encode(value[:15]).decode(),
            repr(piece)[2:-1],
        ):
            self.texts[spelled] = kind

    def code(self, kind: str, value: str) -> None:
        """Hide digits, wherever they stand alone."""
        self.digits[value] = kind

    @property
    def size(self) -> int:
        return len(self.texts) + len(self.raw) + len(self.digits)

    def found_in(self, where: str, value: Any) -> Iterator[str]:
        """Yield the kind and place of each thing that shows in a value of any type."""
        for octets in binaries(value):
            yield from (f"{kind} in {where}" for raw, kind in self.raw.items() if raw in octets)
        words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)
        yield from (f"{kind} in {where}" for text, kind in self.texts.items() if text in words)
        alone = set(re.findall(f"(?<![{LETTERS}])[0-9]{{6,8}}(?![{LETTERS}])", words))
        yield from (f"{self.digits[code]} in {where}" for code in alone & self.digits.keys())


def binaries(value: Any) -> Iterator[bytes]:
    """Yield every binary value inside."""
    if isinstance(value, bytes | bytearray):
        yield bytes(value)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from binaries(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from binaries(inner)
