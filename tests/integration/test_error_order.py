"""Errors come in the contract's order, form and language."""

import pytest

from tests.kit.clock import Clock
from tests.kit.login import DESKTOP, LOGIN_EC_KEY, MOBILE, OLD_DESKTOP
from tests.kit.user import User
from tests.kit.wire import Wire

CALLS = [("GET", "/binding"), ("POST", "/bind"), ("POST", "/bind/confirm"), ("POST", "/verify")]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "bearer a, Bearer b", "abc"]
)
def test_without_one_bearer_token_login_is_required(user: User, method: str, path: str, value: str):
    answer = user.call(method, path, headers={"Authorization": value})
    assert (answer.status, answer.code) == (401, "login_required")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_bad_token_is_login_invalid(user: User, method: str, path: str):
    for token in ("abc", "a.b.c", user.token(iss="https://evil.example"), user.token(aud="x"), "\u4e2d"):
        answer = user.call(method, path, token=token)
        assert (answer.status, answer.code) == (401, "login_invalid")
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_pass_is_no_login_token(user: User):
    phone = user.bound_phone()
    issued = user.verify(phone.code()).json["pass"]
    assert user.look(token=issued).code == "login_invalid"


def test_tokens_of_both_algorithms_are_accepted(user: User):
    assert user.look(token=user.token(key=LOGIN_EC_KEY)).status == 200


@pytest.mark.parametrize(
    ("path", "age"), [("/binding", 300), ("/bind", 300), ("/verify", 300), ("/bind/confirm", 900)]
)
def test_a_login_expires_some_time_after_the_password_was_typed(
    user: User, clock: Clock, path: str, age: int
):
    method = "GET" if path == "/binding" else "POST"
    token = user.token()
    clock.advance(age)
    body = {"code": "123456"}
    assert user.call(method, path, body, token=token).code != "login_expired"
    clock.advance(1)
    answer = user.call(method, path, body, token=token)
    assert (answer.status, answer.code) == (401, "login_expired")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("client", [OLD_DESKTOP, MOBILE])
@pytest.mark.parametrize("path", ["/bind", "/bind/confirm"])
def test_only_a_client_that_may_bind_binds(user: User, client: str, path: str):
    answer = user.call("POST", path, {"code": "123456"}, client=client)
    assert (answer.status, answer.code) == (403, "desktop_only")


def test_checks_come_in_order_and_none_before_the_state_calls_aws(user: User, wire: Wire):
    nonsense, bad_code = b"nonsense", {"code": "x"}
    refused = [
        user.call("POST", "/bind/confirm", nonsense, token="x").code,
        user.call("POST", "/bind/confirm", nonsense, client=MOBILE).code,
        user.call("POST", "/bind/confirm", nonsense).code,
        user.call("POST", "/bind/confirm", bad_code).code,
    ]
    assert refused == ["login_invalid", "desktop_only", "malformed_request", "malformed_code"]
    assert wire.calls == []
    assert user.confirm("123456").code == "bind_not_started"
    assert wire.calls == ["GetItem"]


def test_term_comes_before_the_code_and_suspension_before_the_lock(user: User, clock: Clock):
    phone = user.phone()
    clock.advance(601)
    assert user.confirm(phone.wrong()).code == "bind_expired"
    assert user.confirm(phone.code()).code == "bind_expired"


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/binding"), ("POST", "/binding"), ("GET", "/verify")]
)
def test_a_method_that_a_path_lacks_is_not_found(user: User, method: str, path: str):
    answer = user.call(method, path)
    assert (answer.status, answer.code) == (404, "not_found")


def test_every_answer_has_our_request_id_and_no_store(user: User):
    theirs = {"x-request-id": "theirs", "x-amzn-RequestId": "theirs"}
    answers = [user.look(headers=theirs), user.bind(), user.verify("1"), user.call("DELETE", "/bind")]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == 4
    assert "theirs" not in ids
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
    assert answers[2].json["request_id"] == ids[2]


@pytest.mark.parametrize(
    ("wanted", "title"),
    [
        ("en", "No authenticator is bound yet"),
        ("zh-HK", "尚未綁定驗證器"),
        ("zh-CN", "尚未绑定验证器"),
        ("fr", "尚未绑定验证器"),
        ("fr, en;q=0.5, zh-TW;q=0.8", "尚未綁定驗證器"),
    ],
)
def test_errors_are_in_the_callers_language(user: User, wanted: str, title: str):
    answer = user.verify("123456", headers={"Accept-Language": wanted})
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["title"] == title
    assert title.encode() in answer.raw


def test_a_problem_document_has_its_five_members_and_what_the_code_carries(user: User):
    phone = user.bound_phone()
    answer = user.verify(phone.wrong(), headers={"Accept-Language": "en"})
    assert answer.json == {
        "type": "urn:totp-binding:problem:wrong_code",
        "title": "The code is not right",
        "status": 403,
        "code": "wrong_code",
        "detail": answer.json["detail"],
        "request_id": answer.headers["x-request-id"],
        "attempts_left": 4,
    }


def test_nobody_sees_anothers_binding(new_user):
    bound, other = new_user(), new_user()
    bound.bound_phone()
    assert other.look(client=DESKTOP).json["state"] == "unbound"
    assert other.look().json["account"] == other.account
