"""An address that serves no key set: the reason in the log, and what a deployment is told."""

import json

import pytest

from chalicelib.core.errors import Unavailable
from chalicelib.tokens.login_keys import key_set_problem, login_keys, usable_keys
from tests.kit.clock import Clock
from tests.kit.login import KEY_SET
from tests.unit.logins import Door
from tests.unit.test_login_key_fetch import LoginServer, server  # noqa: F401

DISCOVERY = {"issuer": "https://mark.example", "jwks_uri": "https://mark.example/keys"}

ANSWERS: dict[str, tuple[tuple[int, dict[str, str], bytes], str]] = {
    "/discovery": ((200, {}, json.dumps(DISCOVERY).encode()), "discovery document"),
    "/moved": ((301, {"Location": "https://mark.example/keys"}, b"mark"), "status 301, a redirect"),
    "/found": ((302, {"Location": "/keys"}, b""), "status 302, a redirect"),
    "/temporary": ((307, {"Location": "/keys"}, b" " * 300_000), "status 307, a redirect"),
    "/permanent": ((308, {"Location": "/keys"}, b""), "status 308, a redirect"),
    "/missing": ((404, {}, b"mark"), "status 404"),
    "/down": ((503, {}, b"mark"), "status 503"),
    "/page": ((200, {}, b"<html>mark</html>"), "no JSON"),
    "/list": ((200, {}, b'["mark"]'), "no list of keys"),
    "/object": ((200, {}, b'{"keys": "mark"}'), "no list of keys"),
    "/none": ((200, {}, b'{"keys": []}'), "no key for signatures"),
    "/symmetric": ((200, {}, b'{"keys": [{"kty": "oct", "k": "bWFyaw"}]}'), "no key for signatures"),
    "/large": ((200, {}, b" " * (256 * 1024 + 1)), "too large"),
    "/hung-up": ((0, {}, b""), "ProtocolError"),
}


@pytest.fixture
def addresses(server: LoginServer) -> str:  # noqa: F811
    server.answers = {path: answer for path, (answer, _) in ANSWERS.items() if path != "/hung-up"}
    server.answers["/keys"] = (200, {}, json.dumps(KEY_SET).encode())
    return f"http://127.0.0.1:{server.server_port}"


def test_an_address_that_serves_a_key_set_has_no_problem(addresses: str):
    assert key_set_problem(f"{addresses}/keys") is None


@pytest.mark.parametrize("path", ANSWERS)
def test_a_deployment_is_told_what_an_address_serves_instead(addresses: str, path: str):
    problem = key_set_problem(f"{addresses}{path}")
    assert problem is not None
    assert ANSWERS[path][1] in problem
    assert "mark" not in problem


@pytest.mark.parametrize("path", ANSWERS)
def test_the_log_says_the_same(addresses: str, clock: Clock, path: str):
    class Fetched:
        login_key_set, login_key_set_url = None, f"{addresses}{path}"

    door = Door(clock, login_keys(Fetched(), clock))  # type: ignore[arg-type]
    with pytest.raises(Unavailable) as caught:
        door.caller(door.token())
    assert caught.value.why.startswith("the login server's key set cannot be had: ")
    assert ANSWERS[path][1] in caught.value.why
    assert "mark" not in caught.value.why


def test_a_redirect_and_a_discovery_document_say_what_to_set(addresses: str):
    assert "must be its jwks_uri" in str(key_set_problem(f"{addresses}/discovery"))
    assert "must be the address that it leads to" in str(key_set_problem(f"{addresses}/moved"))


def test_a_key_set_may_have_further_members():
    assert usable_keys(json.dumps(KEY_SET | DISCOVERY).encode())


def test_nobody_there_is_a_problem_too():
    assert key_set_problem("http://127.0.0.1:9/keys") == "NewConnectionError"
