"""A stranger's login tokens: each is refused with the right error, and nothing is fetched for it."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from chalicelib import wiring
from tests.kit.clock import Clock
from tests.kit.figures import record
from tests.kit.forgeries import FORGERIES, Forger
from tests.kit.login import KEY_SET
from tests.kit.user import User
from tests.kit.wire import Wire
from tests.unit.logins import OTHER_EC_KEY, OTHER_KEY

STRANGERS_KEYS = {
    "keys": [
        {**RSAAlgorithm.to_jwk(OTHER_KEY.public_key(), as_dict=True), "kid": "stranger"},
        {**ECAlgorithm.to_jwk(OTHER_EC_KEY.public_key(), as_dict=True), "kid": "stranger-ec"},
    ]
}


class Server(HTTPServer):
    """Serves one key set on every path."""

    def __init__(self, key_set: Any) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = json.dumps(key_set).encode()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/keys"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:
        """Be silent."""


def serving(key_set: Any) -> Iterator[Server]:
    with Server(key_set) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def login_server() -> Iterator[Server]:
    yield from serving(KEY_SET)


@pytest.fixture(scope="module")
def stranger() -> Iterator[Server]:
    yield from serving(STRANGERS_KEYS)


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The addresses that this process connects to from here on."""
    addresses: list[Any] = []
    connect = socket.socket.connect

    def noted(self: socket.socket, address: Any) -> None:
        addresses.append(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", noted)
    return addresses


@pytest.fixture
def caller(
    service: Any, user: User, login_server: Server, monkeypatch: pytest.MonkeyPatch, wire: Wire
) -> User:
    """A caller of a service that fetches the login server's keys."""
    monkeypatch.delenv("LOGIN_KEY_SET")
    monkeypatch.setenv("LOGIN_KEY_SET_URL", login_server.url)
    wiring.reset()
    return user


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_login_is_refused_and_nothing_is_fetched_for_it(
    name: str,
    caller: User,
    clock: Clock,
    stranger: Server,
    login_server: Server,
    connected: list[Any],
    wire: Wire,
):
    error, forge = FORGERIES[name]
    token = forge(Forger(clock, stranger.url))
    answer = caller.look(token=token)
    assert (answer.status, answer.code) == (401, error)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    if len(token) > 8:
        assert token[:200] not in answer.raw.decode()
    assert set(connected) <= {("127.0.0.1", login_server.server_port)}
    assert len(connected) <= 2
    assert wire.calls == []


@pytest.mark.parametrize(
    "claims",
    [{"iat": 30}, {"nbf": 30}, {"auth_time": 30}, {"exp": 1}, {"auth_time": -300}, {}],
    ids=str,
)
def test_the_second_before_each_edge_is_accepted(caller: User, clock: Clock, claims: dict[str, int]):
    at = {name: int(clock()) + seconds for name, seconds in claims.items()}
    assert caller.look(token=caller.token(**at)).status == 200


def test_a_pass_is_no_login(caller: User):
    phone = caller.bound_phone()
    issued = caller.verify(phone.code()).json["pass"]
    assert caller.look(token=issued).code == "login_invalid"


def test_the_forgeries_are_more_than_a_hundred():
    record("forged logins", forgeries=len(FORGERIES) + 1)
    assert len(FORGERIES) > 100
