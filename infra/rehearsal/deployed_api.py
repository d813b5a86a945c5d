"""The deployed REST API, played by its own routes and its own gateway responses.

Nothing here knows the service: an HTTP request becomes the event that API Gateway would make of
it, and what the function answers becomes the response.
"""

import base64
import json
import re
import secrets
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from infra.local.http_server import LOOPBACK, HttpRequest, HttpResponse

_REMAPPED = "www-authenticate"
"""API Gateway gives this header of a function's answer another name."""

_FUNCTION = re.compile(r":function:([\w-]+)")


@dataclass(frozen=True, slots=True)
class _Route:
    pattern: re.Pattern[str]
    resource: str
    functions: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What a deployment made visible: later changes to the API do not show until the next."""

    routes: list[_Route]
    answers: dict[str, dict[str, Any]]
    binary_types: frozenset[str]


class DeployedApi:
    """The one REST API of an account, whichever it is and whatever it serves at the time."""

    def __init__(
        self, gateway: Any, stage: str, invoke: Callable[[str, bytes], tuple[bytes, bool]]
    ) -> None:
        self._gateway = gateway
        self._stage = stage
        self._invoke = invoke
        self._seen: dict[tuple[str, str], _Snapshot] = {}
        self._served: _Snapshot | None = None
        self._lock = threading.Lock()

    def respond(self, ask: HttpRequest) -> HttpResponse:
        """The response to a request at ``/<stage>/…``."""
        snapshot = self._snapshot()
        if snapshot is None:
            return HttpResponse(403, {"Content-Type": "application/json"}, b'{"message":"Forbidden"}')
        parts = urlsplit(ask.target)
        path = parts.path.removeprefix(f"/{self._stage}") or "/"
        ids = {"extendedRequestId": secrets.token_urlsafe(11) + "=", "requestId": str(uuid.uuid4())}
        route = next((one for one in snapshot.routes if one.pattern.fullmatch(path)), None)
        function = route.functions.get(ask.method) if route else None
        if ask.body is None:
            return _own_answer(snapshot, "REQUEST_TOO_LARGE", ids)
        if route is None or function is None:
            signed = ask.headers.get("authorization") is not None
            kind = "INVALID_SIGNATURE" if signed else "MISSING_AUTHENTICATION_TOKEN"
            return _own_answer(snapshot, kind, ids)
        event = self._event(ask, path, parts.query, route, ids, snapshot)
        answer, failed = self._invoke(function, json.dumps(event).encode())
        try:
            return (
                _response(json.loads(answer))
                if not failed
                else _own_answer(snapshot, "DEFAULT_5XX", ids)
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return _own_answer(snapshot, "DEFAULT_5XX", ids)

    def show(self, api: str, deployment: str) -> None:
        """Keep what an API is at this moment, for when a stage shows that deployment."""
        self._seen[api, deployment] = self._read(api)

    def look_again(self) -> None:
        """Ask the account anew what is served: that may have changed."""
        with self._lock:
            self._served = None

    def _snapshot(self) -> _Snapshot | None:
        with self._lock:
            if self._served is None:
                self._served = self._look()
            return self._served

    def _look(self) -> _Snapshot | None:
        for api in self._gateway.get_rest_apis()["items"]:
            for stage in self._gateway.get_stages(restApiId=api["id"])["item"]:
                if stage["stageName"] == self._stage:
                    return self._seen[api["id"], stage["deploymentId"]]
        return None

    def _read(self, api: str) -> _Snapshot:
        routes = []
        resources = self._gateway.get_resources(restApiId=api, embed=["methods"], limit=500)
        for resource in resources["items"]:
            functions = {
                method: found[1]
                for method, how in resource.get("resourceMethods", {}).items()
                if (found := _FUNCTION.search(how.get("methodIntegration", {}).get("uri", "")))
            }
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(resource["path"]))
            routes.append(_Route(re.compile(pattern), resource["path"], functions))
        answers = self._gateway.get_gateway_responses(restApiId=api, limit=500)["items"]
        binary = self._gateway.get_rest_api(restApiId=api).get("binaryMediaTypes", [])
        return _Snapshot(
            routes,
            {answer["responseType"]: answer for answer in answers},
            frozenset(binary),
        )

    def _event(
        self,
        ask: HttpRequest,
        path: str,
        query: str,
        route: _Route,
        ids: dict[str, str],
        snapshot: _Snapshot,
    ) -> dict[str, Any]:
        """The event of a Lambda proxy integration."""
        match = route.pattern.fullmatch(path)
        named = {name: unquote(value) for name, value in (match.groupdict() if match else {}).items()}
        pairs = parse_qsl(query, keep_blank_values=True)
        repeated: dict[str, list[str]] = {}
        for name, value in pairs:
            repeated.setdefault(name, []).append(value)
        body = ask.body or b""
        binary = ask.headers.get_content_type() in snapshot.binary_types
        return {
            "resource": route.resource,
            "path": path,
            "httpMethod": ask.method,
            "headers": dict(ask.headers.items()),
            "multiValueHeaders": {name: ask.headers.get_all(name) for name in ask.headers},
            "queryStringParameters": dict(pairs) or None,
            "multiValueQueryStringParameters": repeated or None,
            "pathParameters": named or None,
            "stageVariables": None,
            "requestContext": {
                **ids,
                "resourcePath": route.resource,
                "httpMethod": ask.method,
                "path": f"/{self._stage}{path}",
                "stage": self._stage,
                "identity": {"sourceIp": LOOPBACK, "userAgent": ask.headers.get("user-agent")},
            },
            "body": (base64.b64encode(body) if binary else body).decode("utf-8", "replace") or None,
            "isBase64Encoded": binary,
        }


def _response(answer: dict[str, Any]) -> HttpResponse:
    """A proxy integration's answer. ValueError and the like where it is malformed: a 502 in AWS."""
    headers = {
        **answer.get("headers", {}),
        **{name: values[-1] for name, values in (answer.get("multiValueHeaders") or {}).items()},
    }
    body: str = answer.get("body") or ""
    if not all(isinstance(value, str) for value in (*headers.values(), body)):
        raise TypeError("headers and body must be strings")
    renamed = {
        f"x-amzn-Remapped-{name}" if name.lower() == _REMAPPED else name: value
        for name, value in headers.items()
    }
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    return HttpResponse(int(answer["statusCode"]), renamed, raw)


def _own_answer(snapshot: _Snapshot, kind: str, ids: dict[str, str]) -> HttpResponse:
    """What the gateway answers by itself, as it was told to."""
    told = snapshot.answers.get(kind) or snapshot.answers.get(
        "DEFAULT_5XX" if kind == "DEFAULT_5XX" else "DEFAULT_4XX", {}
    )
    headers = {"Content-Type": "application/json"}
    for name, value in told.get("responseParameters", {}).items():
        is_static = value.startswith("'")
        headers[name.removeprefix("gatewayresponse.header.")] = (
            value.strip("'") if is_static else ids[value.removeprefix("context.")]
        )
    body = told.get("responseTemplates", {}).get("application/json", '{"message":"not in our form"}')
    for name, value in ids.items():
        body = body.replace(f"$context.{name}", value)
    return HttpResponse(int(told.get("statusCode", 403)), headers, body.encode())
