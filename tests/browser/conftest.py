"""The local stack in a process of its own, and windows of Debian's Chromium to look at it."""

import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from infra.environment import ROOT

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
PASSWORD = "Demo-Pass-1"
expect.set_options(timeout=10_000)
WIDE, NARROW = {"width": 1440, "height": 1000}, {"width": 390, "height": 844}

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Stack:
    """Where ``make run`` says that it answers."""

    url: str
    aws_url: str

    def client(self, service: str) -> Any:
        """A boto3 client of the emulated AWS."""
        secret = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self.aws_url, region_name="us-east-1", **secret)


@contextmanager
def running_stack() -> Iterator[Stack]:
    """The stack on ports that the system chooses, from when it is ready until it is done with."""
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.local"],
        cwd=ROOT,
        env=os.environ | {"PORT": "0", "AWS_DEFAULT_REGION": "us-east-1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    addresses: dict[str, str] = {}
    with process:
        try:
            for line in process.stdout or ():
                name, _, addresses[name] = line.strip().partition(" ")
                if name == "ready":
                    break
            yield Stack(addresses["ready"], addresses["aws"])
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with running_stack() as stack:
        yield stack


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


def words(language: str) -> dict[str, str]:
    """The page's own words in a language, by their keys."""
    text = (PAGE / "words" / f"{language}.js").read_text("utf-8")
    return dict(re.findall(r'^  (\w+): "(.*)",$', text, re.MULTILINE))


def oathtool(secret: str, seconds_ahead: int = 0, at: int | None = None) -> str:
    """The code that an authenticator shows so many seconds from now, or from another time."""
    moment = (int(time.time()) if at is None else at) + seconds_ahead
    command = ["oathtool", "--totp", "--base32", f"--now=@{moment}", secret]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def zbarimg(picture: Path) -> str:
    """What a camera reads in a picture."""
    command = ["zbarimg", "--quiet", "--raw", str(picture)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@dataclass
class Scene:
    """One of the page's scenes, by what people see and press in it."""

    part: Locator

    @property
    def device(self) -> Locator:
        """The window or handset that it is shown in, without what went over the wire."""
        return self.part.locator(".device")

    @property
    def told(self) -> Locator:
        """What the scene tells: the notice of a refusal, or of how things stand."""
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
        """The error code of the refusal that is shown."""
        return self.told.locator("code")

    def press(self, kind: str = "primary") -> None:
        self.part.locator(f".screen button.{kind}").first.click()

    def log_in(self, account: str, password: str = PASSWORD) -> None:
        fields = self.part.locator(".screen input")
        fields.nth(0).fill(account)
        fields.nth(1).fill(password)
        fields.nth(1).press("Enter")

    def type(self, code: str) -> None:
        """A code, digit by digit, into boxes that are empty."""
        self.boxes.first.click()
        self.part.page.keyboard.type(code)

    def unbind(self, ticket: str) -> None:
        """Support's request, with its question answered."""
        self.part.locator(".unbind input").fill(ticket)
        self.press("danger")
        self.part.locator(".errands .danger").click()

    def show_qr(self) -> str:
        """Ask for a QR code; the key that it shows for typing by hand."""
        self.press()
        key = self.part.locator(".key")
        key.wait_for()
        return key.inner_text().replace(" ", "")


@dataclass
class Window:
    """A browser window on the page, and all that went wrong in it."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.desktop = Scene(self.page.locator("#desktop"))
        self.phone = Scene(self.page.locator("#phone"))
        self.support = Scene(self.page.locator("#support"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        # Chromium reports every answer from 400 on; those are what the page is there to show.
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


@pytest.fixture
def open_window(stack: Stack, chromium: Browser) -> Iterator[Callable[..., Window]]:
    """Opens windows, each with a session of its own; nothing may go wrong unseen in any of them."""
    opened: list[Window] = []

    def open_one(locale: str = "en-GB", size: Any = WIDE, **how: Any) -> Window:
        context = chromium.new_context(locale=locale, viewport=size, **how)
        context.set_default_timeout(10_000)
        window = Window(context.new_page())
        opened.append(window)
        window.page.goto(stack.url)
        window.desktop.part.locator(".screen input").first.wait_for()
        return window

    yield open_one
    for window in opened:
        window.page.context.close()
    assert [complaint for window in opened for complaint in window.complaints] == []


@pytest.fixture
def window(open_window: Callable[..., Window]) -> Window:
    return open_window()


@pytest.fixture
def account(stack: Stack) -> str:
    """An account that nobody has used, with the password of the demo accounts."""
    cognito = stack.client("cognito-idp")
    pool = cognito.list_user_pools(MaxResults=1)["UserPools"][0]["Id"]
    name = f"browser-{next(_numbers):03}"
    cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True)
    return name


@pytest.fixture
def bound(window: Window, account: str) -> str:
    """The secret of the account, bound in the window, with the desktop logged out again."""
    window.desktop.log_in(account)
    window.desktop.told.wait_for()
    secret = window.desktop.show_qr()
    window.desktop.type(oathtool(secret))
    window.desktop.done.wait_for()
    window.desktop.press("quiet")
    return secret
