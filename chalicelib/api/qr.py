"""A QR code as a PNG in a data URI, which a client can show without fetching anything."""

import base64
import io
from collections.abc import Iterator

import qrcode
from png import Writer
from qrcode.constants import ERROR_CORRECT_M

BORDER = 4
"""Modules of quiet zone on each side (ISO/IEC 18004 section 6.3.8)."""

PIXELS = 6
"""Pixels in the width and height of a module."""


def png_data_uri(text: str) -> str:
    """Return the QR code of a text as a data URI: ISO/IEC 18004, error correction M, quiet zone of 4."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=BORDER)
    code.add_data(text)
    modules = code.get_matrix()
    size = len(modules) * PIXELS
    buffer = io.BytesIO()
    Writer(size, size, greyscale=True, bitdepth=1).write_packed(buffer, _rows(modules, size))
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _rows(modules: list[list[bool]], size: int) -> Iterator[bytes]:
    """Yield rows of pixels, eight in a byte. One pixel at a time would double the time of a binding."""
    light, dark = "1" * PIXELS, "0" * PIXELS
    for modules_of_row in modules:
        pixels = "".join(dark if is_dark else light for is_dark in modules_of_row)
        padded = pixels.ljust(size + -size % 8, "1")
        row = int(padded, 2).to_bytes(len(padded) // 8, "big")
        for _ in range(PIXELS):
            yield row
