"""Passes under five JWT libraries that are not ours, through a rotation of the signing keys."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwcrypto.jwk
import jwcrypto.jwt
import pytest
from authlib.jose import JsonWebKey as AuthlibKey
from authlib.jose import JsonWebToken
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from chalicelib import wiring
from infra.environment import ROOT
from tests.kit.clock import Clock
from tests.kit.figures import record
from tests.kit.login import SETTINGS
from tests.kit.user import User

DAY = 86_400
ISSUER, AUDIENCE = SETTINGS["PASS_ISSUER"], SETTINGS["PASS_AUDIENCE"]
NODE = ROOT / "build" / "readers"
Verify = Callable[[str, int], dict[str, Any]]


class KeySetServer(HTTPServer):
    """Serves the key set as it is at each moment."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.read = read


class Handler(BaseHTTPRequestHandler):
    server: KeySetServer

    def do_GET(self) -> None:
        body = self.server.read()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Be silent."""


@pytest.fixture
def published(user: User) -> Callable[[], bytes]:
    return lambda: user.call("GET", "/.well-known/jwks.json").raw


@pytest.fixture
def key_set_url(published: Callable[[], bytes]) -> Iterator[str]:
    with KeySetServer(published) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def node(key_set_url: str) -> Iterator[Callable[[str], Verify]]:
    """One Node process, whose libraries keep their key sets from pass to pass."""
    script = NODE / "verify.mjs"
    script.write_bytes((Path(__file__).parent / "verify.mjs").read_bytes())
    command = ["node", str(script), key_set_url, ISSUER, AUDIENCE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None

        def verifier(library: str) -> Verify:
            def verify(token: str, now: int) -> dict[str, Any]:
                stdin.write(json.dumps({"library": library, "token": token, "now": now}) + "\n")
                stdin.flush()
                answer: dict[str, Any] = json.loads(stdout.readline())
                if "refused" in answer:
                    raise ValueError(answer["refused"])
                return answer

            return verify

        yield verifier
        stdin.close()


def by_authlib(published: Callable[[], bytes]) -> Verify:
    def verify(token: str, now: int) -> dict[str, Any]:
        options = {
            "iss": {"essential": True, "value": ISSUER},
            "aud": {"essential": True, "value": AUDIENCE},
        }
        keys = AuthlibKey.import_key_set(json.loads(published()))
        claims = JsonWebToken(["ES256"]).decode(token, keys, claims_options=options)
        claims.validate(now=now)
        assert claims.header["typ"] == "totp-pass+jwt"
        return dict(claims)

    return verify


def by_joserfc(published: Callable[[], bytes]) -> Verify:
    def verify(token: str, now: int) -> dict[str, Any]:
        keys = KeySet.import_key_set(json.loads(published()))
        read = joserfc_jwt.decode(token, keys, algorithms=["ES256"])
        wanted: Any = {
            "iss": {"essential": True, "value": ISSUER},
            "aud": {"essential": True, "value": AUDIENCE},
        }
        joserfc_jwt.JWTClaimsRegistry(now=now, leeway=0, **wanted).validate(read.claims)
        assert read.header["typ"] == "totp-pass+jwt"
        return dict(read.claims)

    return verify


def by_jwcrypto(published: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch) -> Verify:
    def verify(token: str, now: int) -> dict[str, Any]:
        monkeypatch.setattr("jwcrypto.jwt.time", SimpleNamespace(time=lambda: now))
        read = jwcrypto.jwt.JWT(
            check_claims={"iss": ISSUER, "aud": AUDIENCE, "exp": None}, algs=["ES256"]
        )
        read.leeway = 0
        read.deserialize(token, jwcrypto.jwk.JWKSet.from_json(published().decode()))
        assert json.loads(read.header)["typ"] == "totp-pass+jwt"
        claims: dict[str, Any] = json.loads(read.claims)
        return claims

    return verify


def test_five_libraries_verify_each_pass_through_a_rotation(
    user: User,
    clock: Clock,
    published: Callable[[], bytes],
    node: Callable[[str], Verify],
    monkeypatch: pytest.MonkeyPatch,
):
    libraries = {
        "jose": node("jose"),
        "jsonwebtoken": node("jsonwebtoken"),
        "authlib": by_authlib(published),
        "joserfc": by_joserfc(published),
        "jwcrypto": by_jwcrypto(published, monkeypatch),
    }
    phone = user.bound_phone()
    kids, passes = set(), 0
    for _ in range(40):
        clock.advance(DAY)
        wiring.components().rotation.run()
        issued = user.verify(phone.code()).json["pass"]
        header, payload, signature = issued.split(".")
        kids.add(header)
        passes += 1
        now = int(clock())
        for name, verify in libraries.items():
            claims = verify(issued, now + 59)
            assert (claims["sub"], claims["channel"]) == (user.account, "desktop"), name
            with pytest.raises(Exception, match=r"."):
                verify(issued, now + 61)
            flipped = ("A" if signature[9] != "A" else "B").join((signature[:9], signature[10:]))
            with pytest.raises(Exception, match=r"."):
                verify(f"{header}.{payload}.{flipped}", now)
    assert len(kids) > 1
    record("passes elsewhere", libraries=len(libraries), passes=passes, keys=len(kids))
