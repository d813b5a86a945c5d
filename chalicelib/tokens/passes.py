"""The pass, which proves both factors to the trading gateway, and the key set that verifies it."""

from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jwt.algorithms import ECAlgorithm

from chalicelib.aws.keyring import Keyring, OpenKey
from chalicelib.core.binding import Accepted
from chalicelib.core.channel import Channel
from chalicelib.core.errors import Unavailable
from chalicelib.core.keys import PASS_SECONDS, Purpose

TYPE = "totp-pass+jwt"
"""The ``typ`` header, so that no other token can be taken for a pass (RFC 8725 section 3.11)."""

ALGORITHM = "ES256"

METHODS = ("pwd", "otp", "mfa")
"""``amr`` values of RFC 8176: password, one-time password, multi-factor."""


@dataclass(frozen=True, slots=True)
class Pass:
    """A signed pass and the end of its validity in Unix seconds."""

    token: str = field(repr=False)
    expires_at: int


class Passes:
    """Signs passes and publishes the keys that verify them."""

    def __init__(self, keyring: Keyring, issuer: str, audience: str) -> None:
        self._keyring = keyring
        self._issuer = issuer
        self._audience = audience

    def signer(self) -> "Signer":
        """Return a signer with the current key. Raises Unavailable if there is none.

        Get it before the write that a pass depends on: signing itself cannot fail.
        """
        key = self._keyring.current(Purpose.PASS)
        return Signer(_private_key(key), key.term.key_id, self._issuer, self._audience)

    def key_set(self) -> dict[str, Any]:
        """Return the public keys as a JSON Web Key Set (RFC 7517 section 5).

        They are derived from the private keys that KMS opened, never from the table's plain text.
        """
        return {"keys": [_public_jwk(key) for key in self._keyring.published(Purpose.PASS)]}


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs passes with one key."""

    key: EllipticCurvePrivateKey = field(repr=False)
    key_id: str
    issuer: str
    audience: str

    def sign(self, account: str, channel: Channel, accepted: Accepted) -> Pass:
        """Return the pass for an accepted code, valid for 60 seconds after it was accepted."""
        expires_at = accepted.at + PASS_SECONDS
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": account,
            "iat": accepted.at,
            "exp": expires_at,
            "jti": accepted.jti,
            "amr": list(METHODS),
            "channel": channel.value,
            "binding": accepted.binding_id,
        }
        headers = {"typ": TYPE, "kid": self.key_id}
        return Pass(jwt.encode(claims, self.key, ALGORITHM, headers=headers), expires_at)


def new_signing_key() -> bytes:
    """Return a new P-256 private key, PKCS #8 in DER."""
    return generate_private_key(SECP256R1()).private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )


def _private_key(key: OpenKey) -> EllipticCurvePrivateKey:
    loaded = load_der_private_key(key.material, password=None)
    if not isinstance(loaded, EllipticCurvePrivateKey):
        raise Unavailable(f"signing key {key.term.key_id!r} is no elliptic-curve key")
    return loaded


def _public_jwk(key: OpenKey) -> dict[str, Any]:
    public = ECAlgorithm.to_jwk(_private_key(key).public_key(), as_dict=True)
    return {**public, "use": "sig", "alg": ALGORITHM, "kid": key.term.key_id}
