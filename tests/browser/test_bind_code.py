"""The bind code and safe retries on the page: the desktop asks, support issues, the phone retries."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from infra.local import presets
from tests.kit.stack import Stack
from tests.kit.window import Window, words

ENGLISH = words("en")


@pytest.fixture
def code(account: str, stack: Stack) -> str:
    """The bind code of an account that was unbound for a suspected compromise."""
    request = {"account": account, "operator": "amy", "ticket": "T-1"}
    issued: str = stack.support("unbind", request | {"reason": "suspected_compromise"})["bind_code"]
    stack.clock.advance(30)
    return issued


def send_bind_code(window: Window, typed: str) -> None:
    window.desktop.part.locator(".bind-code input").fill(typed)
    window.desktop.part.locator(".bind-code input").press("Enter")


def test_the_desktop_asks_for_the_bind_code_before_a_qr_code(window: Window, account: str, code: str):
    window.desktop.log_in(account)
    expect(window.desktop.part.get_by_label(ENGLISH["bind_code"])).to_be_visible()
    expect(window.desktop.part.locator(".bind-code")).to_contain_text("eight digits")
    send_bind_code(window, f"{(int(code) + 1) % 10**8:08}")
    expect(window.desktop.code).to_have_text("403 bind_code_required")
    expect(window.desktop.part.locator(".bind-code input")).to_be_focused()
    send_bind_code(window, f"{code[:4]} {code[4:]}")
    expect(window.desktop.part.locator(".key")).to_be_visible()


def test_the_bind_code_is_typed_once_for_several_qr_codes(
    window: Window, account: str, code: str, stack: Stack
):
    window.desktop.log_in(account)
    send_bind_code(window, code)
    window.desktop.part.locator(".key").wait_for()
    stack.clock.advance(600)
    expect(window.desktop.notice).to_have_text(ENGLISH["qr_over"])
    window.desktop.press()
    expect(window.desktop.code).to_have_text("401 login_expired")
    window.desktop.log_in(account)
    window.desktop.part.get_by_role("button", name=ENGLISH["show_qr"]).wait_for()
    secret = window.desktop.show_qr()
    window.desktop.type(stack.code(secret))
    expect(window.desktop.done).to_be_visible()


def test_a_bind_code_is_not_sent_for_another_account(
    window: Window, account: str, code: str, stack: Stack
):
    window.desktop.log_in(account)
    send_bind_code(window, code)
    window.desktop.part.locator(".key").wait_for()
    window.choose_account(presets.BIND_CODE_NEEDED)
    window.desktop.press()
    expect(window.desktop.part.locator(".bind-code input")).to_have_value("")


def test_an_account_unbound_after_the_login_asks_for_the_password_again(
    window: Window, account: str, bound: str, stack: Stack
):
    window.desktop.log_in(account)
    window.desktop.boxes.first.wait_for()
    stack.unbind(account)
    window.desktop.part.get_by_text(ENGLISH["new_phone"]).click()
    expect(window.desktop.code).to_have_text("401 login_expired")


def test_a_bind_code_that_is_over_sends_people_to_customer_service(window: Window):
    window.choose_account(presets.BIND_CODE_OVER)
    window.desktop.press()
    send_bind_code(window, presets.BIND_CODE)
    expect(window.desktop.code).to_have_text("410 bind_code_expired")
    expect(window.desktop.notice).to_contain_text("Call customer service for a new bind code")


# Safe retries


def test_a_phone_that_lost_the_answer_logs_in_with_the_code_that_was_typed(
    window: Window, account: str, bound: str, stack: Stack
):
    sent: list[tuple[str, Any]] = []

    def tunnel(route: Any) -> None:
        """Let the call arrive, and lose the first answer."""
        sent.append((route.request.headers["idempotency-key"], route.request.post_data_json))
        answer = route.fetch()
        if len(sent) == 1:
            route.abort()
        else:
            route.fulfill(response=answer)

    window.page.route("**/api/verify", tunnel)
    window.phone.log_in(account)
    window.phone.boxes.first.wait_for()
    window.phone.type(stack.code(bound, 1))
    expect(window.phone.done).to_contain_text("the phone is bound")
    assert len(sent) == 2
    assert sent[0] == sent[1]
    window.complaints.clear()


def test_each_code_that_is_typed_has_a_key_of_its_own(
    window: Window, account: str, bound: str, stack: Stack
):
    keys: list[str] = []

    def note(request: Any) -> None:
        if request.url.endswith("/api/verify"):
            keys.append(request.headers["idempotency-key"])

    window.page.on("request", note)
    window.phone.log_in(account)
    window.phone.boxes.first.wait_for()
    for left in (4, 3):
        window.phone.type(stack.wrong_code(bound))
        expect(window.phone.notice).to_contain_text(f"Attempts left: {left}")
    assert len(set(keys)) == 2


# The support desk


def test_support_unbinds_for_a_compromise_and_reads_the_bind_code_out(
    window: Window, account: str, bound: str
):
    window.look_up(account)
    window.support.part.locator(".unbind select").select_option("suspected_compromise")
    window.support.part.locator(".unbind input").fill("T-1")
    window.support.press("danger")
    expect(window.support.notice).to_contain_text("Has the password been changed?")
    window.support.part.locator(".errands .danger").click()
    code = window.support.part.locator(".read-out")
    expect(code).to_have_text(re.compile(r"\d{4} \d{4}"))
    expect(window.support.part.locator(".timeline li.unbound")).to_be_visible()
    window.support.part.locator(".unbind input").fill("T-2")
    first = code.inner_text()
    window.support.part.get_by_role("button", name=ENGLISH["invite"]).click()
    expect(window.support.notice).to_contain_text("Bind code issued")
    expect(code).not_to_have_text(first)
    expect(window.support.part.locator(".timeline li.invited")).to_be_visible()


def test_a_compromise_of_an_unbound_account_does_not_say_that_nothing_changed(
    window: Window, account: str
):
    window.look_up(account)
    window.support.part.locator(".unbind select").select_option("suspected_compromise")
    window.support.unbind("T-1")
    expect(window.support.part.locator(".notice.good")).to_contain_text(
        "enters it and scans the QR code"
    )
    expect(window.support.part.locator(".read-out")).to_be_visible()


def test_a_repeated_answer_is_said_loudly_with_the_state_of_now(
    window: Window, account: str, bound: str, stack: Stack
):
    window.look_up(account)
    window.support.unbind("T-1")
    expect(window.support.notice).to_contain_text("Unbound")
    stack.bound(account)
    window.support.unbind("T-1")
    expect(window.support.part.locator(".notice.bad")).to_contain_text("Nothing has been changed now")
    expect(window.support.part.locator(".notice.bad")).to_contain_text("The account is now: Bound.")


def test_an_account_that_nobody_has_used_is_probably_mistyped(window: Window, account: str):
    window.look_up(account)
    expect(window.support.notice).to_contain_text("Nobody has used this account")


def test_an_unreadable_account_says_so(window: Window):
    window.look_up(presets.UNAVAILABLE)
    expect(window.support.part.locator(".state")).to_have_text("Unreadable")
    expect(window.support.notice).to_contain_text("the account starts again from nothing")


def test_what_waits_is_shown_and_approved_under_its_ticket(window: Window, account: str, bound: str):
    waiting = {
        "ticket": "T-7",
        "operator": "bob",
        "request": "unbind",
        "reason": "lost_device",
        "expires_at": "2026-11-22T01:02:03Z",
    }
    approved: list[Any] = []

    def look(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"waiting": [waiting]})

    def approve(route: Any) -> None:
        approved.append(route.request.post_data_json)
        route.fulfill(json={"outcome": "nothing_to_approve"})

    window.page.route("**/totp-binding-local-lookup/invocations", look)
    window.page.route("**/totp-binding-local-approve/invocations", approve)
    window.look_up(account)
    row = window.support.part.locator(".waiting li")
    expect(row).to_contain_text("Unbind · T-7 · bob · Lost device")
    row.get_by_role("button", name=ENGLISH["approve"]).click()
    expect(window.support.notice.first).to_contain_text("Nothing to approve")
    assert approved == [{"account": account, "operator": "desk-01", "ticket": "T-7"}]
