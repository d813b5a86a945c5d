"""The local stack in a process of its own, and people who call it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import boto3

from infra.local.launch import launched
from infra.local.stack import DEMO_PASSWORD, STAGE
from tests.kit import stack_process
from tests.kit.clock import Clock
from tests.kit.oath import oathtool
from tests.kit.phone import wrong_code
from tests.kit.user import Answer


class StackClock(Clock):
    """The clock of a running stack and of its followers. It stands still until a test moves it."""

    def __init__(self, time: float, process: Popen[str]) -> None:
        super().__init__(time)
        self.followers: list[Callable[[float], None]] = []
        self._process = process

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = f"{self.time}\n"
        self._process.stdin.write(line)
        self._process.stdin.flush()
        assert self._process.stdout.readline() == line
        for follow in self.followers:
            follow(self.time)


@dataclass
class Stack:
    """The addresses of a running stack, its clock and the file that it logs to."""

    url: str
    aws_url: str
    clock: StackClock
    log: Path

    @cached_property
    def functions(self) -> Any:
        """Lambda, for the support functions."""
        return self.boto("lambda", self.url)

    def boto(self, service: str, endpoint_url: str | None = None) -> Any:
        """A client of the emulated AWS, with any credentials."""
        return boto3.client(
            service,
            endpoint_url=endpoint_url or self.aws_url,
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )

    def call(
        self, method: str, path: str, body: bytes | str = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """One call on a connection of its own."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            got = connection.getresponse()
            return Answer(got.status, dict(got.headers), got.read())
        finally:
            connection.close()

    def token(self, account: str, client: str = "desktop") -> str:
        asked = json.dumps({"account": account, "password": DEMO_PASSWORD, "client": client})
        token: str = self.call("POST", "/login", asked).json["token"]
        return token

    def api(self, method: str, path: str, token: str, body: Any = None) -> Answer:
        raw = b"" if body is None else json.dumps(body).encode()
        return self.call(method, "/api" + path, raw, {"Authorization": f"Bearer {token}"})

    def support(self, function: str, event: Any) -> Any:
        """Lambda's invoke call, by boto3 as support staff's tools make it."""
        name = f"totp-binding-{STAGE}-{function}"
        got = self.functions.invoke(FunctionName=name, Payload=json.dumps(event))
        assert "FunctionError" not in got
        return json.loads(got["Payload"].read())

    def unbind(self, account: str) -> Any:
        """Unbind an account under a new ticket. A login of the same second does not bind after it."""
        request = {"account": account, "operator": "e2e", "ticket": uuid4().hex, "reason": "other"}
        return self.support("unbind", request)

    def code(self, secret: str, steps: int = 0) -> str:
        """The code of now, or of a number of steps later."""
        return oathtool(secret, self.clock() + 30 * steps)

    def wrong_code(self, secret: str) -> str:
        return wrong_code(secret, self.clock())

    def bound(self, account: str) -> tuple[str, str]:
        """Bind an account, a step later. Returns a login token and the secret on its phone."""
        self.clock.advance(30)
        token = self.token(account)
        secret = self.api("POST", "/bind", token).json["secret"]
        confirmed = self.api("POST", "/bind/confirm", token, {"code": self.code(secret)})
        assert confirmed.status == 200, confirmed.raw
        return token, secret

    def add_account(self, name: str) -> str:
        """Register an account at the login server, with the password of the demo accounts."""
        cognito = self.boto("cognito-idp")
        pool = cognito.list_user_pools(MaxResults=1)["UserPools"][0]["Id"]
        cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(
            UserPoolId=pool, Username=name, Password=DEMO_PASSWORD, Permanent=True
        )
        return name


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """Yield a stack that logs into a folder, at the beginning of a step of the real time."""
    log = folder / "stack.log"
    now = int(time.time()) // 30 * 30
    environment = {stack_process.START: f"{now}", "VERBOSE": "1"}
    with launched(log, module=stack_process.__name__, environment=environment) as it:
        yield Stack(it.url, it.aws_url, StackClock(now, it.process), log)
    assert it.process.returncode == 0, log.read_text("utf-8")
