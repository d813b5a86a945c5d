"""Codes made and QR codes read by programs that share nothing with the service."""

import base64
import subprocess
from pathlib import Path


def oathtool(secret: str, at: float) -> str:
    """The code that OATH Toolkit makes of a secret at a time."""
    return _printed("oathtool", "--totp", "--base32", f"--now=@{int(at)}", secret)


def zbarimg(picture: Path) -> str:
    """The text that ZBar reads in a picture of a QR code."""
    return _printed("zbarimg", "--quiet", "--raw", str(picture))


def zbarimg_of_uri(data_uri: str, folder: Path) -> str:
    """The text that ZBar reads in a QR code that came as a data URI."""
    picture = folder / "qr.png"
    picture.write_bytes(base64.b64decode(data_uri.removeprefix("data:image/png;base64,")))
    return zbarimg(picture)


def _printed(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
