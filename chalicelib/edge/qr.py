"""A QR code of a URI, as a PNG that a client can show without fetching anything."""

import base64
import io

import qrcode
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.pure import PyPNGImage


def png_data_uri(text: str) -> str:
    """The QR code of a text as a data URI: ISO/IEC 18004, error correction M, quiet zone of 4."""
    code = qrcode.QRCode(
        error_correction=ERROR_CORRECT_M, box_size=6, border=4, image_factory=PyPNGImage
    )
    code.add_data(text)
    buffer = io.BytesIO()
    code.make_image().save(buffer)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
