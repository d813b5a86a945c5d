"""The page works by keyboard and with a screen reader."""

import pytest
from playwright.sync_api import expect

from infra.environment import ROOT
from infra.local import presets
from tests.kit.stack import Stack
from tests.kit.window import LANGUAGES, words

AXE = ROOT / "build" / "axe-core" / "package" / "axe.min.js"


def violations(page) -> list[str]:
    """The violations that axe-core finds, each with its element."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations")
    return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("pasted", ["123 456", "１２３４５６", " 123-456 "])
def test_a_pasted_code_fills_the_boxes(window, pasted):
    window.choose_account(presets.DESKTOP_ONLY)
    window.phone.press()
    window.phone.boxes.first.wait_for()
    sent = []
    window.page.route(
        "**/api/verify", lambda route: (sent.append(route.request.post_data), route.abort())
    )
    window.phone.boxes.nth(2).evaluate(
        """(box, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text", text);
            box.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }""",
        pasted,
    )
    window.phone.notice.wait_for()
    assert set(sent) == {'{"code":"123456"}'}
    window.complaints.clear()


def test_the_keyboard_alone_is_enough(window, account, stack: Stack):
    keyboard = window.page.keyboard
    window.desktop.part.locator("input").first.focus()
    keyboard.press("Control+A")
    keyboard.type(account)
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.press("Enter")
    window.desktop.notice.wait_for()
    keyboard.press("Tab")
    while window.page.evaluate("document.activeElement.textContent") != words("en")["show_qr"]:
        keyboard.press("Tab")
    keyboard.press("Enter")
    window.desktop.part.locator(".key").wait_for()
    secret = window.desktop.part.locator(".key").inner_text().replace(" ", "")
    keyboard.type("12")
    keyboard.press("Backspace")
    keyboard.press("Backspace")
    keyboard.type(stack.code(secret))
    expect(window.desktop.done).to_be_visible()


def test_the_boxes_announce_themselves(window):
    window.choose_account(presets.DESKTOP_ONLY)
    window.phone.press()
    group = window.phone.part.get_by_role("group", name=words("en")["code"])
    for number in range(1, 7):
        expect(group.get_by_role("textbox", name=f"Digit {number} of 6")).to_be_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing(open_window, account, stack: Stack, language):
    window = open_window(locale=language)
    window.page.locator("#authenticator-switch").click()
    assert violations(window.page) == []
    window.desktop.log_in(account)
    window.desktop.notice.wait_for()
    window.phone.log_in(account)
    window.phone.notice.wait_for()
    assert violations(window.page) == []
    secret = window.desktop.show_qr()
    window.look_up(account)
    window.support.unbind("T" * 65)
    window.support.notice.wait_for()
    window.page.locator("#errors .chip").first.click()
    window.page.locator("#errors pre").first.wait_for()
    assert violations(window.page) == []
    window.desktop.type(stack.code(secret))
    window.desktop.done.wait_for()
    window.phone.press()
    window.phone.boxes.first.wait_for()
    window.phone.type("1234")
    window.page.keyboard.press("Enter")
    window.phone.code.wait_for()
    for summary in window.page.locator(".wire summary").all():
        summary.click()
    assert violations(window.page) == []
