"""The QR code in an answer: a PNG in a data URI."""

import base64
import io

import png

from chalicelib.api.qr import draw
from chalicelib.core.totp import otpauth_uri

PREFIX = "data:image/png;base64,"


def rows_of(uri: str) -> list[list[int]]:
    _, _, rows, _ = png.Reader(bytes=base64.b64decode(uri.removeprefix(PREFIX), validate=True)).read()
    return [list(row) for row in rows]


def test_a_qr_code_is_a_png_in_a_data_uri():
    uri = draw(otpauth_uri(bytes(20), "极星期货", "88000001")).png
    assert uri.startswith(PREFIX)
    assert base64.b64decode(uri.removeprefix(PREFIX)).startswith(b"\x89PNG\r\n\x1a\n")
    width, height, *_ = png.Reader(file=io.BytesIO(base64.b64decode(uri.removeprefix(PREFIX)))).read()
    assert width == height > 100


def test_a_qr_code_has_a_quiet_zone_of_four_modules_of_six_pixels_and_then_a_finder():
    rows = rows_of(draw("otpauth://totp/a:b").png)
    light, dark = rows[0][0], rows[24][24]
    assert light != dark
    assert all(pixel == light for row in rows[:24] for pixel in row)
    assert all(row[:24] == [light] * 24 for row in rows)
    assert rows[24][24 : 24 + 48] == [dark] * 42 + [light] * 6


def test_the_same_text_gives_the_same_picture_and_another_text_another():
    assert draw("one") == draw("one") != draw("two")


def test_the_longest_account_still_fits():
    uri = otpauth_uri(bytes(20), "期" * 30, "a" * 64)
    assert len(rows_of(draw(uri).png)) > 100
