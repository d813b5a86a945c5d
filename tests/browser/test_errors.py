"""Every error on the page: in the scenes, and by one click each for client developers."""

import re

import pytest
from playwright.sync_api import expect

from chalicelib.api.language import Language
from chalicelib.api.problems import STATUS, messages
from chalicelib.core.errors import ErrorCode
from infra.gateway_answers import both_languages
from infra.local import presets
from tests.kit.stack import Stack
from tests.kit.window import Scene

THE_GATEWAY_S = {ErrorCode.NOT_FOUND, ErrorCode.TOO_MANY_REQUESTS}
"""Errors of API Gateway itself, which knows no language of the caller."""


def use_up_attempts(stack: Stack, scene: Scene, secret: str) -> None:
    """Type five wrong codes. Check the attempts left after each but the last."""
    for left in (4, 3, 2, 1):
        scene.type(stack.wrong_code(secret))
        expect(scene.notice).to_contain_text(f"Attempts left: {left}")
    scene.type(stack.wrong_code(secret))


def test_five_wrong_codes_lock_and_support_unlocks(window, account, bound, stack: Stack):
    phone, support = window.phone, window.support
    phone.log_in(account)
    phone.boxes.first.wait_for()
    use_up_attempts(stack, phone, bound)
    expect(phone.code).to_have_text("403 wrong_code")
    expect(phone.notice.first).to_contain_text("No attempts left")
    expect(phone.notice.last).to_contain_text("This account is locked")
    expect(phone.notice.locator(".countdown")).to_have_text("05:00")
    expect(phone.boxes).to_have_count(0)

    window.look_up(account)
    expect(support.part.locator(".state")).to_have_text("Locked")
    support.part.locator(".unbind input").fill("T-1002")
    support.press("quiet")
    expect(support.notice).to_contain_text("Unlocked")
    phone.press("link")
    phone.log_in(account)
    phone.boxes.first.wait_for()
    phone.type(stack.code(bound, 1))
    expect(phone.done).to_be_visible()


def test_boxes_that_were_open_before_the_lock_close_at_the_next_code(
    window, account, bound, stack: Stack
):
    desktop, phone = window.desktop, window.phone
    for scene in (desktop, phone):
        scene.log_in(account)
        scene.boxes.first.wait_for()
    use_up_attempts(stack, phone, bound)
    expect(phone.boxes).to_have_count(0)
    desktop.type(stack.code(bound, 1))
    expect(desktop.code).to_have_text("429 locked")
    expect(desktop.notice.locator(".countdown")).to_have_text("05:00")
    expect(desktop.boxes).to_have_count(0)

    window.choose_language("zh-CN")
    expect(desktop.notice).to_contain_text("账号已锁定")
    expect(desktop.notice.locator(".countdown")).to_have_text("05:00")
    expect(desktop.boxes).to_have_count(0)


def test_of_two_windows_with_one_code_only_one_gets_in(
    open_window, window, account, bound, stack: Stack
):
    windows = [window, open_window()]
    for each in windows:
        each.phone.log_in(account)
        each.phone.boxes.first.wait_for()
    code = stack.code(bound, 1)
    for each in windows:
        each.phone.type(code[:5])
    for each in windows:
        each.page.keyboard.press(code[5])
    for each in windows:
        each.phone.done.or_(each.phone.notice).wait_for()
    assert sum(each.phone.done.count() for each in windows) == 1
    refused = next(each for each in windows if not each.phone.done.count())
    expect(refused.phone.code).to_have_text("403 code_used")


def test_an_expired_qr_code_disappears(window, account, stack: Stack):
    window.desktop.log_in(account)
    window.desktop.notice.wait_for()
    window.desktop.show_qr()
    expect(window.desktop.part.locator(".term .countdown")).to_have_text("10:00")
    stack.clock.advance(600)
    expect(window.desktop.notice).to_have_text("This QR code has expired")
    expect(window.desktop.part.locator(".qr, .key")).to_have_count(0)
    expect(window.desktop.boxes).to_have_count(0)
    expect(window.desktop.part.locator(".screen button.primary")).to_have_text("Get a QR code")


def test_a_second_qr_code_says_that_the_first_has_ended(window, account):
    for _ in range(2):
        window.desktop.log_in(account)
        window.desktop.notice.wait_for()
        window.desktop.show_qr()
        superseded = window.desktop.notice.count()
        window.desktop.press("link")
    assert superseded == 1


def test_a_wrong_password_is_refused(window, account):
    window.desktop.log_in(account, "wrong")
    expect(window.desktop.notice).to_contain_text("Wrong account or password")


def test_a_bound_account_is_not_bound_again(window, account, bound):
    window.desktop.log_in(account)
    window.desktop.part.get_by_text("New phone? Bind again").click()
    expect(window.desktop.code).to_have_text("409 already_bound")
    expect(window.desktop.boxes).to_have_count(6)


@pytest.mark.parametrize(
    ("preset", "standing"),
    [(presets.LOCKED, "This account is locked"), (presets.SUSPENDED, "Login is suspended")],
)
def test_a_locked_or_suspended_account_is_not_bound_again(window, preset, standing):
    window.choose_account(preset)
    window.desktop.press()
    window.desktop.part.get_by_text("New phone? Bind again").click()
    expect(window.desktop.code).to_have_text("409 already_bound")
    expect(window.desktop.notice.last).to_contain_text(standing)
    expect(window.desktop.boxes).to_have_count(0)


def test_the_phone_does_not_bind(window, account):
    window.phone.log_in(account)
    window.phone.part.get_by_text("Bind here anyway").click()
    expect(window.phone.code).to_have_text("403 desktop_only")
    expect(window.phone.part.locator("button.primary")).to_have_text("Back")
    window.choose_language("zh-HK")
    expect(window.phone.notice).to_have_count(0)
    window.phone.press()
    expect(window.phone.notice).to_contain_text("請先在電腦版綁定")


def test_five_digits_are_no_code_and_cost_nothing(window, account, bound):
    window.phone.log_in(account)
    window.phone.boxes.first.wait_for()
    window.phone.type("12345")
    window.page.keyboard.press("Enter")
    expect(window.phone.code).to_have_text("400 malformed_code")
    window.look_up(account)
    expect(window.support.part.locator(".facts")).to_contain_text("Wrong codes in a row0")


def test_support_sees_the_invalid_field(window, account):
    window.look_up(account)
    window.support.unbind("T" * 65)
    expect(window.support.notice).to_contain_text("Ticket · 1 to 64 characters")


def test_support_can_cancel_an_unbinding(window, account, bound):
    window.look_up(account)
    window.support.part.locator(".unbind input").fill("T-1003")
    window.support.press("danger")
    expect(window.support.notice).to_contain_text(f"Unbind account {account}?")
    window.support.part.locator(".errands .quiet").click()
    expect(window.support.part.locator(".state")).to_have_text("Bound")
    expect(window.support.part.locator(".unbind")).to_be_visible()


def test_five_wrong_first_codes_end_a_qr_code_and_the_terminal_offers_another(
    window, account, stack: Stack
):
    desktop = window.desktop
    desktop.log_in(account)
    desktop.notice.wait_for()
    secret = desktop.show_qr()
    use_up_attempts(stack, desktop, secret)
    expect(desktop.notice).to_contain_text("No attempts left")
    expect(desktop.code).to_have_text("403 wrong_code")
    desktop.part.get_by_text("I have scanned one").click()
    desktop.type(stack.code(secret))
    expect(desktop.code).to_have_text("409 bind_not_started")
    desktop.show_qr()


def test_an_unreachable_service_is_no_wrong_code(window, account, bound):
    window.phone.log_in(account)
    window.phone.boxes.first.wait_for()
    window.page.route("**/api/verify", lambda route: route.abort())
    window.phone.type("123456")
    expect(window.phone.notice).to_contain_text("The service cannot be reached")
    window.complaints.clear()


@pytest.mark.parametrize("language", Language)
def test_one_click_shows_each_error_in_the_chosen_language(window, language):
    window.choose_language(language)
    words = messages(language)
    errors = window.page.locator("#errors")
    for refusal in ErrorCode:
        errors.locator(".chip", has_text=re.compile(f"^{refusal}$")).click()
        expect(errors.locator(".fine code")).to_have_text(f"{STATUS[refusal]} {refusal}")
        title = (
            both_languages(refusal, "")[2]["title"]
            if refusal in THE_GATEWAY_S
            else words[refusal]["title"]
        )
        expect(errors.locator(".shown .notice-title")).to_contain_text(title)
        expect(errors.locator("pre").last).to_contain_text(f'"code": "{refusal}"')


def test_a_bound_preset_logs_in_with_the_published_secret(window, stack: Stack):
    window.choose_account(presets.BOUND)
    window.phone.press()
    window.phone.boxes.first.wait_for()
    window.phone.type(stack.code(presets.SECRET, 1))
    expect(window.phone.done).to_contain_text("Logged in")


def test_a_pending_preset_is_confirmed_with_the_published_secret(window, stack: Stack):
    window.choose_account(presets.PENDING)
    window.desktop.press()
    expect(window.desktop.notice).to_contain_text("One step left to bind")
    window.desktop.part.get_by_text("I have scanned one").click()
    window.desktop.type(stack.code(presets.SECRET))
    expect(window.desktop.done).to_contain_text("Bound, and logged in")


def test_a_pending_preset_past_its_term_is_refused(window, stack: Stack):
    window.choose_account(presets.PAST_TERM)
    window.desktop.press()
    window.desktop.part.get_by_text("I have scanned one").click()
    window.desktop.type(stack.code(presets.SECRET))
    expect(window.desktop.code).to_have_text("410 bind_expired")


def test_a_locked_preset_counts_down(window):
    window.choose_account(presets.LOCKED)
    window.phone.press()
    expect(window.phone.notice.locator(".countdown")).to_have_text(re.compile(r"3:[345]\d:\d\d"))
    expect(window.phone.boxes).to_have_count(0)


def test_a_suspended_preset_names_customer_service(window):
    window.choose_account(presets.SUSPENDED)
    window.phone.press()
    expect(window.phone.notice).to_contain_text("Call customer service")


def test_a_used_code_counts_down_to_the_next(window, stack: Stack):
    window.choose_account(presets.CODE_USED)
    window.phone.press()
    window.phone.boxes.first.wait_for()
    window.phone.type(stack.code(presets.SECRET))
    expect(window.phone.code).to_have_text("403 code_used")
    expect(window.phone.notice.locator(".countdown")).to_have_text("01:00")
    window.choose_language("zh-HK")
    expect(window.phone.notice.locator(".countdown")).to_have_text("01:00")
    window.choose_language("en")
    expect(window.phone.code).to_have_text("403 code_used")
    stack.clock.advance(60)
    expect(window.phone.notice).to_have_count(0)
    expect(window.phone.boxes).to_have_count(6)


def test_an_unavailable_preset_offers_to_try_again(window):
    window.choose_account(presets.UNAVAILABLE)
    window.desktop.press()
    expect(window.desktop.code).to_have_text("503 unavailable")
    expect(window.desktop.notice).to_contain_text(re.compile(r"Request number [0-9a-f-]{36}"))
    expect(window.desktop.part.locator("button.primary")).to_have_text("Try again")


def test_a_login_too_old_asks_for_the_password(window):
    window.choose_account(presets.LOGIN_TOO_OLD)
    window.desktop.press()
    expect(window.desktop.code).to_have_text("401 login_expired")
    expect(window.desktop.part.locator("input[type=password]")).to_be_visible()


def test_the_first_code_on_the_phone_binds_the_phone(window, stack: Stack):
    window.choose_account(presets.DESKTOP_ONLY)
    window.phone.press()
    window.phone.boxes.first.wait_for()
    window.phone.type(stack.code(presets.SECRET))
    expect(window.phone.done).to_contain_text("the phone is bound")
