"""A threaded HTTP/1.1 server on the loopback address.

Werkzeug's own server would not do: it closes each connection after one answer, refuses chunk
extensions, takes an invalid Content-Length for an empty body and joins repeated headers.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOOPBACK = "127.0.0.1"

LARGEST_BODY = 10 * 1024 * 1024
"""API Gateway's limit, in bytes."""

MOST_DISCARDED = 10 * LARGEST_BODY
"""Bytes that are read of a body over the limit before the response is sent."""

_MOST_DIGITS = 15
"""Digits of the longest Content-Length that is parsed."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request with its target as sent. The body is None if it is too large or malformed."""

    method: str
    target: str
    headers: Message
    body: bytes | None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def json_response(status: int, document: Any, headers: dict[str, str] | None = None) -> HttpResponse:
    """Return a response with a JSON document."""
    body = json.dumps(document, ensure_ascii=False).encode()
    return HttpResponse(status, {"Content-Type": "application/json", **(headers or {})}, body)


class Server(ThreadingHTTPServer):
    """Listens on ``port``; the system chooses one if it is 0.

    Clients may connect at once and wait until ``serve`` is called. ``malformed`` answers bytes that
    are no HTTP request.
    """

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port: int, malformed: Callable[[], HttpResponse]) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.respond: Callable[[HttpRequest], HttpResponse] = lambda request: malformed()
        self.malformed = malformed

    def serve(self, respond: Callable[[HttpRequest], HttpResponse]) -> None:
        """Start to answer requests, in a thread of its own."""
        self.respond = respond
        threading.Thread(target=self.serve_forever, name="http", daemon=True).start()

    def stop(self) -> None:
        """Stop to answer requests, and release the port."""
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://{LOOPBACK}:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error: the client closed the connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: Server

    def __getattr__(self, name: str) -> Any:
        """Handle every method alike. http.server looks for do_GET, do_POST and so on."""
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def _handle(self) -> None:
        body = self._body()
        self._send(self.server.respond(HttpRequest(self.command, self.path, self.headers, body)))

    def _body(self) -> bytes | None:
        coding = self.headers.get("Transfer-Encoding")
        length = self.headers.get("Content-Length", "0")
        body = None
        if coding is not None:
            body = self._chunks() if coding.strip().lower() == "chunked" else None
        elif length.isascii() and length.isdecimal() and len(length) <= _MOST_DIGITS:
            body = self._read(int(length))
        if body is None:
            self.close_connection = True
        return body

    def _read(self, length: int) -> bytes | None:
        """Read ``length`` bytes. Returns None if that is over the limit or the client sends fewer."""
        if length > LARGEST_BODY:
            self._discard(length)
            return None
        body = self.rfile.read(length)
        return body if len(body) == length else None

    def _discard(self, length: int) -> None:
        """Read a body that is too large: a client that is still sending would not see the response."""
        self.connection.settimeout(1)
        try:
            for _ in range(0, min(length, MOST_DISCARDED), 65_536):
                if not self.rfile.read1(65_536):
                    return
        except OSError:
            pass

    def _chunks(self) -> bytes | None:
        """Read a body in chunks (RFC 9112 section 7.1). Returns None if it is malformed or too large."""
        body = b""
        try:
            while size := int(self.rfile.readline(100).split(b";")[0], 16):
                piece = self._read(size)
                if size < 0 or piece is None or len(body) + size > LARGEST_BODY:
                    raise ValueError(size)
                body += piece
                self.rfile.readline(3)
            while self.rfile.readline(1_000).strip():
                pass
        except ValueError:
            return None
        return body

    def _send(self, response: HttpResponse) -> None:
        self.send_response_only(response.status)
        self.send_header("Date", self.date_time_string())
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that http.server cannot parse in the contract's form."""
        self.close_connection = True
        # http.server takes an unreadable request line for HTTP/0.9, whose responses have no headers.
        self.request_version = self.protocol_version
        self._send(self.server.malformed())

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the service writes its own log."""
