"""Login tokens of every kind, and a login check that judges them."""

import base64
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from chalicelib.core.account import AccountCase
from chalicelib.core.channel import Channel
from chalicelib.core.errors import Refused
from chalicelib.core.login_rules import Client, LoginRules, PasswordTime
from chalicelib.tokens.login import Caller, LoginCheck
from chalicelib.tokens.login_keys import LoginKeySet
from tests.kit.clock import Clock
from tests.kit.login import DESKTOP, KEY_SET, LOGIN_ISSUER, LOGIN_KEY, MOBILE, OLD_DESKTOP
from tests.kit.user import User

RULES = {
    "issuer": LOGIN_ISSUER,
    "audiences": frozenset(),
    "required_claims": {},
    "account_claim": "username",
    "account_case": AccountCase.EXACT,
    "client_claim": "client_id",
    "clients": {
        DESKTOP: Client(Channel.DESKTOP, may_bind=True),
        OLD_DESKTOP: Client(Channel.DESKTOP, may_bind=False),
        MOBILE: Client(Channel.MOBILE, may_bind=False),
    },
    "password_time": PasswordTime.AUTH_TIME,
}
GREATEST_AGE = 300
OTHER_KEY = rsa.generate_private_key(65537, 2048)
OTHER_EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_ENTRY, EC_ENTRY = KEY_SET["keys"]
RS256 = {"alg": "RS256", "kid": "rsa"}
"""The header of a token signed by LOGIN_KEY."""


class Door:
    """A deployment's login check, and the login server's usual token for it."""

    def __init__(self, clock: Clock, keys: LoginKeySet | None = None, **rules: Any) -> None:
        keys = keys or LoginKeySet(None, key_set(*KEY_SET["keys"]), clock)
        self.clock = clock
        self.check = LoginCheck(LoginRules(**RULES | rules), keys, clock)
        self.token = User("88000001", clock, http=None).token

    def caller(self, token: str, greatest_age: int = GREATEST_AGE) -> Caller:
        return self.check.read(token, greatest_age)

    def verdict(self, token: str, greatest_age: int = GREATEST_AGE) -> str:
        """``fine``, or the code of the refusal."""
        try:
            self.check.read(token, greatest_age)
        except Refused as refused:
            return refused.code.value
        return "fine"


def key_set(*entries: Any) -> bytes:
    return json.dumps({"keys": entries}).encode()


def usual_claims(clock: Clock) -> dict[str, Any]:
    now = int(clock())
    return {
        "iss": LOGIN_ISSUER,
        "username": "88000001",
        "client_id": DESKTOP,
        "token_use": "access",
        "iat": now,
        "auth_time": now,
        "exp": now + 3600,
    }


def segment(value: Any) -> bytes:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def crafted(header: Any, payload: Any, key: Any = LOGIN_KEY) -> str:
    """A token of any header and payload, signed by the method of its key."""
    signed = segment(header) + b"." + segment(payload)
    if isinstance(key, rsa.RSAPrivateKey):
        signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(signed, key)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        signature = ECAlgorithm(ECAlgorithm.SHA256).sign(signed, key)
    else:
        signature = hmac.digest(key, signed, "sha256")
    return (signed + b"." + segment(signature)).decode()
