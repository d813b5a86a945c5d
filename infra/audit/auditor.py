"""An auditor at one stage's tables and witness, who reads them and writes nothing."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3

from chalicelib.aws import clients
from chalicelib.aws.audit_rows import Row, from_item
from chalicelib.aws.items import Item
from chalicelib.aws.witness import time_in_key

_READERS = 16
"""Objects of the witness that are read at once."""

_OF_A_BINDING = (
    *("account", "version", "event", "state", "binding", "expires_at", "bound_at", "last_step"),
    *("locked_until", "desktop_at", "mobile_at", "suspended", "held"),
)
"""The attributes that auditors may read: enough to count accounts by state, no secret, no address."""


class Auditor:
    """Reads a stage's audit table, witness and bindings: of one account, or of all if it is None."""

    def __init__(self, stage: str, clock: Callable[[], float]) -> None:
        self._stage = stage
        self.clock = clock
        self._dynamodb = clients.dynamodb_for_reads()
        self._s3 = clients.s3()

    def rows(self, account: str | None) -> Iterator[Row]:
        """Yield the rows of the audit table, whatever has been put there."""
        return map(from_item, self._items("audit", account))

    def bindings(self, account: str | None) -> Iterator[tuple[str, Item]]:
        """Yield the items of the bindings table by account, without secrets and addresses."""
        names = {f"#{name}": name for name in _OF_A_BINDING}
        asked = {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
        return ((item["account"]["S"], item) for item in self._items("bindings", account, **asked))

    def objects(self, since: int) -> Iterator[tuple[str, bytes, float]]:
        """Yield the witness's objects that may hold rows of a time or of a later one.

        Each comes with its name and with the Unix time at which S3 took it, and in every version: so
        a delete marker, or a newer version, hides nothing.
        """
        account = boto3.client("sts").get_caller_identity()["Account"]
        bucket = f"totp-binding-{self._stage}-witness-{account}-{self._s3.meta.region_name}"
        pages: Any = self._s3.get_paginator("list_object_versions")
        with clients.aws_errors("reading the witness"), ThreadPoolExecutor(_READERS) as pool:
            for page in pages.paginate(Bucket=bucket, KeyMarker=time_in_key(since)):
                yield from pool.map(lambda one: self._read(bucket, one), page.get("Versions", []))

    def _read(self, bucket: str, version: Any) -> tuple[str, bytes, float]:
        name = {"Key": version["Key"], "VersionId": version["VersionId"]}
        body = self._s3.get_object(Bucket=bucket, **name)["Body"].read()
        return version["Key"], body, version["LastModified"].timestamp()

    def _items(self, table: str, account: str | None, **asked: Any) -> Iterator[Item]:
        operation: Any = "scan" if account is None else "query"
        if account is not None:
            asked["KeyConditionExpression"] = "account = :account"
            asked["ExpressionAttributeValues"] = {":account": {"S": account}}
        name = f"totp-binding-{self._stage}-{table}"
        pages = self._dynamodb.get_paginator(operation)
        with clients.aws_errors(f"reading the table {name}"):
            for page in pages.paginate(TableName=name, ConsistentRead=True, **asked):
                yield from page["Items"]
