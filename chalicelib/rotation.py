"""The scheduled job that makes new keys in time and removes old signing keys."""

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from chalicelib.aws.keyring import Keyring
from chalicelib.core.keys import Plan, Purpose, Term, plan_data_keys, plan_signing_keys
from chalicelib.log import log
from chalicelib.metrics import counted
from chalicelib.tokens.passes import new_signing_key

_DATA_KEY_BYTES = 32
"""The key length of AES-256."""


class Rotation:
    """Carries out the core's plan for each purpose."""

    def __init__(self, keyring: Keyring, clock: Callable[[], float]) -> None:
        self._keyring = keyring
        self._clock = clock

    def run(self) -> dict[str, dict[str, list[str]]]:
        """Make and retire the keys that are due, and return their ids. Running it again does no harm."""
        now = int(self._clock())
        return {
            purpose.value: self._carry_out(purpose, plan(self._keyring.terms(purpose), now), make)
            for purpose, plan, make in (
                (Purpose.SECRET, plan_data_keys, lambda: os.urandom(_DATA_KEY_BYTES)),
                (Purpose.PASS, plan_signing_keys, new_signing_key),
            )
        }

    def _carry_out(
        self, purpose: Purpose, plan: Plan, make: Callable[[], bytes]
    ) -> dict[str, list[str]]:
        created = []
        if plan.create is not None:
            not_before, not_after = plan.create
            term = Term(_key_id(not_before), not_before, not_after)
            self._keyring.add(purpose, term, make())
            created.append(term.key_id)
        for key_id in plan.retire:
            self._keyring.remove(purpose, key_id)
        about = {"purpose": purpose.value, "keys_created": created, "keys_retired": plan.retire}
        log.info("rotated keys", extra=about | counted("Rotations", purpose=purpose.value))
        return {"created": created, "retired": list(plan.retire)}


def _key_id(not_before: int) -> str:
    """Return a unique id that begins with the date of the key's first use."""
    return f"{datetime.fromtimestamp(not_before, UTC):%Y-%m-%d}-{secrets.token_hex(4)}"
