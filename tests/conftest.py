"""What tests share: one clock, one way to log in, one way to make a code, one wire to AWS."""

import copy
import itertools
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
import jwt
import pyotp
import pytest
from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.config import Config
from botocore.endpoint import Endpoint
from chalice.test import Client
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

import app as entry_points
from chalicelib import wiring
from chalicelib.aws import clients
from chalicelib.log import log
from infra.emulator.models import read_models_once
from infra.emulator.moto import fill_gaps
from infra.local import stack

read_models_once()

LOGIN_ISSUER = "https://login.broker.example"
DESKTOP, OLD_DESKTOP, MOBILE = "polestar-9.3", "polestar-9.2", "easystar"
CLIENTS = {
    DESKTOP: {"channel": "desktop", "may_bind": True},
    OLD_DESKTOP: {"channel": "desktop", "may_bind": False},
    MOBILE: {"channel": "mobile", "may_bind": False},
}
LOGIN_KEY = rsa.generate_private_key(65537, 2048)
LOGIN_EC_KEY = ec.generate_private_key(ec.SECP256R1())
KEY_SET = {
    "keys": [
        {**RSAAlgorithm.to_jwk(LOGIN_KEY.public_key(), as_dict=True), "kid": "rsa"},
        {**ECAlgorithm.to_jwk(LOGIN_EC_KEY.public_key(), as_dict=True), "kid": "ec"},
    ]
}
SETTINGS = {
    "OTP_ISSUER": "极星期货",
    "PASS_ISSUER": "https://2fa.broker.example",
    "PASS_AUDIENCE": "trading-gateway",
    "LOGIN_ISSUER": LOGIN_ISSUER,
    "LOGIN_KEY_SET": json.dumps(KEY_SET),
    "LOGIN_CLIENTS": json.dumps(CLIENTS),
}

_accounts = itertools.count(1)


@dataclass
class Clock:
    """The service's clock: it stands still until a test moves it."""

    time: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds


def code_at(secret: str, at: float) -> str:
    """The code that an authenticator shows at a time."""
    return pyotp.HOTP(secret).at(int(at) // 30)


def wrong_code(secret: str, at: float) -> str:
    """A code that the secret yields at no step near a time."""
    near = {pyotp.HOTP(secret).at(int(at) // 30 + step) for step in range(-40, 41)}
    return next(
        code for code in (f"{number:06}" for number in range(500_000, 501_000)) if code not in near
    )


@dataclass
class Answer:
    """An HTTP answer with its JSON read."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str | None:
        """The code of a problem; None where all is well."""
        code: str | None = self.json.get("code")
        return code


@dataclass
class Phone:
    """An authenticator that has scanned a QR code."""

    secret: str
    clock: Clock

    def code(self, steps: int = 0) -> str:
        """The code of now, or of so many steps later."""
        return code_at(self.secret, self.clock() + 30 * steps)

    def wrong(self) -> str:
        return wrong_code(self.secret, self.clock())


@dataclass
class User:
    """One account's owner in front of the service, through Chalice's own test client."""

    account: str
    clock: Clock
    http: Any

    def token(
        self, client: str = DESKTOP, *, key: Any = LOGIN_KEY, headers: Any = None, **claims: Any
    ) -> str:
        """A login token as the broker's login server signs it; a claim of ``...`` is left out."""
        now = int(self.clock())
        usual = {
            "iss": LOGIN_ISSUER,
            "username": self.account,
            "client_id": client,
            "token_use": "access",
            "iat": now,
            "auth_time": now,
            "exp": now + 3600,
        }
        payload = {name: value for name, value in (usual | claims).items() if value is not ...}
        is_rsa = isinstance(key, rsa.RSAPrivateKey)
        usual_headers = {"kid": "rsa" if is_rsa else "ec"}
        return jwt.encode(
            payload, key, "RS256" if is_rsa else "ES256", headers=usual_headers | (headers or {})
        )

    def call(
        self,
        method: str,
        path: str,
        body: Any = b"",
        *,
        client: str = DESKTOP,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Call the API as a client of that id; a body that is no bytes goes out as JSON."""
        bearer = {"Authorization": f"Bearer {self.token(client) if token is None else token}"}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} | bearer | (headers or {})
        got = self.http.request(method, path, headers=sent, body=raw)
        return Answer(got.status_code, dict(got.headers), got.body)

    def look(self, **how: Any) -> Answer:
        return self.call("GET", "/binding", **how)

    def bind(self, **how: Any) -> Answer:
        return self.call("POST", "/bind", **how)

    def confirm(self, code: Any, **how: Any) -> Answer:
        return self.call("POST", "/bind/confirm", {"code": code}, **how)

    def verify(self, code: Any, **how: Any) -> Answer:
        return self.call("POST", "/verify", {"code": code}, **how)

    def phone(self) -> Phone:
        """Begin to bind, and scan the QR code."""
        return Phone(self.bind().json["secret"], self.clock)

    def bound_phone(self) -> Phone:
        """Bind, and let the step of the first code pass."""
        phone = self.phone()
        assert self.confirm(phone.code()).status == 200
        self.clock.advance(60)
        return phone


@dataclass
class Wire:
    """Every attempt of a call to AWS, before the SDK sees its answer."""

    calls: list[str] = field(default_factory=list)
    _mishaps: list[tuple[str, Callable[[Callable[[], Any]], Any]]] = field(default_factory=list)

    def send(self, operation: str, really: Callable[[], Any]) -> Any:
        self.calls.append(operation)
        for index, (named, mishap) in enumerate(self._mishaps):
            if named in (operation, "*"):
                if named != "*":
                    del self._mishaps[index]
                return mishap(really)
        return really()

    def next(self, operation: str, mishap: Callable[[Callable[[], Any]], Any], times: int = 1) -> None:
        """The next attempts of an operation go wrong so; of ``*``, all from now on."""
        self._mishaps += [(operation, mishap)] * times

    def drop_answer(self, operation: str) -> None:
        """The next call of an operation is carried out, but its answer never arrives."""
        from botocore.exceptions import ReadTimeoutError

        def mishap(really: Callable[[], Any]) -> Any:
            really()
            return None, ReadTimeoutError(endpoint_url="aws")

        self.next(operation, mishap)

    def refuse(self, operation: str, code: str, status: int = 400, times: int = 1, **more: Any) -> None:
        """AWS answers the next calls of an operation with an error; ``more`` is what comes with it."""
        parsed = {
            "Error": {"Code": code, "Message": code},
            "ResponseMetadata": {"HTTPStatusCode": status},
            **more,
        }

        http = AWSResponse("https://aws", status, {}, None)
        self.next(operation, lambda really: ((http, parsed), None), times)


@dataclass(eq=False)
class LogLines(logging.Handler):
    """What the service has written to its log."""

    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.setFormatter(log.registered_formatter)

    def emit(self, record: logging.LogRecord) -> None:
        self.text.append(self.format(record))

    @property
    def json(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text]


@pytest.fixture
def log_lines() -> Iterator[LogLines]:
    """The service's log from here on."""
    lines = LogLines()
    logging.getLogger(log.service).addHandler(lines)
    yield lines
    logging.getLogger(log.service).removeHandler(lines)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Counts and disturbs AWS calls at the botocore level."""
    wire = Wire()
    original = Endpoint._get_response

    def attempt(self: Any, request: Any, operation_model: Any, context: Any) -> Any:
        return wire.send(operation_model.name, lambda: original(self, request, operation_model, context))

    monkeypatch.setattr(Endpoint, "_get_response", attempt)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return wire


def untraced(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same call, which the measuring of coverage does not follow into the emulated AWS.

    Nothing that is measured runs in there, and following it takes as long as all the rest.
    """

    def silent(*arguments: Any, **named: Any) -> Any:
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return call(*arguments, **named)
        finally:
            sys.settrace(tracer)

    return silent


def kept_client(service: str, config: Config) -> Any:
    """A boto3 client, made once for all tests rather than once for each."""
    return _client(service, config.retries["total_max_attempts"], os.environ.get("AWS_ENDPOINT_URL"))


@cache
def _client(service: str, attempts: int, endpoint: str | None) -> Any:
    return boto3.client(service, config=clients._config(attempts))  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def aws() -> Iterator[dict[str, str]]:
    """moto in this process, with the resources of the template; the settings that name them."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        # A stream's address would have the account id in it, where moto does not look.
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
    }
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        os.environ.pop(name, None)
    fill_gaps()
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setattr(BaseClient, "_make_api_call", untraced(BaseClient._make_api_call))
        patch.setattr(clients, "boto3", SimpleNamespace(client=kept_client))
        outputs = stack.create_resources("test")
        yield {
            "BINDINGS_TABLE": outputs["BindingsTable"],
            "AUDIT_TABLE": outputs["AuditTable"],
            "KEYS_TABLE": outputs["KeysTable"],
            "KMS_KEY": outputs["KmsKey"],
            "EVENTS_TOPIC": outputs["EventsTopic"],
            "BINDINGS_STREAM_ARN": outputs["BindingsStreamArn"],
        }


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def first_keys(aws: dict[str, str]) -> dict[Any, Any]:
    """What the keys table holds after a deployment's first rotation."""
    with pytest.MonkeyPatch.context() as patch:
        set_up(patch, aws, Clock())
        wiring.components().rotation.run()
    return copy.deepcopy(keys_table(aws).items)


@pytest.fixture
def service(
    aws: dict[str, str], first_keys: dict[Any, Any], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """The entry points, put together anew on the emulated AWS, with nothing but the first keys."""
    keys_table(aws).items = copy.deepcopy(first_keys)
    set_up(monkeypatch, aws, clock)
    yield entry_points
    wiring.reset()


def set_up(monkeypatch: pytest.MonkeyPatch, aws: dict[str, str], clock: Clock) -> None:
    """The settings in the environment, and a process that has just begun."""
    for name, value in (aws | SETTINGS).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(wiring, "clock", clock)
    wiring.reset()


def keys_table(aws: dict[str, str]) -> Any:
    """The keys table as moto keeps it."""
    return dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[aws["KEYS_TABLE"]]


@pytest.fixture
def new_user(service: Any, clock: Clock) -> Callable[[], User]:
    """Makes users of accounts that nobody has used."""
    client = Client(service.app)
    return lambda: User(f"acc{next(_accounts):08}", clock, client.http)


@pytest.fixture
def user(new_user: Callable[[], User]) -> User:
    return new_user()
