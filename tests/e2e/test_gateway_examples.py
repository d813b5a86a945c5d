"""The JavaScript and C++ programs of docs/gateway.md admit a pass once, and nothing else."""

import base64
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from infra.environment import ROOT
from infra.local.http_server import HttpResponse, Server, json_response
from infra.local.launch import launched
from tests.kit.stack import Stack, StackClock

PAGE = (ROOT / "docs" / "gateway.md").read_text("utf-8")
JOSE = ROOT / "build" / "jose" / "package"
KEY_SET_URL = "http://127.0.0.1:8000/api/.well-known/jwks.json"
ACCOUNT = "88000001"
TOGETHER = 8
"""Calls of ``admit`` that each driver makes at once with one token."""

KEY, RSA_KEY = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
KEY_SET = {
    "keys": [
        {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "rsa", "use": "sig"},
        {
            **ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True),
            "kid": "ec",
            "alg": "ES256",
            "use": "sig",
        },
    ]
}

JAVASCRIPT_DRIVER = f"""
import {{ createInterface }} from "node:readline";
import {{ admit }} from "./pass.mjs";

for await (const line of createInterface({{ input: process.stdin }})) {{
  const [account, token] = line.split(" ");
  const calls = Array.from({{ length: {TOGETHER} }}, () => admit(token, account));
  const ended = await Promise.allSettled(calls);
  console.log(ended.filter((call) => call.status === "fulfilled").length);
}}
"""

CPP_DRIVER = f"""
#include <atomic>
#include <iostream>
#include <thread>
#include <vector>

int main(int, char** arguments) {{
    const Json key_set(json_load_file(arguments[1], 0, nullptr), json_decref);
    std::string account, token;
    while (std::getline(std::cin, account, ' ') && std::getline(std::cin, token)) {{
        std::atomic<int> admitted{{0}};
        std::vector<std::thread> calls;
        for (int call = 0; call < {TOGETHER}; ++call)
            calls.emplace_back([&] {{
                try {{
                    admit(key_set.get(), token, account);
                    ++admitted;
                }} catch (const std::runtime_error&) {{
                }}
            }});
        for (auto& call : calls) call.join();
        std::cout << admitted << std::endl;
    }}
}}
"""


@dataclass
class Gateway:
    """A program that runs ``admit`` for each line that it reads."""

    process: subprocess.Popen[str]

    def admitted(self, token: str, account: str = ACCOUNT) -> int:
        """The number of calls, all at once, that took the token for a pass of the account."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{account} {token}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


Starter = Callable[[str, str], list[str]]
"""Writes a program for a key set, given as its URL and as its text. Returns the command."""


@pytest.fixture(scope="module", params=["javascript", "cpp"])
def start(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Starter:
    folder: Path = tmp_path_factory.mktemp(request.param)
    [source] = re.findall(rf"^```{request.param}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return {"javascript": javascript, "cpp": cpp}[request.param](folder, source)


def javascript(folder: Path, source: str) -> Starter:
    version = json.loads((JOSE / "package.json").read_text("utf-8"))["version"]
    assert f"npm install jose@{version}`" in PAGE
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "jose").symlink_to(JOSE)
    (folder / "driver.mjs").write_text(JAVASCRIPT_DRIVER)

    def command(url: str, key_set: str) -> list[str]:
        (folder / "pass.mjs").write_text(source.replace(KEY_SET_URL, url))
        return ["node", str(folder / "driver.mjs")]

    assert KEY_SET_URL in source
    return command


def cpp(folder: Path, source: str) -> Starter:
    (folder / "pass.cpp").write_text(source + CPP_DRIVER)
    flags = subprocess.check_output(["pkg-config", "--cflags", "--libs", "jose", "jansson"], text=True)
    command = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsanitize=thread"]
    command += ["-o", "gateway", "pass.cpp", *flags.split(), "-pthread"]
    subprocess.run(command, cwd=folder, check=True)

    def started(url: str, key_set: str) -> list[str]:
        (folder / "keys.json").write_text(key_set)
        return [str(folder / "gateway"), str(folder / "keys.json")]

    return started


def running_gateway(command: list[str]) -> Iterator[Gateway]:
    assert shutil.which(command[0])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Gateway(process)
    assert process.returncode == 0


@pytest.fixture(scope="module")
def keys_url() -> Iterator[str]:
    server = Server(0, lambda: HttpResponse(400))
    server.serve(lambda request: json_response(200, KEY_SET))
    yield f"{server.url}/jwks.json"
    server.stop()


@pytest.fixture(scope="module")
def gateway(start: Starter, keys_url: str) -> Iterator[Gateway]:
    """A gateway whose key set is the one above."""
    yield from running_gateway(start(keys_url, json.dumps(KEY_SET)))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with the real clock, which the programs have too."""
    log = tmp_path_factory.mktemp("stack") / "log"
    with launched(log) as it:
        yield Stack(it.url, it.aws_url, StackClock(time.time(), it.process), log)


def minted(key: Any = KEY, algorithm: str = "ES256", **changes: Any) -> str:
    """A pass, with changes: ``...`` leaves a claim or a header out."""
    now = int(time.time())
    parts = {
        "typ": "totp-pass+jwt",
        "kid": "ec",
        "iss": "https://totp-binding.local",
        "aud": "trading-gateway",
        "sub": ACCOUNT,
        "iat": now,
        "exp": now + 60,
        "jti": f"{time.time_ns()}",
        **changes,
    }
    parts = {name: value for name, value in parts.items() if value is not ...}
    headers = {name: parts.pop(name, None) for name in ("typ", "kid")}
    return jwt.encode(parts, key, algorithm, headers=headers)


def test_a_pass_of_the_service_is_admitted_once(start: Starter, stack: Stack):
    url = f"{stack.url}/api/.well-known/jwks.json"
    key_set = stack.call("GET", "/api/.well-known/jwks.json").raw.decode()
    account = stack.add_account(f"gateway-{time.time_ns()}")
    token = stack.token(account)
    secret = stack.api("POST", "/bind", token).json["secret"]
    stack.clock.time = time.time()
    confirmed = stack.api("POST", "/bind/confirm", token, {"code": stack.code(secret)}).json
    for gateway in running_gateway(start(url, key_set)):
        assert gateway.admitted(token, account) == 0
        assert gateway.admitted(confirmed["pass"], ACCOUNT) == 0
        assert gateway.admitted(confirmed["pass"], account) == 1
        assert gateway.admitted(confirmed["pass"], account) == 0


def test_each_pass_is_admitted_once_however_many_come_at_once(gateway: Gateway):
    passes = [minted() for _ in range(20)]
    assert [gateway.admitted(one) for one in passes] == [1] * 20
    assert [gateway.admitted(one) for one in passes] == [0] * 20


@pytest.mark.parametrize(
    "wrong",
    [
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"typ": ...},
        {"kid": "another"},
        {"kid": "rsa"},
        {"iss": "https://somebody.else"},
        {"iss": ...},
        {"aud": "another-gateway"},
        {"aud": ...},
        {"exp": 1_000_000_000},
        {"exp": int(time.time())},
        {"exp": ...},
        {"sub": "88000003"},
        {"sub": ...},
        {"jti": ...},
    ],
    ids=str,
)
def test_all_but_a_pass_is_refused(gateway: Gateway, wrong: dict[str, Any]):
    assert gateway.admitted(minted(**wrong)) == 0


def test_no_other_algorithm_and_no_other_key_is_believed(gateway: Gateway):
    public = KEY.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    assert gateway.admitted(minted(ec.generate_private_key(ec.SECP256R1()))) == 0
    assert gateway.admitted(minted(RSA_KEY, "RS256", kid="rsa")) == 0
    assert gateway.admitted(minted(public, "HS256")) == 0
    assert gateway.admitted(minted("", "none")) == 0


def test_a_changed_or_malformed_token_is_refused(gateway: Gateway):
    token = minted()
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "88000003"}).encode())
    assert gateway.admitted(f"{head}.{other.decode().rstrip('=')}.{signature}", "88000003") == 0
    for malformed in ("", "x", f"{head}.{body}", f"{head}..{signature}", f"{token}.x", "..", "é.é.é"):
        assert gateway.admitted(malformed) == 0
    assert gateway.admitted(token) == 1
