"""A key set is fetched over HTTP by one request, without redirects, up to a size and a time."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import urllib3

from chalicelib.tokens.login_keys import fetcher


class LoginServer(HTTPServer):
    """Answers each path as set, closes the connection on any other, and remembers the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        self.pause = 0.0

    def fetch(self, path: str) -> bytes:
        return fetcher(f"http://127.0.0.1:{self.server_port}{path}")()


class Handler(BaseHTTPRequestHandler):
    server: LoginServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path not in self.server.answers:
            self.close_connection = True
            return
        status, headers, body = self.server.answers[self.path]
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        for piece in [body[:1], body[1:2], body[2:]] if self.server.pause else [body]:
            self.wfile.write(piece)
            time.sleep(self.server.pause)

    def log_message(self, format: str, *args: object) -> None:
        """Be silent."""


@pytest.fixture
def server() -> Iterator[LoginServer]:
    with LoginServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_key_set_is_returned_as_it_was_served(server: LoginServer):
    server.answers["/keys"] = (200, {}, b'{"keys": []}')
    assert server.fetch("/keys") == b'{"keys": []}'


@pytest.mark.parametrize("status", [204, 301, 302, 307, 308, 404, 500, 503])
def test_any_other_status_is_a_failure_and_no_redirect_is_followed(server: LoginServer, status: int):
    server.answers["/keys"] = (status, {"Location": "/elsewhere"}, b"")
    server.answers["/elsewhere"] = (200, {}, b'{"keys": []}')
    with pytest.raises(ValueError, match=f"status {status}"):
        server.fetch("/keys")
    assert server.asked == ["/keys"]


def test_a_key_set_is_at_most_256_kib(server: LoginServer):
    server.answers["/keys"] = (200, {}, b" " * 256 * 1024)
    assert len(server.fetch("/keys")) == 256 * 1024
    server.answers["/keys"] = (200, {}, b" " * (256 * 1024 + 1))
    with pytest.raises(ValueError, match="too large"):
        server.fetch("/keys")


def test_a_slow_server_is_given_up(server: LoginServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("chalicelib.tokens.login_keys._FETCH_SECONDS", 0.1)
    server.answers["/keys"] = (200, {}, b"slow")
    server.pause = 0.2
    with pytest.raises(ValueError, match="too slow"):
        server.fetch("/keys")


def test_a_server_that_hangs_up_is_asked_once(server: LoginServer):
    with pytest.raises(urllib3.exceptions.HTTPError):
        server.fetch("/keys")
    assert server.asked == ["/keys"]


def test_an_unreachable_server_is_a_failure():
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    with pytest.raises(urllib3.exceptions.HTTPError):
        fetcher(f"http://127.0.0.1:{port}/keys")()
