"""The life of an account on the page, in each language."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import expect

from infra.local import presets
from tests.kit.oath import oathtool, zbarimg
from tests.kit.stack import Stack
from tests.kit.window import Window, words

WORDS = {
    "zh-CN": {
        "bind first": "请先在电脑版绑定",
        "bound": "绑定成功，已登录",
        "phone bound": "手机绑定完成",
        "used": "验证码已使用",
        "unbound": "已解绑",
    },
    "zh-HK": {
        "bind first": "請先在電腦版綁定",
        "bound": "綁定成功，已登入",
        "phone bound": "手機綁定完成",
        "used": "驗證碼已使用",
        "unbound": "已解除綁定",
    },
    "en": {
        "bind first": "Bind on the desktop first",
        "bound": "Bound, and logged in",
        "phone bound": "the phone is bound",
        "used": "This code has been used",
        "unbound": "Unbound",
    },
}


@pytest.mark.parametrize("language", WORDS)
def test_bind_log_in_on_the_phone_lose_it_and_be_unbound(
    open_window, account, stack: Stack, language, tmp_path: Path
):
    words = WORDS[language]
    window = open_window(locale=language)
    desktop, phone, support = window.desktop, window.phone, window.support

    phone.log_in(account)
    expect(phone.notice).to_contain_text(words["bind first"])

    desktop.log_in(account)
    desktop.notice.wait_for()
    secret = desktop.show_qr()
    window.page.screenshot(path=tmp_path / "qr.png")
    uri = zbarimg(tmp_path / "qr.png")
    assert f"secret={secret}" in uri
    assert unquote(urlsplit(uri).path) == f"/极星演示:{account}"
    code = stack.code(secret)
    desktop.type(code)
    expect(desktop.done).to_contain_text(words["bound"])

    phone.press()
    expect(phone.boxes).to_have_count(6)
    phone.type(code)
    expect(phone.notice).to_contain_text(words["used"])
    phone.type(stack.code(secret, 1))
    expect(phone.done).to_contain_text(words["phone bound"])

    window.look_up(account)
    support.unbind("T-1001")
    expect(support.notice).to_contain_text(words["unbound"])
    phone.press("quiet")
    phone.log_in(account)
    expect(phone.notice).to_contain_text(words["bind first"])


def test_the_demo_authenticator_stands_in_for_a_phone(window, account):
    window.page.locator("#authenticator-switch").click()
    window.desktop.log_in(account)
    window.desktop.notice.wait_for()
    window.desktop.show_qr()
    entry = window.page.locator(f".entry[data-account={account}]")
    entry.locator("button").click()
    expect(window.desktop.done).to_be_visible()


@pytest.mark.parametrize("at", [59, 1_111_111_109, 2_000_000_000, 20_000_000_000])
def test_the_demo_authenticator_shows_what_oathtool_shows(window, at):
    window.page.locator("#authenticator-switch").click()
    window.choose_account(presets.DESKTOP_ONLY)
    window.desktop.press()
    window.page.clock.set_fixed_time(at)
    shown = window.page.locator(f".entry[data-account='{presets.DESKTOP_ONLY}'] output")
    code = oathtool(presets.SECRET, at)
    expect(shown).to_have_text(f"{code[:3]} {code[3:]}")


def test_the_demo_authenticator_types_into_the_boxes_opened_last(window, account, bound):
    window.page.locator("#authenticator-switch").click()
    for scene in (window.desktop, window.phone):
        scene.log_in(account)
        scene.boxes.first.wait_for()
    window.page.locator(f".entry[data-account='{account}'] button").click()
    window.phone.done.or_(window.phone.notice).wait_for()
    expect(window.desktop.boxes.first).to_have_value("")
    expect(window.desktop.notice).to_have_count(0)


def test_a_slow_authenticator_gets_code_expired(window, account, bound):
    window.page.locator("#authenticator-switch").click()
    window.page.locator("#slow").check()
    window.desktop.log_in(account)
    window.desktop.boxes.first.wait_for()
    window.page.locator(".entry button").click()
    expect(window.desktop.code).to_have_text("403 code_expired")


def test_the_pass_is_shown_as_the_gateway_reads_it(window, account, stack: Stack, bound):
    window.phone.log_in(account)
    window.phone.boxes.first.wait_for()
    window.phone.type(stack.code(bound, 1))
    window.phone.part.locator(".screen summary").click()
    claims = window.phone.part.locator(".screen pre")
    expect(claims).to_contain_text(f'"sub": "{account}"')
    expect(claims).to_contain_text('"channel": "mobile"')


def test_every_answer_can_be_unfolded_with_its_headers(window, account):
    window.desktop.log_in(account)
    window.desktop.notice.wait_for()
    exchange = window.desktop.part.locator(".wire details").first
    exchange.locator("summary").click()
    expect(exchange.locator("summary")).to_contain_text("GET /api/binding")
    expect(exchange.locator("pre").first).to_contain_text("Authorization: Bearer ")
    expect(exchange.locator("pre").last).to_contain_text("x-request-id: ")
    expect(exchange.locator("pre").last).to_contain_text('"state": "unbound"')


def test_a_support_request_is_for_the_shown_account_and_its_event_appears(
    window: Window, account: str, bound: str
):
    window.look_up(account)
    window.support.part.locator(".lookup input").first.fill("88000002")
    window.support.unbind("T-2026-7")
    expect(window.support.part.locator(".timeline li.unbound")).to_be_visible()
    expect(window.support.part.locator(".facts dd").first).to_have_text(account)


def test_unbinding_without_a_ticket_is_refused_before_the_confirmation(
    window: Window, account: str, bound: str
):
    window.look_up(account)
    window.support.part.locator(".unbind input").fill(" ")
    window.support.press("danger")
    expect(window.support.notice).to_contain_text("Ticket")
    expect(window.support.part.locator(".errands")).to_have_count(0)
    window.support.unbind("T-2026-9")
    expect(window.support.notice).to_contain_text("Unbound")


def test_the_history_is_read_again_until_the_event_appears(window: Window, account: str, bound: str):
    late = [{"bound", "unbound"}, {"unbound"}]
    looks: list[Any] = []

    def lag(route: Any) -> None:
        """Leave the newest events out of the first answers."""
        answer = route.fetch()
        body = answer.json()
        if late:
            missing = late.pop(0)
            body["history"] = [event for event in body["history"] if event["type"] not in missing]
        looks.append(body["history"])
        route.fulfill(response=answer, json=body)

    window.page.route("**/totp-binding-local-lookup/invocations", lag)
    window.look_up(account)
    window.support.unbind("T-2026-8")
    expect(window.support.part.locator(".timeline li.unbound")).to_be_visible()
    assert len(looks) > 2


def test_a_slow_login_does_not_arrive_in_another_accounts_scene(window: Window, account: str):
    held: list[Any] = []
    window.page.route("**/login", lambda route: held.append(route))
    window.desktop.log_in(account)
    window.page.wait_for_timeout(200)
    window.choose_account("88000091")
    held[0].continue_()
    window.page.unroute("**/login")
    window.page.wait_for_timeout(500)
    expect(window.desktop.part.locator("input[type=password]")).to_be_visible()
    expect(window.desktop.notice).to_have_count(0)


def test_an_unreachable_support_function_is_reported(window: Window, account: str):
    window.page.route("**/invocations", lambda route: route.abort())
    window.support.part.locator(".lookup input").first.fill(account)
    window.support.press()
    expect(window.support.notice).to_contain_text(words("en")["offline"])
    window.complaints.clear()


def test_two_presses_ask_for_one_qr_code(window: Window, account: str):
    asked: list[str] = []
    window.page.on("request", lambda request: asked.append(request.url))
    window.desktop.log_in(account)
    window.desktop.notice.wait_for()
    window.desktop.part.locator(".screen button.primary").first.dblclick()
    window.desktop.part.locator(".key").wait_for()
    assert sum(url.endswith("/api/bind") for url in asked) == 1
