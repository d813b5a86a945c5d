"""AWS clients that give up early, and the meaning of their errors.

A call has two seconds. The SDK tries a read twice and a write once, since only the bindings table
can tell if a write that got no answer has landed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from chalicelib.core.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

_CONNECT_SECONDS = 1
_READ_SECONDS = 2

_NOT_APPLIED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "ThrottledException",
        "TransactionConflictException",
    }
)


def _config(attempts: int) -> Config:
    return Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=64,
    )


def dynamodb_for_reads() -> "DynamoDBClient":
    """Return a DynamoDB client whose calls may be repeated."""
    client: DynamoDBClient = boto3.client("dynamodb", config=_config(attempts=2))
    return client


def dynamodb_for_writes() -> "DynamoDBClient":
    """Return a DynamoDB client that sends each call once."""
    client: DynamoDBClient = boto3.client("dynamodb", config=_config(attempts=1))
    return client


def kms() -> "KMSClient":
    """Return a KMS client. Opening and sealing may be repeated."""
    client: KMSClient = boto3.client("kms", config=_config(attempts=2))
    return client


def sns() -> "SNSClient":
    """Return an SNS client. Publishing may be repeated, since receivers take each event once."""
    client: SNSClient = boto3.client("sns", config=_config(attempts=4))
    return client


def s3() -> "S3Client":
    """Return an S3 client. An object is put once: a repetition finds it there."""
    client: S3Client = boto3.client("s3", config=_config(attempts=4))
    return client


def error_code(error: ClientError) -> str:
    """Return the error code that AWS gave."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def was_not_applied(error: Exception) -> bool:
    """Return True if the failed write has certainly changed nothing, so that it may be sent again."""
    if isinstance(error, ClientError):
        return error_code(error) in _NOT_APPLIED
    return isinstance(error, ConnectTimeoutError | EndpointConnectionError)


def may_have_landed(error: Exception) -> bool:
    """Return True if the failed write may have been carried out all the same.

    That is so without an answer and for a status of 500 or more: DynamoDB documents that a write may
    have succeeded despite an InternalServerError.
    """
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)) >= 500
    return isinstance(error, BotoCoreError) and not was_not_applied(error)


def describe(error: Exception) -> str:
    """Return the kind of an AWS failure, without its message, which may quote parameters."""
    return error_code(error) if isinstance(error, ClientError) else type(error).__name__


@contextmanager
def aws_errors(doing: str) -> Iterator[None]:
    """Turn AWS errors of the block into Unavailable, whose reason names what was being done."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise Unavailable(f"{doing}: {describe(error)}") from error
