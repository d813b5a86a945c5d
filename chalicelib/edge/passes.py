"""The pass, which proves both factors to the trading gateway, and the key set it is checked with."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

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
from chalicelib.core.binding import Binding
from chalicelib.core.channel import Channel
from chalicelib.core.keys import PASS_SECONDS, Purpose
from chalicelib.core.refusal import Unavailable

TYPE = "totp-pass+jwt"
"""The ``typ`` header (RFC 8725 section 3.11): no other kind of token can be taken for a pass."""

ALGORITHM = "ES256"

METHODS = ("pwd", "otp", "mfa")
"""``amr``, in the words of RFC 8176: password, one-time password, so multi-factor."""


@dataclass(frozen=True, slots=True)
class Pass:
    """A signed pass and when it ends, in Unix seconds."""

    token: str = field(repr=False)
    expires_at: int


class Passes:
    """Signs passes and publishes what they are checked with."""

    def __init__(self, keyring: Keyring, issuer: str, audience: str) -> None:
        self._keyring = keyring
        self._issuer = issuer
        self._audience = audience

    def issue(self, binding: Binding, channel: Channel, now: int) -> Pass:
        """A pass for the account of a binding, good for 60 seconds from ``now``."""
        key = self._keyring.current(Purpose.PASS)
        expires_at = now + PASS_SECONDS
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": binding.account,
            "iat": now,
            "exp": expires_at,
            "jti": uuid4().hex,
            "amr": list(METHODS),
            "channel": channel.value,
            "binding": binding.binding_id,
        }
        headers = {"typ": TYPE, "kid": key.term.key_id}
        return Pass(jwt.encode(claims, _private_key(key), ALGORITHM, headers=headers), expires_at)

    def key_set(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517 section 5).

        They are derived from the private keys that KMS opened, never from what the table says.
        """
        return {"keys": [_public_jwk(key) for key in self._keyring.published(Purpose.PASS)]}


def new_signing_key() -> bytes:
    """A fresh P-256 private key, PKCS #8 in DER."""
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
