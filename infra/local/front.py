"""What stands in front of the app: API Gateway's part, the password login, Lambda's invoke call."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import boto3
from botocore.exceptions import ClientError
from chalice.config import Config
from chalice.local import LambdaEventConverter, LocalChalice, LocalGateway, RouteMatcher

from chalicelib.core.errors import ErrorCode, Refused
from chalicelib.log import frames, log
from infra.environment import ROOT
from infra.gateway_answers import REFUSALS, both_languages
from infra.local.feed import Feed
from infra.local.functions import INVOKE_PATH, Functions
from infra.local.pages import Pages
from infra.local.presets import Presets
from infra.local.server import Ask, Reply, json_reply
from infra.local.stack import STAGE, UserPool

BASE = "/api"
PAGE = ROOT / "infra" / "local" / "page"

GATEWAY_ANSWERS = "/gateway-answers/"
"""Followed by a response type of API Gateway: what it answers so. One machine has no throttle to
meet, and a client developer wants to see its answer all the same."""


CROWD = 64
"""Calls at once of ``POST /crowd``. A browser makes six at once, which do not keep an account busy."""


class Front:
    """Sends each request to the part that answers it."""

    def __init__(self, module: Any, pool: UserPool, presets: Presets, feed: Feed) -> None:
        self._feed = feed
        self._gateway = Gateway(module.app)
        self._functions = Functions(module)
        self._login = PasswordLogin(pool, presets)
        self._pages = Pages(PAGE)

    def respond(self, ask: Ask) -> Reply:
        """The reply to any request; never an exception."""
        try:
            return self._reply(ask)
        except Exception as error:
            log.error("the local front failed", extra={"failure": frames(error)})
            return refused(ErrorCode.UNAVAILABLE)

    def _reply(self, ask: Ask) -> Reply:
        path, _, query = ask.target.partition("?")
        if path == BASE or path.startswith(BASE + "/"):
            return self._gateway.respond(ask)
        if ask.method == "POST" and (match := INVOKE_PATH.fullmatch(ask.target)):
            kind = ask.headers.get("X-Amz-Invocation-Type", "RequestResponse")
            return self._functions.invoke(match[1], ask.body, kind)
        if ask.method == "POST" and path == "/login":
            return self._login.respond(ask)
        if ask.method == "POST" and path == "/crowd":
            return self._crowd(ask)
        if ask.method == "GET" and path == "/feed":
            return self._events_after(parse_qs(query).get("after", ["0"])[-1])
        if ask.method in ("GET", "HEAD"):
            return self._look(path)
        return refused(ErrorCode.NOT_FOUND)

    def _crowd(self, ask: Ask) -> Reply:
        """Call ``/bind`` many times at once with one login token. Return the reply to a refused call."""
        calls = [replace(ask, target=f"{BASE}/bind")] * CROWD
        with ThreadPoolExecutor(CROWD) as pool:
            replies = list(pool.map(self._gateway.respond, calls))
        return next((reply for reply in replies if reply.status == 429), replies[0])

    def _look(self, path: str) -> Reply:
        """A file of the page, or one of API Gateway's own answers."""
        if path.startswith(GATEWAY_ANSWERS):
            return refused(REFUSALS.get(path.removeprefix(GATEWAY_ANSWERS), ErrorCode.NOT_FOUND))
        return self._pages.respond(path) or refused(ErrorCode.NOT_FOUND)

    def _events_after(self, position: str) -> Reply:
        if not (position.isascii() and position.isdecimal() and len(position) < 16):
            return json_reply(400, {"error": "after must be the position of an event"})
        events = {"events": self._feed.after(int(position))}
        return json_reply(200, events, {"Cache-Control": "no-store"})


class _Headers(dict[str, str]):
    """Headers as the local gateway takes them, with all values of repeated ones beside."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(ask.headers.items())
        self.repeated = {name: ask.headers.get_all(name, []) for name in self}


class _Events(LambdaEventConverter):
    """Chalice's local events, with the repeated headers that API Gateway keeps."""

    def create_lambda_event(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> dict[str, Any]:
        event: dict[str, Any] = super().create_lambda_event(method, path, headers, body)
        repeated = headers.repeated if isinstance(headers, _Headers) else {}
        return event | {"multiValueHeaders": repeated}


class Gateway:
    """Chalice's local gateway, and what API Gateway itself would answer."""

    def __init__(self, app: Any) -> None:
        # One request to a thread: Chalice's own local server keeps them apart in the same way.
        app.__class__ = type("App", (LocalChalice, app.__class__), {})
        self._routes = app.routes
        config = Config(
            chalice_stage=STAGE,
            user_provided_params={"chalice_app": app},
            config_from_disk=json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8")),
        )
        self._gateway = LocalGateway(app, config)
        self._gateway.event_converter = _Events(RouteMatcher(list(app.routes)), app.api.binary_types)

    def respond(self, ask: Ask) -> Reply:
        """The app's reply, or the gateway's own where there is no such path or method."""
        path, mark, query = ask.target.removeprefix(BASE).partition("?")
        # API Gateway takes one slash at the end for none.
        route = path.removesuffix("/")
        if ask.body is None:
            return refused(ErrorCode.MALFORMED_REQUEST)
        if ask.method not in self._routes.get(route, {}):
            return refused(ErrorCode.NOT_FOUND)
        target = route + mark + query
        answer = self._gateway.handle_request(ask.method, target, _Headers(ask), ask.body)
        return Reply(answer["statusCode"], answer["headers"], answer["body"].encode())


class PasswordLogin:
    """Stands in for the broker's password login, on real Cognito calls."""

    def __init__(self, pool: UserPool, presets: Presets) -> None:
        self._pool = pool
        self._presets = presets
        self._cognito = boto3.client("cognito-idp")

    def respond(self, ask: Ask) -> Reply:
        """A login token for the right password of an account, through the desktop or the phone."""
        try:
            asked = json.loads(ask.body or b"")
            account, password, client = (asked[name] for name in ("account", "password", "client"))
            client_id = self._pool.client_ids[client]
            if not (isinstance(account, str) and isinstance(password, str)):
                raise TypeError
        except (KeyError, TypeError, ValueError, RecursionError):
            clients = " or ".join(f'"{name}"' for name in self._pool.client_ids)
            return json_reply(401, {"error": f"send account, password, and as client {clients}"})
        try:
            result = self._cognito.initiate_auth(
                AuthFlow="USER_PASSWORD_AUTH",
                ClientId=client_id,
                AuthParameters={"USERNAME": account, "PASSWORD": password},
            )["AuthenticationResult"]
            token = self._presets.at_login(account, result["AccessToken"])
        except ClientError:
            return json_reply(401, {"error": "account or password is wrong"})
        except Refused as error:
            return refused(error.code)
        return json_reply(
            200, {"token": token, "expires_in": result["ExpiresIn"]}, {"Cache-Control": "no-store"}
        )


def refused(code: ErrorCode) -> Reply:
    """What API Gateway answers by itself."""
    status, headers, document = both_languages(code, str(uuid.uuid4()))
    return json_reply(status, document, headers)
