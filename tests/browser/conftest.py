"""The local stack, and windows on its page."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.kit.stack import Stack, running_stack
from tests.kit.window import WIDE, Window, chromium

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_window(stack: Stack, browser: Browser) -> Iterator[Callable[..., Window]]:
    """Opens windows at the stack's time, each with a session of its own. No error may go unseen."""
    opened: list[Window] = []

    def open_one(locale: str = "en-GB", size: Any = WIDE, **how: Any) -> Window:
        context = browser.new_context(locale=locale, viewport=size, **how)
        context.set_default_timeout(10_000)
        stack.clock.followers.append(context.clock.set_fixed_time)
        context.clock.set_fixed_time(stack.clock())
        window = Window(context.new_page())
        opened.append(window)
        window.page.goto(stack.url)
        window.desktop.part.locator(".screen input").first.wait_for()
        return window

    yield open_one
    stack.clock.followers.clear()
    for window in opened:
        window.page.context.close()
    assert [complaint for window in opened for complaint in window.complaints] == []


@pytest.fixture
def window(open_window: Callable[..., Window]) -> Window:
    return open_window()


@pytest.fixture
def account(stack: Stack) -> str:
    """An account that nobody has used, with the password of the demo accounts."""
    return stack.add_account(f"browser-{next(_numbers):03}")


@pytest.fixture
def bound(window: Window, account: str, stack: Stack) -> str:
    """The secret of the account, bound in the window, with the desktop logged out again."""
    window.desktop.log_in(account)
    window.desktop.notice.wait_for()
    secret = window.desktop.show_qr()
    window.desktop.type(stack.code(secret))
    window.desktop.done.wait_for()
    window.desktop.press("quiet")
    return secret
