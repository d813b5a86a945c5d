"""API Gateway's part: events for the app, and the responses that the gateway gives by itself."""

import json
import uuid
from typing import Any

from chalice.config import Config
from chalice.local import LambdaEventConverter, LocalChalice, LocalGateway, RouteMatcher

from chalicelib.core.errors import ErrorCode
from infra.environment import ROOT
from infra.gateway_answers import both_languages
from infra.local.http_server import HttpRequest, HttpResponse, json_response
from infra.local.stack import STAGE

BASE = "/api"
"""The path of the stage, as deployed."""

LARGEST_HEAD = 10_240
"""API Gateway's limit for the request line and all header values together, in bytes."""


class ApiGateway:
    """Chalice's local gateway, with API Gateway's own responses."""

    def __init__(self, app: Any) -> None:
        # LocalChalice keeps the current request in the thread; Chalice's own local server does the same.
        app.__class__ = type("App", (LocalChalice, app.__class__), {})
        self._routes = app.routes
        config = Config(
            chalice_stage=STAGE,
            user_provided_params={"chalice_app": app},
            config_from_disk=json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8")),
        )
        self._gateway = LocalGateway(app, config)
        self._gateway.event_converter = _EventConverter(
            RouteMatcher(list(app.routes)), app.api.binary_types
        )

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Return the app's response, or the gateway's own if there is no such path or method."""
        path, mark, query = request.target.removeprefix(BASE).partition("?")
        # API Gateway ignores one slash at the end.
        route = path.removesuffix("/")
        if request.body is None or _head_bytes(request) > LARGEST_HEAD:
            return gateway_response(ErrorCode.MALFORMED_REQUEST)
        if request.method not in self._routes.get(route, {}):
            return gateway_response(ErrorCode.NOT_FOUND)
        target = route + mark + query
        answer = self._gateway.handle_request(request.method, target, _Headers(request), request.body)
        return HttpResponse(answer["statusCode"], answer["headers"], answer["body"].encode())


def gateway_response(code: ErrorCode) -> HttpResponse:
    """Return the response that API Gateway gives by itself."""
    status, headers, document = both_languages(code, str(uuid.uuid4()))
    return json_response(status, document, headers)


def _head_bytes(request: HttpRequest) -> int:
    """Return the size that API Gateway limits. http.server decodes bytes as Latin-1, one each."""
    line = len(f"{request.method} {request.target} HTTP/1.1")
    return line + sum(map(len, request.headers.values()))


class _Headers(dict[str, str]):
    """Headers in the form that Chalice's local gateway takes, with all values of repeated headers."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.headers.items())
        self.repeated = {name: request.headers.get_all(name, []) for name in self}


class _EventConverter(LambdaEventConverter):
    """Adds to Chalice's local events the repeated headers, which API Gateway keeps."""

    def create_lambda_event(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> dict[str, Any]:
        event: dict[str, Any] = super().create_lambda_event(method, path, headers, body)
        repeated = headers.repeated if isinstance(headers, _Headers) else {}
        return event | {"multiValueHeaders": repeated}
