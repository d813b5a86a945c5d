"""An account's owner who calls the API, and the answers."""

import json
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.kit.clock import Clock
from tests.kit.login import DESKTOP, LOGIN_ISSUER, LOGIN_KEY
from tests.kit.phone import Phone


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
        """The code of a problem. None if there is none."""
        code: str | None = self.json.get("code")
        return code


@dataclass
class User:
    """One account's owner, who calls the API through Chalice's test client."""

    account: str
    clock: Clock
    http: Any

    def token(
        self, client: str = DESKTOP, *, key: Any = LOGIN_KEY, headers: Any = None, **claims: Any
    ) -> str:
        """A login token as the broker's login server signs it. A claim of ``...`` is left out."""
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
        """Call the API as a client. A body other than bytes is sent as JSON."""
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
        """Start to bind and scan the QR code."""
        return Phone(self.bind().json["secret"], self.clock)

    def bound_phone(self) -> Phone:
        """Bind and wait until the step of the first code is over."""
        phone = self.phone()
        assert self.confirm(phone.code()).status == 200
        self.clock.advance(60)
        return phone
