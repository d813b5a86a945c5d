"""``make screenshots``: the pictures of the page that README and guides show, in each language."""

import re
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Locator

from infra.environment import ROOT
from infra.local import presets
from tests.kit.stack import Stack, running_stack
from tests.kit.window import LANGUAGES, NARROW, WIDE, Window, chromium

IMAGES = ROOT / "docs" / "images"
ERRORS = ROOT / "build" / "errors"
"""Pictures of the errors, to be looked at and not committed."""

TRAIL_SECONDS = 3
"""Seconds after which an event is surely in the history."""


class Camera:
    """Takes pictures of one window in one language."""

    def __init__(self, browser: Browser, stack: Stack, language: str, size: dict[str, int]) -> None:
        context = browser.new_context(locale=language, viewport=size, device_scale_factor=1)
        self.window = Window(context.new_page())
        self.window.page.goto(stack.url)
        self.stack = stack
        self.language = language

    def shoot(self, name: str, part: Locator | None = None, folder: Path = IMAGES) -> None:
        """The whole page, or a part of it, as ``<name>-<language>.png``."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}-{self.language}.png"
        self.window.page.mouse.move(0, 0)
        if part is None:
            self.window.page.screenshot(path=path, full_page=True)
        else:
            part.screenshot(path=path)


def story(camera: Camera, account: str) -> None:
    """Take an account from the first login to the unbinding."""
    window, stack = camera.window, camera.stack
    desktop, phone, support = window.desktop, window.phone, window.support
    camera.shoot("start")
    phone.log_in(account)
    phone.notice.wait_for()
    camera.shoot("phone-unbound", phone.device)
    window.page.locator("#authenticator-switch").click()
    desktop.log_in(account)
    desktop.notice.wait_for()
    camera.shoot("desktop-unbound", desktop.device)
    secret = desktop.show_qr()
    camera.shoot("desktop-qr", desktop.device)
    camera.shoot("authenticator", window.page.locator("#authenticator"))
    window.look_up(account)
    camera.shoot("scenes")
    window.page.locator("#authenticator-switch").click()
    code = stack.code(secret)
    desktop.type(code)
    desktop.done.wait_for()
    camera.shoot("desktop-bound", desktop.device)
    phone.press()
    phone.boxes.first.wait_for()
    camera.shoot("phone-code", phone.device)
    refused(camera, code, "phone-code-used")
    refused(camera, stack.code(secret, -4), "phone-code-expired")
    refused(camera, stack.wrong_code(secret), "phone-wrong-code")
    phone.type(stack.code(secret, 1))
    phone.done.wait_for()
    camera.shoot("phone-bound", phone.device)
    phone.press("quiet")
    phone.log_in(account)
    phone.boxes.first.wait_for()
    for left in range(4, 0, -1):
        phone.type(stack.wrong_code(secret))
        phone.notice.get_by_text(re.compile(f"[：:] ?{left}[。.]")).wait_for()
    phone.type(stack.wrong_code(secret))
    phone.part.locator(".wait").wait_for()
    camera.shoot("phone-locked", phone.device)
    time.sleep(TRAIL_SECONDS)
    window.look_up(account)
    camera.shoot("support-locked", support.device)
    support.unbind("T-1001")
    support.part.locator(".notice.good").wait_for()
    time.sleep(TRAIL_SECONDS)
    support.part.locator(".who .link").click()
    window.page.wait_for_timeout(300)
    camera.shoot("support-unbound", support.device)
    camera.shoot("feed", window.page.locator("#feed"))


def refused(camera: Camera, code: str, name: str) -> None:
    """Take the phone's screen after a refused code."""
    phone = camera.window.phone
    phone.type(code)
    phone.part.locator(".slot .notice").wait_for()
    phone.part.locator("form.code:not([aria-busy=true])").wait_for()
    camera.shoot(name, phone.device)


def states(camera: Camera) -> None:
    """The states of preset accounts that the story does not show."""
    window = camera.window
    for scene, account, name in (
        (window.desktop, presets.PENDING, "desktop-pending"),
        (window.phone, presets.LOCKED, "phone-locked-at-login"),
        (window.phone, presets.SUSPENDED, "phone-suspended"),
        (window.desktop, presets.UNAVAILABLE, "desktop-unavailable"),
        (window.desktop, presets.LOGIN_TOO_OLD, "desktop-login-expired"),
    ):
        window.choose_account(account)
        scene.press()
        scene.notice.wait_for()
        camera.shoot(name, scene.device)


def errors(camera: Camera) -> None:
    """Take every error of the contract."""
    part = camera.window.page.locator("#errors")
    for chip in part.locator(".chip").all():
        name = chip.inner_text()
        chip.click()
        part.locator(".fine", has_text=name).wait_for()
        camera.shoot(name, part.locator(".shown"), ERRORS)


def main() -> int:
    """Take every picture. Returns the exit status."""
    with TemporaryDirectory() as folder, running_stack(Path(folder)) as stack, chromium() as browser:
        for number, language in enumerate(LANGUAGES, start=2):
            camera = Camera(browser, stack, language, WIDE)
            story(camera, f"880000{number:02}")
            states(camera)
            errors(camera)
            camera.window.page.context.close()
            small = Camera(browser, stack, language, NARROW)
            small.shoot("small")
            small.window.page.context.close()
            print(f"{language}: done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
