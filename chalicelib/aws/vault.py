"""TOTP secrets, sealed with AES-256-GCM under a data key of the keyring.

Account and binding id are associated data: a sealed secret that is moved to another account, or
into a newer binding of its own, does not open.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.aws.keyring import Keyring
from chalicelib.core.binding import Binding, SealedSecret
from chalicelib.core.keys import Purpose
from chalicelib.core.refusal import Unavailable

_NONCE_BYTES = 12
"""96 bits, made at random: NIST SP 800-38D section 8.2.2 allows 2^32 of them under one key."""


class Vault:
    """Seals and opens secrets for one binding each."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, account: str, binding_id: str, secret: bytes) -> SealedSecret:
        """The secret under the newest data key."""
        key = self._keyring.current(Purpose.SECRET)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(key.material).encrypt(nonce, secret, _associated(account, binding_id))
        return SealedSecret(key.term.key_id, nonce + sealed)

    def open(self, binding: Binding) -> bytes:
        """The secret of a binding. Unavailable where it was sealed for another one, or damaged."""
        if binding.sealed is None or binding.binding_id is None:
            raise Unavailable("a binding has no secret")
        key = self._keyring.by_id(Purpose.SECRET, binding.sealed.key_id)
        nonce, sealed = binding.sealed.blob[:_NONCE_BYTES], binding.sealed.blob[_NONCE_BYTES:]
        try:
            return AESGCM(key.material).decrypt(
                nonce, sealed, _associated(binding.account, binding.binding_id)
            )
        except (InvalidTag, ValueError) as error:
            raise Unavailable("a secret was not sealed for this binding") from error

    def is_current(self, sealed: SealedSecret) -> bool:
        """Whether the secret lies under the newest data key."""
        return sealed.key_id == self._keyring.current(Purpose.SECRET).term.key_id


def _associated(account: str, binding_id: str) -> bytes:
    return f"totp-binding secret\n{account}\n{binding_id}".encode()
