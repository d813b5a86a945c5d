"""The support command at a terminal, on this machine and at a deployed stage."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import wiring
from infra.local import lambda_api, operators
from infra.local.http_server import HttpResponse, Server
from infra.local.lambda_api import LambdaApi
from tests.kit.sts import Sts
from tests.kit.support_terminal import DEPLOYED, Lambda, Terminal, become, speak


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """An HTTP server whose answers each test sets."""
    server = Server(0, lambda: HttpResponse(400))
    server.serve(lambda ask: HttpResponse(503))
    yield server
    server.stop()


@pytest.fixture
def local(service: Any, server: Server, sts: Sts, monkeypatch: pytest.MonkeyPatch) -> Lambda:
    """The local stage, as make run serves it."""
    sts.strangers = operators.identity
    lambda_ = Lambda(server, LambdaApi(service))
    server.respond = lambda_.respond
    monkeypatch.setenv("PORT", str(server.server_port))
    return lambda_


@pytest.fixture
def deployed(service: Any, server: Server, sts: Sts, monkeypatch: pytest.MonkeyPatch) -> Lambda:
    """A deployed stage: Lambda where the SDK looks for it, and an operator whom STS names."""
    monkeypatch.setattr(lambda_api, "STAGE", DEPLOYED)
    lambda_ = Lambda(server, LambdaApi(service))
    server.respond = lambda_.respond
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
    become(monkeypatch, sts, "mei.chan")
    wiring.components()  # built before a test removes the region that they need
    return lambda_


@pytest.fixture
def terminal(
    local: Lambda, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    speak(monkeypatch, "en_GB.UTF-8")
    return Terminal(capsys, monkeypatch, "local")


@pytest.fixture
def at_prod(
    deployed: Lambda, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    speak(monkeypatch, "en_GB.UTF-8")
    return Terminal(capsys, monkeypatch, DEPLOYED)


@pytest.fixture(scope="module", autouse=True)
def _in_hong_kong() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Hong_Kong")
        time.tzset()
        yield
    time.tzset()
