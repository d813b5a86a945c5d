"""The density of QR codes: the limit that a camera can read, and the issuers that keep it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from chalicelib.core import totp

QUIET_ZONE = 4
"""Light modules on each side of a code (ISO/IEC 18004 section 6.3.8)."""

MOST_MODULES = 77
"""The greatest width of an issuer's codes, counted as in ``qr_modules``: quiet zone included."""

_MOST_BITS = 8 * 334
"""The data bits of a code of that width: version 13, error correction M (ISO/IEC 18004 table 7)."""

_ALPHANUMERIC: Literal[2] = 0b0010
_BYTES: Literal[4] = 0b0100
"""The indicators of the modes (ISO/IEC 18004 table 2)."""

_RUN = re.compile(r"[0-9A-Z $%*+\-./:]{20,}")
"""Text that is shorter in the alphanumeric mode. A short run is not worth two changes of mode."""

_ACCOUNT = "a" * 16
"""The account of 16 characters that makes the widest code: lower case takes a byte for each letter."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a code's text, and the indicator of its mode."""

    text: str
    mode: Literal[2, 4]

    @property
    def bits(self) -> int:
        """The length in bits with mode and count, in versions 10 to 26 (ISO/IEC 18004 section 7.4)."""
        count = len(self.text)
        if self.mode == _ALPHANUMERIC:
            return 4 + 11 + 11 * (count // 2) + 6 * (count % 2)
        return 4 + 16 + 8 * count


def segments(text: str) -> Iterator[Segment]:
    """Yield the parts of an ASCII text, each in the mode that a code holds it in."""
    end = 0
    for run in _RUN.finditer(text):
        if run.start() > end:
            yield Segment(text[end : run.start()], _BYTES)
        yield Segment(run[0], _ALPHANUMERIC)
        end = run.end()
    if end < len(text):
        yield Segment(text[end:], _BYTES)


def is_too_dense(issuer: str) -> bool:
    """Return True if an issuer's code needs too many modules with an account of 16 characters.

    The secret makes no difference, since Base32 is always alphanumeric.
    """
    uri = totp.otpauth_uri(bytes(totp.SECRET_BYTES), issuer, _ACCOUNT)
    return sum(segment.bits for segment in segments(uri)) > _MOST_BITS
