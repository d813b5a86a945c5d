"""Serves the emulated AWS: moto, one call at a time.

moto checks a condition and writes in two steps. If calls ran at the same time, two conditional
writes could both succeed, which never happens in DynamoDB.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.botocore_stubber import MockRawResponse
from moto.core.request import Request
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.test import run_wsgi_app

from infra.emulator.moto_gaps import fill_gaps

_LOOPBACK = "127.0.0.1"


class Emulator:
    """A moto server on a port that the system chooses, from ``start`` until ``stop``."""

    def __init__(self) -> None:
        fill_gaps()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._application = _one_at_a_time(DomainDispatcherApplication(create_backend_app))
        self._server: BaseWSGIServer = make_server(
            _LOOPBACK,
            0,
            self._application,
            threaded=True,
            request_handler=_QuietHandler,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="aws", daemon=True)

    @property
    def url(self) -> str:
        """The endpoint of every emulated service and region."""
        return f"http://{_LOOPBACK}:{self._server.server_port}"

    def start(self) -> None:
        """Start to answer calls."""
        self._thread.start()

    def answer_this_process(self) -> None:
        """Answer the boto3 clients that this process makes from now on without a socket.

        Requests and responses are the same to the byte. Each call saves two threads and two rounds
        of HTTP, so many calls at once do not time out on a slow machine.
        """
        boto3.setup_default_session()
        events: Any = boto3._get_default_session().events
        events.register("before-send", self._answer)

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        if not request.url.startswith(self.url):
            return None
        sent = Request.from_primitives(request.method, request.url, request.headers, request.body)
        body, status, headers = run_wsgi_app(self._application, sent.environ)
        answered: Any = dict(headers)
        return AWSResponse(
            request.url, int(status.split()[0]), answered, MockRawResponse(b"".join(body))
        )

    def stop(self) -> None:
        """Stop to answer calls, and release the port."""
        self._server.shutdown()
        self._server.server_close()


class _QuietHandler(MotoRequestHandler):
    """Formats no log lines for requests, since they are not logged."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log no requests. Errors are logged."""


def _one_at_a_time(application: Callable[..., Iterable[bytes]]) -> Callable[..., list[bytes]]:
    lock = threading.Lock()

    def locked(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        with lock:
            return list(application(environ, start_response))

    return locked
