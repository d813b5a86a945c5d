"""The running stack, as ``make run`` serves it, and people who call it over HTTP."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
import pytest

from infra.environment import ROOT
from tests.kit.user import Answer

PASSWORD = "Demo-Pass-1"

T = TypeVar("T")


@dataclass
class Stack:
    """Where the running stack answers, and what it has printed so far."""

    url: str
    aws_url: str
    process: subprocess.Popen[str]
    log: Path

    @cached_property
    def functions(self) -> Any:
        """Lambda, for the support functions."""
        return self.boto("lambda", self.url)

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
        asked = json.dumps({"account": account, "password": PASSWORD, "client": client})
        token: str = self.call("POST", "/login", asked).json["token"]
        return token

    def api(self, method: str, path: str, token: str, body: Any = None) -> Answer:
        raw = b"" if body is None else json.dumps(body).encode()
        return self.call(method, "/api" + path, raw, {"Authorization": f"Bearer {token}"})

    def support(self, function: str, event: Any) -> Any:
        """Lambda's invoke call, by boto3 as support staff's tools make it."""
        got = self.functions.invoke(
            FunctionName=f"totp-binding-local-{function}", Payload=json.dumps(event)
        )
        assert "FunctionError" not in got
        return json.loads(got["Payload"].read())

    def unbind(self, account: str) -> Any:
        request = {"account": account, "operator": "e2e", "ticket": "T-1", "reason": "other"}
        return self.support("unbind", request)

    def boto(self, service: str, endpoint_url: str | None = None) -> Any:
        """A client of the emulated AWS, with any credentials."""
        return boto3.client(
            service,
            endpoint_url=endpoint_url or self.aws_url,
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )

    def bound(self, account: str) -> tuple[str, str]:
        """Bind an account; a login token, and the secret that its phone holds."""
        token = self.token(account)
        secret = self.api("POST", "/bind", token).json["secret"]
        confirmed = self.api("POST", "/bind/confirm", token, {"code": oathtool(secret)})
        assert confirmed.status == 200, confirmed.raw
        return token, secret


def oathtool(secret: str, at: float | None = None) -> str:
    """The code that OATH Toolkit makes of a secret, a stranger to our own libraries."""
    when = f"@{int(time.time() if at is None else at)}"
    command = ["oathtool", "--totp", "--base32", f"--now={when}", secret]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def zbarimg(data_uri: str, folder: Path) -> str:
    """What ZBar reads in a QR code that came as a data URI."""
    picture = folder / "qr.png"
    picture.write_bytes(base64.b64decode(data_uri.removeprefix("data:image/png;base64,")))
    command = ["zbarimg", "--quiet", "--raw", str(picture)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.rstrip("\n")


def at_once(calls: list[Callable[[], T]]) -> list[T]:
    """Make all calls at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack in a process of its own, on ports that the system chooses."""
    log = tmp_path_factory.mktemp("stack") / "log"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.local"],
            cwd=ROOT,
            env=os.environ | {"PORT": "0"},
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
        )
    said: dict[str, str] = {}
    with process:
        assert process.stdout is not None
        while "ready" not in said:
            line = process.stdout.readline()
            assert line, log.read_text()
            word, _, address = line.strip().partition(" ")
            said[word] = address
        yield Stack(said["ready"], said["aws"], process, log)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0


@pytest.fixture(scope="session")
def crowd(running: Stack) -> list[str]:
    """64 accounts beside the demo ones."""
    cognito = running.boto("cognito-idp")
    pool_id = cognito.list_user_pools(MaxResults=1)["UserPools"][0]["Id"]
    accounts = [f"crowd-{number:02}" for number in range(64)]
    for account in accounts:
        cognito.admin_create_user(UserPoolId=pool_id, Username=account, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(
            UserPoolId=pool_id, Username=account, Password=PASSWORD, Permanent=True
        )
    return accounts
