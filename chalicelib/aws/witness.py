"""The witness: a bucket under Object Lock that keeps a copy of every audit row.

Nobody can delete or change an object before its term, whatever their rights, and the bucket's policy
lets nobody write over one.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.aws.audit_rows import Row
from chalicelib.aws.clients import aws_errors, error_code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Witness:
    """The witness of one stage. The client is made on first use, since few functions need it."""

    def __init__(self, s3: "Callable[[], S3Client]", bucket: str) -> None:
        self._make_client = s3
        self._bucket = bucket

    @cached_property
    def _s3(self) -> "S3Client":
        return self._make_client()

    def put(self, rows: Sequence[Row]) -> None:
        """Write rows as one object. The same rows become the same object, which is written once.

        Raises Unavailable if AWS fails.
        """
        body = "".join(line(row) + "\n" for row in rows).encode()
        with aws_errors("writing to the witness"):
            try:
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=key(rows, body),
                    Body=body,
                    ContentType="application/jsonl",
                    ChecksumAlgorithm="SHA256",
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if error_code(error) != "PreconditionFailed":
                    raise


def line(row: Row) -> str:
    """Return a row as one line of JSON: the only one that it can have."""
    # repr: only a row that others have put into the table can hold what JSON cannot.
    return json.dumps(row, sort_keys=True, separators=(",", ":"), default=repr)


def key(rows: Sequence[Row], body: bytes) -> str:
    """Return the name of an object: the time of its newest row, and a digest of what it holds."""
    newest = int(max(row["event_id"] for row in rows)[:12])
    return f"{time_in_key(newest)}-{digest_in_key(body)}.jsonl"


def time_in_key(at: int) -> str:
    """Return what the names of objects of that time begin with; ``at`` in Unix seconds."""
    return f"{datetime.fromtimestamp(at, UTC):%Y/%m/%d/%H%M%S}"


def digest_in_key(body: bytes) -> str:
    """Return the part of an object's name that follows from what it holds."""
    return hashlib.sha256(body).hexdigest()[:32]
