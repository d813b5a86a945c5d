"""AWS clients that give up early, and what their failures mean.

A call has two seconds; a read is tried twice by the SDK, a write once, because only the store
knows whether a write that got no answer has landed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from chalicelib.core.refusal import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
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
    """A DynamoDB client whose calls may be repeated."""
    client: DynamoDBClient = boto3.client("dynamodb", config=_config(attempts=2))
    return client


def dynamodb_for_writes() -> "DynamoDBClient":
    """A DynamoDB client that sends each call once."""
    client: DynamoDBClient = boto3.client("dynamodb", config=_config(attempts=1))
    return client


def kms() -> "KMSClient":
    """A KMS client; opening and sealing may be repeated."""
    client: KMSClient = boto3.client("kms", config=_config(attempts=2))
    return client


def sns() -> "SNSClient":
    """An SNS client; receivers take each event once, so publishing may be repeated."""
    client: SNSClient = boto3.client("sns", config=_config(attempts=4))
    return client


def error_code(error: ClientError) -> str:
    """The code that AWS gave the error."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def was_not_applied(error: Exception) -> bool:
    """Whether a write that failed so has certainly changed nothing, and may be sent again."""
    if isinstance(error, ClientError):
        return error_code(error) in _NOT_APPLIED
    return isinstance(error, ConnectTimeoutError | EndpointConnectionError)


def may_have_landed(error: Exception) -> bool:
    """Whether a write that failed so may have been carried out all the same.

    No answer at all, or an answer in the five hundreds: DynamoDB's documentation says of its
    InternalServerError that the write may have succeeded.
    """
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)) >= 500
    return isinstance(error, BotoCoreError) and not was_not_applied(error)


def describe(error: Exception) -> str:
    """An AWS failure in few words, without the parameters that a message may quote."""
    return error_code(error) if isinstance(error, ClientError) else type(error).__name__


@contextmanager
def trouble(doing: str) -> Iterator[None]:
    """Turn whatever AWS fails with meanwhile into Unavailable, saying what was being done."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise Unavailable(f"{doing}: {describe(error)}") from error


def number(attribute: Any) -> int:
    """The whole number of a DynamoDB attribute; ValueError or KeyError where it is something else."""
    return int(attribute["N"])
