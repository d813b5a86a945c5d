"""Windows of Debian's Chromium on the page."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from infra.environment import ROOT
from infra.local.stack import DEMO_PASSWORD

PAGE = ROOT / "infra" / "local" / "page"
LANGUAGES = ("zh-CN", "zh-HK", "en")
CHROMIUM = "/usr/bin/chromium-headless-shell"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
WIDE, NARROW = {"width": 1440, "height": 1000}, {"width": 390, "height": 844}
expect.set_options(timeout=10_000)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield Debian's Chromium, without a display."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


def words(language: str) -> dict[str, str]:
    """The page's own words in a language, by their keys."""
    text = (PAGE / "words" / f"{language}.js").read_text("utf-8")
    return dict(re.findall(r'^  (\w+): "(.*)",$', text, re.MULTILINE))


@dataclass
class Scene:
    """One of the page's scenes, with the parts that people see and press."""

    part: Locator

    @property
    def device(self) -> Locator:
        """The window or handset of the scene, without its API calls."""
        return self.part.locator(".device")

    @property
    def notice(self) -> Locator:
        """The notice of an error, or of the state of the account."""
        return self.part.locator(".notice")

    @property
    def done(self) -> Locator:
        """The sign that a login has succeeded."""
        return self.part.locator(".done")

    @property
    def boxes(self) -> Locator:
        return self.part.locator("input.digit")

    @property
    def code(self) -> Locator:
        """The code of the error that is shown."""
        return self.notice.locator("code")

    def press(self, kind: str = "primary") -> None:
        self.part.locator(f".screen button.{kind}").first.click()

    def log_in(self, account: str, password: str = DEMO_PASSWORD) -> None:
        fields = self.part.locator(".screen input")
        fields.nth(0).fill(account)
        fields.nth(1).fill(password)
        fields.nth(1).press("Enter")

    def type(self, code: str) -> None:
        """Type a code, digit by digit, into empty boxes."""
        self.boxes.first.click()
        self.part.page.keyboard.type(code)

    def unbind(self, ticket: str) -> None:
        """Request an unbinding and confirm it."""
        self.part.locator(".unbind input").fill(ticket)
        self.press("danger")
        self.part.locator(".errands .danger").click()

    def show_qr(self) -> str:
        """Ask for a QR code. Returns the secret that the page shows for typing by hand."""
        self.press()
        key = self.part.locator(".key")
        key.wait_for()
        return key.inner_text().replace(" ", "")


@dataclass
class Window:
    """A browser window on the page, with the errors in it."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.desktop = Scene(self.page.locator("#desktop"))
        self.phone = Scene(self.page.locator("#phone"))
        self.support = Scene(self.page.locator("#support"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        # Chromium reports every status from 400 on. The page shows those on purpose.
        if message.type == "error" and not re.match(
            "Failed to load resource: .* status of", message.text
        ):
            self.complaints.append(message.text)

    def choose_language(self, tag: str) -> None:
        self.page.locator(f"[data-language={tag}]").click()

    def choose_account(self, account: str) -> None:
        self.page.locator("#accounts button", has_text=account).click()

    def look_up(self, account: str) -> None:
        fields = self.support.part.locator(".lookup input")
        fields.first.fill(account)
        # The answer to an earlier look-up stays until the new one comes.
        facts = self.support.part.locator(".facts")
        facts.evaluate_all("earlier => earlier.forEach(each => each.classList.add('earlier'))")
        fields.first.press("Enter")
        self.support.part.locator(".facts:not(.earlier)").wait_for()
