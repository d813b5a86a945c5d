"""A QR code on the page: whole pixels for each module, three at least, at every width and zoom."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route

from chalicelib.api.qr import draw
from chalicelib.core.totp import otpauth_uri
from tests.kit.window import Window, zbarimg

WIDTHS = (320, 360, 390, 561, 768, 900, 1024, 1100, 1280, 1440, 1920)
RATIOS = (1, 1.25, 1.5, 2, 3)
ISSUERS = {"usual": "极星期货", "densest": "期" * 20}
ACCOUNT = "a" * 16

MEASURE = """image => {
  const box = image.getBoundingClientRect();
  const around = image.closest(".screen").getBoundingClientRect();
  return {
    width: box.width, height: box.height, ratio: devicePixelRatio,
    inside: box.left >= around.left && box.right <= around.right,
    fits: document.documentElement.scrollWidth <= document.documentElement.clientWidth,
  };
}"""


def with_code_of(window: Window, uri: str) -> int:
    """Have the API's next QR codes say this; the width in modules."""
    drawn = draw(uri)

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json() | {"qr_png": drawn.png, "qr_modules": drawn.modules, "otpauth_uri": uri}
        route.fulfill(response=response, body=json.dumps(body))

    window.page.route("**/api/bind", answer)
    return drawn.modules


def check(window: Window, modules: int) -> None:
    image = window.desktop.part.locator(".qr img")
    measured: Any = image.evaluate(MEASURE)
    pixels = measured["width"] * measured["ratio"] / modules
    assert measured["width"] == pytest.approx(measured["height"])
    assert pixels == pytest.approx(round(pixels), abs=0.01), measured
    assert pixels >= 3 * max(1, measured["ratio"]) - 0.01, measured
    assert measured["inside"], measured
    assert measured["fits"], measured


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("issuer", ISSUERS)
def test_each_module_has_whole_pixels_at_every_width(
    open_window: Callable[..., Window], account: str, tmp_path: Path, ratio: float, issuer: str
):
    window = open_window(size={"width": 1440, "height": 1000}, device_scale_factor=ratio)
    uri = otpauth_uri(bytes(range(20)), ISSUERS[issuer], ACCOUNT)
    modules = with_code_of(window, uri)
    window.desktop.log_in(account)
    window.desktop.notice.wait_for()
    window.desktop.show_qr()
    for width in WIDTHS:
        window.page.set_viewport_size({"width": width, "height": 1000})
        check(window, modules)
    for width in (WIDTHS[0], WIDTHS[-1]):
        window.page.set_viewport_size({"width": width, "height": 1000})
        window.desktop.part.locator(".qr img").screenshot(path=tmp_path / "code.png")
        assert zbarimg(tmp_path / "code.png") == uri


def test_a_code_is_fitted_again_when_the_window_is_zoomed(
    open_window: Callable[..., Window], account: str
):
    window = open_window()
    modules = with_code_of(window, otpauth_uri(bytes(range(20)), ISSUERS["densest"], ACCOUNT))
    window.desktop.log_in(account)
    window.desktop.notice.wait_for()
    window.desktop.show_qr()
    check(window, modules)
    devtools = window.page.context.new_cdp_session(window.page)
    for ratio in (1.1, 0.8, 1.75):
        zoomed = {"width": int(1440 / ratio), "height": 900, "deviceScaleFactor": ratio, "mobile": False}
        devtools.send("Emulation.setDeviceMetricsOverride", zoomed)
        window.page.wait_for_function("ratio => Math.abs(devicePixelRatio - ratio) < 0.01", arg=ratio)
        window.page.evaluate("new Promise(resolve => requestAnimationFrame(resolve))")
        check(window, modules)
