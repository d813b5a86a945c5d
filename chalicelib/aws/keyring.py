"""Keys that KMS seals: data keys for TOTP secrets, private keys for passes.

The keys table holds them sealed, under an encryption context that names purpose, id and term. So
nobody who can write the table can add a key, extend its term or change its purpose. A process opens
each key once and keeps it for five minutes. Disabling the KMS key stops the service within that
time.
"""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.clients import aws_errors, error_code
from chalicelib.aws.items import number
from chalicelib.core.errors import Unavailable
from chalicelib.core.keys import Purpose, Term, newest
from chalicelib.log import log

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient

KEPT_SECONDS = 300
"""Seconds for which an opened key stays in memory."""

_NOT_OURS = ("InvalidCiphertextException", "IncorrectKeyException", "ValidationException")
"""Error codes of KMS for bytes that it did not seal, or not for this purpose, id and term."""


@dataclass(frozen=True, slots=True)
class OpenKey:
    """A key that KMS has opened, and its term."""

    term: Term
    material: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _SealedKey:
    term: Term
    blob: bytes


@dataclass(slots=True)
class _Ring:
    """The keys of one purpose since the table was last read."""

    read_at: float
    sealed: dict[str, _SealedKey]
    opened: dict[str, OpenKey | None] = field(default_factory=dict)


class Keyring:
    """The keys table, opened by KMS and cached.

    A signing key whose id is in ``revoked`` does not exist for this service, even if the table has it.
    A data key is never revoked so, since secrets lie under it.
    """

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        kms: "KMSClient",
        table: str,
        kms_key: str,
        clock: Callable[[], float],
        *,
        revoked: Collection[str] = (),
    ) -> None:
        self._dynamodb = dynamodb
        self._kms = kms
        self._table = table
        self._kms_key = kms_key
        self._clock = clock
        self._revoked = {Purpose.PASS: revoked}
        self._rings: dict[Purpose, _Ring] = {}
        self._lock = threading.Lock()

    def current(self, purpose: Purpose) -> OpenKey:
        """Return the key to seal or sign with now.

        The table is read again if no cached key serves, since the first keys may be new. Raises
        Unavailable if KMS opens none.
        """
        now = int(self._clock())
        with self._lock:
            for ring_of in (self._ring, self._read):
                ring = ring_of(purpose)
                terms = [key.term for key in ring.sealed.values()]
                while (term := newest(terms, now)) is not None:
                    if (key := self._open(ring, purpose, term.key_id)) is not None:
                        return key
                    terms.remove(term)
        raise Unavailable(f"there is no key of purpose {purpose} to use: has rotate_keys run?")

    def by_id(self, purpose: Purpose, key_id: str) -> OpenKey:
        """Return the key of that id, of any term. The table is read again for an unknown id.

        Raises Unavailable if there is no such key, or KMS does not open it.
        """
        with self._lock:
            ring = self._ring(purpose)
            if key_id not in ring.sealed and key_id not in ring.opened:
                ring = self._read(purpose)
            if (key := self._open(ring, purpose, key_id)) is not None:
                return key
        raise Unavailable(f"there is no key {key_id!r} of purpose {purpose} that KMS opens")

    def published(self, purpose: Purpose) -> list[OpenKey]:
        """Return every key that KMS opens and whose signatures may be valid now or later.

        The table is read again if there is none. Raises Unavailable if there is still none.
        """
        now = int(self._clock())
        with self._lock:
            for ring_of in (self._ring, self._read):
                keys = self._all_open(ring_of(purpose), purpose)
                if published := [key for key in keys if key.term.published_at(now)]:
                    return published
        raise Unavailable(f"there is no key of purpose {purpose} to publish: has rotate_keys run?")

    def terms(self, purpose: Purpose) -> list[Term]:
        """Read the table and return the terms of the keys that KMS opens.

        A key that KMS does not open was not made by this service, so no plan may count on it.
        """
        with self._lock:
            return [key.term for key in self._all_open(self._read(purpose), purpose)]

    def add(self, purpose: Purpose, term: Term, material: bytes) -> None:
        """Seal a new key and store it. An existing key of that id is never overwritten."""
        with aws_errors("sealing a key"):
            sealed = self._kms.encrypt(
                KeyId=self._kms_key, Plaintext=material, EncryptionContext=_context(purpose, term)
            )
        item: dict[str, Any] = {
            "purpose": {"S": purpose.value},
            "key_id": {"S": term.key_id},
            "not_before": {"N": str(term.not_before)},
            "sealed": {"B": sealed["CiphertextBlob"]},
        }
        if term.not_after is not None:
            item["not_after"] = {"N": str(term.not_after)}
        with aws_errors("storing a key"):
            self._dynamodb.put_item(
                TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(key_id)"
            )
        self._forget(purpose)

    def remove(self, purpose: Purpose, key_id: str) -> None:
        """Remove a key from the table. Removing it twice does no harm."""
        with aws_errors("removing a key"):
            self._dynamodb.delete_item(
                TableName=self._table, Key={"purpose": {"S": purpose.value}, "key_id": {"S": key_id}}
            )
        self._forget(purpose)

    def _forget(self, purpose: Purpose) -> None:
        with self._lock:
            self._rings.pop(purpose, None)

    def _ring(self, purpose: Purpose) -> _Ring:
        ring = self._rings.get(purpose)
        if ring is None or not 0 <= self._clock() - ring.read_at < KEPT_SECONDS:
            ring = self._read(purpose)
        return ring

    def _read(self, purpose: Purpose) -> _Ring:
        self._rings.pop(purpose, None)
        sealed: dict[str, _SealedKey] = {}
        read_at = self._clock()
        with aws_errors("reading the keys"):
            pages = self._dynamodb.get_paginator("query").paginate(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="purpose = :purpose",
                ExpressionAttributeValues={":purpose": {"S": purpose.value}},
            )
            for item in (item for page in pages for item in page["Items"]):
                try:
                    key = _sealed_key(item)
                except (KeyError, TypeError, ValueError):
                    log.error(
                        "an item of the keys table cannot be read", extra={"purpose": purpose.value}
                    )
                    continue
                if key.term.key_id not in self._revoked.get(purpose, ()):
                    sealed[key.term.key_id] = key
        ring = self._rings[purpose] = _Ring(read_at, sealed)
        return ring

    def _all_open(self, ring: _Ring, purpose: Purpose) -> list[OpenKey]:
        keys = [self._open(ring, purpose, key_id) for key_id in ring.sealed]
        return [key for key in keys if key is not None]

    def _open(self, ring: _Ring, purpose: Purpose, key_id: str) -> OpenKey | None:
        """Return the opened key, or None if there is none that KMS sealed for this use."""
        if key_id not in ring.opened:
            sealed = ring.sealed.get(key_id)
            ring.opened[key_id] = None if sealed is None else self._ask_kms(purpose, sealed)
        return ring.opened[key_id]

    def _ask_kms(self, purpose: Purpose, key: _SealedKey) -> OpenKey | None:
        with aws_errors("opening a key"):
            try:
                answer = self._kms.decrypt(
                    CiphertextBlob=key.blob,
                    EncryptionContext=_context(purpose, key.term),
                    KeyId=self._kms_key,
                )
            except ClientError as error:
                if error_code(error) not in _NOT_OURS:
                    raise
                log.error(
                    "a key in the table was not sealed for this use",
                    extra={"purpose": purpose.value, "key_id": key.term.key_id},
                )
                return None
        return OpenKey(key.term, answer["Plaintext"])


def _context(purpose: Purpose, term: Term) -> dict[str, str]:
    """Return the encryption context of a key. CloudTrail shows it, so it holds nothing secret."""
    context = {"purpose": purpose.value, "key_id": term.key_id, "not_before": str(term.not_before)}
    if term.not_after is not None:
        context["not_after"] = str(term.not_after)
    return context


def _sealed_key(item: dict[str, Any]) -> _SealedKey:
    not_after = number(item["not_after"]) if "not_after" in item else None
    term = Term(item["key_id"]["S"], number(item["not_before"]), not_after)
    return _SealedKey(term, bytes(item["sealed"]["B"]))
