"""A QR code as a PNG in a data URI, which a client can show without fetching anything."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

import qrcode
from png import Writer
from qrcode.constants import ERROR_CORRECT_M
from qrcode.util import QRData

from chalicelib.core.density import QUIET_ZONE, segments

PIXELS = 6
"""Pixels in the width and height of a module."""


@dataclass(frozen=True, slots=True)
class QrCode:
    """A drawn code: a data URI, and its width in modules, quiet zone included."""

    png: str
    modules: int


def draw(text: str) -> QrCode:
    """Return the QR code of an ASCII text: ISO/IEC 18004, error correction M."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_ZONE)
    for segment in segments(text):
        code.add_data(QRData(segment.text, segment.mode))
    modules = code.get_matrix()
    size = len(modules) * PIXELS
    buffer = io.BytesIO()
    Writer(size, size, greyscale=True, bitdepth=1).write_packed(buffer, _rows(modules, size))
    png = base64.b64encode(buffer.getvalue()).decode("ascii")
    return QrCode(f"data:image/png;base64,{png}", len(modules))


def _rows(modules: list[list[bool]], size: int) -> Iterator[bytes]:
    """Yield rows of pixels, eight in a byte. One pixel at a time would double the time of a binding."""
    light, dark = "1" * PIXELS, "0" * PIXELS
    for modules_of_row in modules:
        pixels = "".join(dark if is_dark else light for is_dark in modules_of_row)
        padded = pixels.ljust(size + -size % 8, "1")
        row = int(padded, 2).to_bytes(len(padded) // 8, "big")
        for _ in range(PIXELS):
            yield row
