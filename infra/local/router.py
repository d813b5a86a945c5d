"""Routes each request of the local stack to the component that answers it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from chalicelib.core.errors import ErrorCode
from chalicelib.log import frames, log
from infra.environment import ROOT
from infra.gateway_answers import REFUSALS
from infra.local import api_document
from infra.local.api_gateway import BASE, ApiGateway, gateway_response
from infra.local.feed import Feed
from infra.local.http_server import HttpRequest, HttpResponse, json_response
from infra.local.lambda_api import INVOKE_PATH, LambdaApi
from infra.local.password_login import PasswordLogin
from infra.local.presets import Presets
from infra.local.stack import UserPool
from infra.local.static_files import StaticFiles

PAGE = ROOT / "infra" / "local" / "page"

GATEWAY_RESPONSES = "/gateway-answers/"
"""The prefix of API Gateway's response types: a GET of one shows the response to a client developer,
who cannot provoke a throttle on one machine."""


CROWD = 64
"""Calls at once of ``POST /crowd``. A browser makes six at once, which do not keep an account busy."""


class Router:
    """Answers all requests of the local stack."""

    def __init__(self, module: Any, pool: UserPool, presets: Presets, feed: Feed) -> None:
        self._feed = feed
        self._api = ApiGateway(module.app)
        self._functions = LambdaApi(module)
        self._login = PasswordLogin(pool, presets)
        self._files = StaticFiles(PAGE, api_document.VIEWER)

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Return the response to a request. An unexpected error is ``unavailable``."""
        try:
            return self._route(request)
        except Exception as error:
            log.error("the local stack failed", extra={"failure": frames(error)})
            return gateway_response(ErrorCode.UNAVAILABLE)

    def _route(self, request: HttpRequest) -> HttpResponse:
        path, _, query = request.target.partition("?")
        if path == BASE or path.startswith(BASE + "/"):
            return self._api.respond(request)
        if request.method == "POST" and (match := INVOKE_PATH.fullmatch(request.target)):
            return self._invoke(match[1], request, match[2] or "")
        if request.method == "POST" and path == "/login":
            return self._login.respond(request)
        if request.method == "POST" and path == "/crowd":
            return self._crowd(request)
        if request.method == "GET" and path == "/feed":
            return self._events_after(parse_qs(query).get("after", ["0"])[-1])
        if request.method in ("GET", "HEAD"):
            return self._file(path)
        return gateway_response(ErrorCode.NOT_FOUND)

    def _invoke(self, function: str, request: HttpRequest, query: str) -> HttpResponse:
        """Read an Invoke call's parameters from its headers and query, and make the call."""
        return self._functions.invoke(
            function,
            request.body,
            request.headers.get("X-Amz-Invocation-Type", "RequestResponse"),
            request.headers.get("Authorization"),
            log_type=request.headers.get("X-Amz-Log-Type", "None"),
            qualifier=parse_qs(query).get("Qualifier", [""])[-1],
        )

    def _crowd(self, request: HttpRequest) -> HttpResponse:
        """Call ``/bind`` many times at once with one login token. Return a refused call's response."""
        calls = [replace(request, target=f"{BASE}/bind")] * CROWD
        with ThreadPoolExecutor(CROWD) as pool:
            responses = list(pool.map(self._api.respond, calls))
        return next((one for one in responses if one.status == 429), responses[0])

    def _file(self, path: str) -> HttpResponse:
        """Return a file of the page, the sample of a gateway response, or the API's document."""
        if path.startswith(GATEWAY_RESPONSES):
            kind = path.removeprefix(GATEWAY_RESPONSES)
            return gateway_response(REFUSALS.get(kind, ErrorCode.NOT_FOUND))
        if path == api_document.PATH:
            return api_document.api_document()
        return self._files.respond(path) or gateway_response(ErrorCode.NOT_FOUND)

    def _events_after(self, position: str) -> HttpResponse:
        if not (position.isascii() and position.isdecimal() and len(position) < 16):
            return json_response(400, {"error": "after must be the position of an event"})
        events = {"events": self._feed.after(int(position))}
        return json_response(200, events, {"Cache-Control": "no-store"})
