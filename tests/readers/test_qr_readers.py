"""QR codes under four readers that are not ours: as shown, at half size, turned, and as a poor JPEG."""

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy
import pytest
import zxingcpp

from chalicelib import wiring
from infra.environment import ROOT
from tests.kit.figures import record
from tests.kit.user import User

Picture = Any


def as_shown(picture: Picture) -> Picture:
    return picture


def half_size(picture: Picture) -> Picture:
    return cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def turned(degrees: float) -> Callable[[Picture], Picture]:
    def turn(picture: Picture) -> Picture:
        wide = cv2.copyMakeBorder(
            picture, *[picture.shape[0] // 4] * 4, cv2.BORDER_CONSTANT, value=[255] * 3
        )
        middle = (wide.shape[1] / 2, wide.shape[0] / 2)
        rotation = cv2.getRotationMatrix2D(middle, degrees, 1)
        return cv2.warpAffine(wide, rotation, wide.shape[1::-1], borderValue=[255] * 3)

    return turn


def jpeg_30(picture: Picture) -> Picture:
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 30])
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)


def upside_down(picture: Picture) -> Picture:
    return cv2.rotate(picture, cv2.ROTATE_180)


CHANGES = {
    "as shown": as_shown,
    "half size": half_size,
    "turned by 10 degrees": turned(10),
    "turned by 90 degrees": turned(90),
    "upside down": upside_down,
    "JPEG 30": jpeg_30,
    "half size, JPEG 30": lambda picture: jpeg_30(half_size(picture)),
}


def by_zbar(path: Path, picture: Picture) -> str:
    command = ["zbarimg", "-q", "--raw", "-S*.disable", "-Sqrcode.enable", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def by_zxing(path: Path, picture: Picture) -> str:
    return "".join(found.text for found in zxingcpp.read_barcodes(picture))


def by_opencv(path: Path, picture: Picture) -> str:
    # The older of OpenCV's two detectors misses one code in twelve, however it is shown.
    return cv2.QRCodeDetectorAruco().detectAndDecode(picture)[0]


def by_jsqr(path: Path, picture: Picture) -> str:
    script = ROOT / "build" / "readers" / "jsqr.mjs"
    script.write_bytes((Path(__file__).parent / "jsqr.mjs").read_bytes())
    done = subprocess.run(["node", str(script), str(path)], capture_output=True, timeout=60, check=True)
    return json.loads(done.stdout)[0] or ""


READERS = {"zbar": by_zbar, "zxing-cpp": by_zxing, "opencv": by_opencv, "jsqr": by_jsqr}
READ: set[tuple[str, str, str]] = set()


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("issuer", ["极星期货", "Polestar", "极星量化交易终端"])
def test_each_reader_reads_the_uri(
    issuer: str, reader: str, change: str, user: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("OTP_ISSUER", issuer)
    wiring.reset()
    shown = user.bind().json
    png = numpy.frombuffer(base64.b64decode(shown["qr_png"].partition(",")[2]), numpy.uint8)
    picture = CHANGES[change](cv2.imdecode(png, cv2.IMREAD_COLOR))
    path = tmp_path / "code.png"
    cv2.imwrite(str(path), picture)
    assert READERS[reader](path, picture) == shown["otpauth_uri"]
    READ.add((issuer, reader, change))
    record("QR readers", readers=len({one for _, one, _ in READ}), pictures=len(READ))
