"""TOTP secrets, sealed with AES-256-GCM under a data key of the keyring.

Account and binding id are associated data. A sealed secret that is moved to another account, or into
a newer binding of the same account, does not open.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.aws.keyring import Keyring
from chalicelib.core.binding import Binding, OpenedSecret, SealedSecret
from chalicelib.core.errors import Unavailable
from chalicelib.core.keys import Purpose

_NONCE_BYTES = 12
"""96 random bits. NIST SP 800-38D section 8.3 allows 2^32 of them under one key."""


class SecretBox:
    """Seals and opens secrets, each for one binding."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, account: str, binding_id: str, secret: bytes) -> SealedSecret:
        """Seal a secret under the newest data key."""
        key = self._keyring.current(Purpose.SECRET)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(key.material).encrypt(nonce, secret, _associated(account, binding_id))
        return SealedSecret(key.term.key_id, nonce + sealed)

    def open(self, binding: Binding) -> OpenedSecret:
        """Open a binding's secret, and seal it again if its data key is no longer the newest.

        Raises Unavailable if the secret was sealed for another binding, or is damaged.
        """
        if binding.sealed is None or binding.binding_id is None:
            raise Unavailable("a binding has no secret")
        key = self._keyring.by_id(Purpose.SECRET, binding.sealed.key_id)
        nonce, sealed = binding.sealed.blob[:_NONCE_BYTES], binding.sealed.blob[_NONCE_BYTES:]
        associated = _associated(binding.account, binding.binding_id)
        try:
            secret = AESGCM(key.material).decrypt(nonce, sealed, associated)
        except (InvalidTag, ValueError) as error:
            raise Unavailable("a secret was not sealed for this binding") from error
        if key.term.key_id == self._keyring.current(Purpose.SECRET).term.key_id:
            return OpenedSecret(secret, binding.sealed)
        return OpenedSecret(secret, self.seal(binding.account, binding.binding_id, secret))


def _associated(account: str, binding_id: str) -> bytes:
    return f"totp-binding secret\n{account}\n{binding_id}".encode()
