"""Calls of a client while an account is bound, used, locked and unbound."""

import base64
import json
from typing import Any

import jwt
import pytest
from chalice.local import LambdaEventConverter, RouteMatcher

from tests.kit.clock import Clock
from tests.kit.login import DESKTOP, MOBILE, OLD_DESKTOP, SETTINGS
from tests.kit.user import User


def test_a_new_account_is_unbound(user: User):
    assert user.look().json == {
        "account": user.account,
        "state": "unbound",
        "channels": {"desktop": None, "mobile": None},
        "bound_at": None,
        "locked_until": None,
        "suspended": False,
        "bind_code_required": False,
    }


def test_bind_shows_a_qr_code_for_ten_minutes(user: User, clock: Clock):
    clock.time = 1_800_000_000.7
    begun = user.bind()
    assert begun.status == 201
    shown = begun.json
    assert (shown["account"], shown["issuer"]) == (user.account, SETTINGS["OTP_ISSUER"])
    assert len(base64.b32decode(shown["secret"])) == 20
    assert shown["otpauth_uri"] == (
        f"otpauth://totp/%E6%9E%81%E6%98%9F%E6%9C%9F%E8%B4%A7:{user.account}"
        f"?secret={shown['secret']}&issuer=%E6%9E%81%E6%98%9F%E6%9C%9F%E8%B4%A7"
    )
    assert base64.b64decode(shown["qr_png"].removeprefix("data:image/png;base64,")).startswith(
        b"\x89PNG"
    )
    assert shown["expires_at"] == "2027-01-15T08:10:00Z"
    assert shown["superseded"] is False
    assert user.look().json["state"] == "pending"


def test_each_bind_makes_a_new_secret_and_the_old_one_stops_working(user: User):
    first, second = user.phone(), user.bind().json
    assert second["superseded"] is True
    assert second["secret"] != first.secret
    assert user.confirm(first.code()).code == "wrong_code"


def test_a_qr_code_past_its_term_shows_as_unbound_and_supersedes_nothing(user: User, clock: Clock):
    phone = user.phone()
    clock.advance(600)
    assert user.look().json["state"] == "pending"
    clock.advance(1)
    assert user.look().json["state"] == "unbound"
    assert user.confirm(phone.code()).code == "bind_expired"
    assert user.bind().json["superseded"] is False


def test_confirm_binds_and_is_the_first_login(user: User, clock: Clock):
    phone = user.phone()
    clock.advance(60)
    confirmed = user.confirm(phone.code())
    assert confirmed.status == 200
    assert {name: confirmed.json[name] for name in ("state", "channel", "channel_first_use")} == {
        "state": "bound",
        "channel": "desktop",
        "channel_first_use": True,
    }
    assert confirmed.json["pass_expires_at"] == "2027-01-15T08:02:00Z"
    assert user.look().json == {
        "account": user.account,
        "state": "bound",
        "channels": {"desktop": "2027-01-15T08:01:00Z", "mobile": None},
        "bound_at": "2027-01-15T08:01:00Z",
        "locked_until": None,
        "suspended": False,
        "bind_code_required": False,
    }
    assert user.verify(phone.code()).code == "code_used"


def test_a_pass_names_the_account_the_channel_and_the_factors(user: User, clock: Clock):
    phone = user.bound_phone()
    token = user.verify(phone.code(), client=MOBILE).json["pass"]
    key_set = user.call("GET", "/.well-known/jwks.json", headers={"Authorization": ""})
    assert key_set.status == 200
    assert key_set.headers["Cache-Control"] == "public, max-age=300"
    header = jwt.get_unverified_header(token)
    (key,) = [key for key in key_set.json["keys"] if key["kid"] == header["kid"]]
    assert set(key) == {"kty", "crv", "x", "y", "use", "alg", "kid"}
    claims = jwt.decode(
        token,
        jwt.PyJWK(key),
        algorithms=["ES256"],
        audience="trading-gateway",
        issuer=SETTINGS["PASS_ISSUER"],
        options={"verify_exp": False, "verify_iat": False},
    )
    now = int(clock())
    assert header["typ"] == "totp-pass+jwt"
    assert (claims["sub"], claims["iat"], claims["exp"]) == (user.account, now, now + 60)
    assert (claims["amr"], claims["channel"]) == (["pwd", "otp", "mfa"], "mobile")
    assert claims["binding"]
    clock.advance(30)
    again = jwt.decode(user.verify(phone.code()).json["pass"], options={"verify_signature": False})
    assert again["binding"] == claims["binding"]
    assert again["jti"] != claims["jti"]


def test_the_phone_is_bound_by_its_first_code(user: User):
    phone = user.bound_phone()
    assert user.verify(phone.code(-1), client=MOBILE).json["channel_first_use"] is True
    assert user.verify(phone.code(), client=MOBILE).json["channel_first_use"] is False
    assert user.verify(phone.code(1), client=OLD_DESKTOP).json["channel_first_use"] is False


def test_each_step_is_accepted_once_whatever_the_channel(user: User, clock: Clock):
    phone = user.bound_phone()
    code = phone.code()
    assert user.verify(code, client=MOBILE).status == 200
    for client in (MOBILE, DESKTOP):
        again = user.verify(code, client=client)
        assert (again.status, again.code, again.json["retry_after"]) == (403, "code_used", 30)
    ahead = phone.code(1)
    assert user.verify(ahead).status == 200
    clock.time += 0.5
    assert user.verify(ahead).json["retry_after"] == 60
    assert user.verify(phone.code()).code == "code_used"


def test_late_codes_count_and_carry_seconds_behind(user: User):
    phone = user.bound_phone()
    late = user.verify(phone.code(-20))
    assert (late.code, late.json["seconds_behind"], late.json["attempts_left"]) == (
        "code_expired",
        600,
        4,
    )
    assert user.verify(phone.code(-21)).json["attempts_left"] == 3
    assert user.verify(phone.code(2)).code == "wrong_code"


def test_the_fifth_wrong_code_locks_and_each_further_one_for_longer(user: User, clock: Clock):
    phone = user.bound_phone()
    left = [user.verify(phone.wrong()).json["attempts_left"] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    locked = user.verify(phone.code())
    assert (locked.status, locked.code) == (429, "locked")
    assert (locked.json["retry_after"], locked.headers["Retry-After"]) == (300, "300")
    assert user.look().json["locked_until"] == "2027-01-15T08:06:00Z"
    clock.advance(299)
    assert user.verify(phone.code()).json["retry_after"] == 1
    clock.advance(1)
    assert user.look().json["locked_until"] is None
    assert user.verify(phone.wrong()).json["attempts_left"] == 0
    assert user.verify(phone.code()).json["retry_after"] == 600
    clock.advance(600)
    assert user.verify(phone.code()).status == 200
    assert user.verify(phone.wrong()).json["attempts_left"] == 4


def test_the_fortieth_wrong_code_in_a_month_suspends_until_support_unlocks(
    user: User, clock: Clock, service
):
    phone = user.bound_phone()
    for _ in range(40):
        assert user.verify(phone.wrong()).code == "wrong_code"
        clock.advance(240 * 60)
    assert user.verify(phone.code()).code == "suspended"
    assert user.look().json["suspended"] is True
    assert user.look().json["locked_until"] is None


def test_five_wrong_codes_discard_a_pending_binding(user: User):
    phone = user.phone()
    left = [user.confirm(phone.wrong()).json["attempts_left"] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    assert user.confirm(phone.code()).code == "bind_not_started"
    assert user.look().json["state"] == "unbound"


def test_a_bound_account_cannot_bind_again(user: User):
    user.bound_phone()
    assert (user.bind().status, user.bind().code) == (409, "already_bound")
    assert user.confirm("123456").code == "already_bound"


@pytest.mark.parametrize("typed", ["１２３ ４５６", "123-456", "123－456", " 1\u30002 3456"])
def test_codes_are_accepted_as_people_type_them(user: User, typed: str):
    assert user.verify(typed).code == "not_bound"


@pytest.mark.parametrize(
    "typed", ["12345", "1234567", "", "١٢٣٤٥٦", "12345a", 123456, None, ["123456"], "12\n3456"]
)
def test_any_other_code_is_malformed_and_does_not_count(user: User, typed: object):
    phone = user.bound_phone()
    assert (user.verify(typed).status, user.verify(typed).code) == (400, "malformed_code")
    assert user.verify(phone.wrong()).json["attempts_left"] == 4


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", None),
        (b"null", None),
        (b"[]", None),
        (b'"123456"', None),
        (b"{", None),
        (b'{"code": NaN}', None),
        (b'{"code": "\xff"}', None),
        ('{"code": "123456"}'.encode("utf-16"), None),
        (b"[" * 4096, None),
        (b'{"code": ' + b"[" * 33 + b"]" * 33 + b"}", None),
        (b'{"code": "123456"' + b" " * 4096 + b"}", None),
        (b"{}", "code"),
        (b'{"Code": "123456"}', "code"),
    ],
)
def test_a_body_without_an_object_with_a_code_is_malformed(user: User, body: bytes, field: str | None):
    answer = user.call("POST", "/verify", body)
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert answer.json.get("field") == field


def test_a_body_may_have_4_kib_and_brackets_in_its_strings(user: User):
    padding = "[" * (4096 - len(json.dumps({"code": "123456", "x": ""})))
    body = json.dumps({"code": "123456", "x": padding}).encode()
    assert len(body) == 4096
    assert user.call("POST", "/verify", body).code == "not_bound"
    assert user.call("POST", "/verify", body + b" ").code == "malformed_request"


def test_the_content_type_is_ignored(user: User):
    for kind in ("text/plain", "application/octet-stream", "", "nonsense"):
        answer = user.call("POST", "/verify", b'{"code": "123456"}', headers={"Content-Type": kind})
        assert answer.code == "not_bound"


def test_the_body_of_bind_is_ignored(user: User):
    assert user.call("POST", "/bind", b"\xff" * 5000).status == 201


@pytest.mark.parametrize(
    "body", [{"body": "abc", "isBase64Encoded": True}, {"body": '{"code":"\ud800"}'}]
)
def test_a_body_that_cannot_be_decoded_is_malformed(user: User, service, body: dict[str, Any]):
    event = LambdaEventConverter(RouteMatcher(list(service.app.routes))).create_lambda_event(
        "POST", "/verify", {"authorization": f"Bearer {user.token()}"}
    )
    answer = service.app(event | body, None)
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["code"] == "malformed_request"
    assert answer["headers"]["x-request-id"]
