"""A small HTTP server on the loopback address that many clients may call at once."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOOPBACK = "127.0.0.1"

LARGEST_BODY = 10 * 1024 * 1024
"""Bytes: API Gateway's own limit."""

MOST_DISCARDED = 10 * LARGEST_BODY
"""Bytes of a body over the limit that are read before the answer."""

_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: its target as sent, its headers, and its body (None: too large or broken)."""

    method: str
    target: str
    headers: Message
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Reply:
    """A response."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def json_reply(status: int, document: Any, headers: dict[str, str] | None = None) -> Reply:
    """A response of JSON."""
    body = json.dumps(document, ensure_ascii=False).encode()
    return Reply(status, {"Content-Type": "application/json", **(headers or {})}, body)


class Server(ThreadingHTTPServer):
    """Listens on ``port``, or on one that the system chooses where it is 0.

    Callers wait until ``serve`` says how to respond; ``unreadable`` is for what is no HTTP request.
    """

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port: int, unreadable: Callable[[], Reply]) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.respond: Callable[[Ask], Reply] = lambda ask: unreadable()
        self.unreadable = unreadable

    def serve(self, respond: Callable[[Ask], Reply]) -> None:
        """Begin to answer, in a thread of its own."""
        self.respond = respond
        threading.Thread(target=self.serve_forever, name="http", daemon=True).start()

    def stop(self) -> None:
        """Answer no more, and give the port back."""
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{LOOPBACK}:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: Server

    def __getattr__(self, name: str) -> Any:
        """Whatever the method, the same way in: http.server looks for do_GET, do_POST and so on."""
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def _handle(self) -> None:
        body = self._body()
        self._send(self.server.respond(Ask(self.command, self.path, self.headers, body)))

    def _body(self) -> bytes | None:
        coding = self.headers.get("Transfer-Encoding")
        length = self.headers.get("Content-Length", "0")
        body = None
        if coding is not None:
            body = self._chunks() if coding.strip().lower() == "chunked" else None
        elif length.isascii() and length.isdecimal() and len(length) < _DIGITS:
            body = self._exactly(int(length))
        if body is None:
            self.close_connection = True
        return body

    def _exactly(self, length: int) -> bytes | None:
        """So many bytes; None where they are too many, or where fewer come."""
        if length > LARGEST_BODY:
            self._discard(length)
            return None
        body = self.rfile.read(length)
        return body if len(body) == length else None

    def _discard(self, length: int) -> None:
        """Read what is too much: a client that is still sending would never see the answer."""
        self.connection.settimeout(1)
        try:
            for _ in range(0, min(length, MOST_DISCARDED), 65_536):
                if not self.rfile.read1(65_536):
                    return
        except OSError:
            pass

    def _chunks(self) -> bytes | None:
        """A body in chunks (RFC 9112 section 7.1)."""
        body = b""
        try:
            while size := int(self.rfile.readline(100).split(b";")[0], 16):
                piece = self._exactly(size)
                if size < 0 or piece is None or len(body) + size > LARGEST_BODY:
                    raise ValueError(size)
                body += piece
                self.rfile.readline(3)
            while self.rfile.readline(1_000).strip():
                pass
        except ValueError:
            return None
        return body

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        self.send_header("Date", self.date_time_string())
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(reply.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server refuses by itself: not its own page, but our form."""
        self.close_connection = True
        # A request line that cannot be read counts as HTTP/0.9, whose answers have no headers.
        self.request_version = self.protocol_version
        self._send(self.server.unreadable())

    def log_message(self, format: str, *args: Any) -> None:
        """The service writes its own log."""
