"""The audit table, which only ever grows.

Beside its rows an account has a marker for each stream record that became one: that is how a
record that is delivered twice is known again.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.clients import aws_errors, describe, was_not_applied
from chalicelib.core.chain import ROWS_END, Link, link_of
from chalicelib.core.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MARKER = "record-"
_MARKER_SECONDS = 14 * 86_400
"""How long a marker stays: a stream forgets its records after one day."""

_SENDS = 5
"""How often a transaction that met another one, or a throttle, is sent at most."""

_PAUSE_SECONDS = 0.05

_PASSING = frozenset(
    {"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError", "ThrottlingException"}
)
"""Reasons of a cancelled transaction that pass by themselves."""

Row = dict[str, Any]
"""An item of the audit table, in DynamoDB's own JSON."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The position is no longer free: another row has come since."""


class AuditTable:
    """The audit table."""

    def __init__(
        self, dynamodb: "DynamoDBClient", table: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._sleep = sleep

    def head(self, account: str) -> Link:
        """What the account's next row is to be chained to."""
        for row in self._newest_first(account, ROWS_END, page=1):
            if (link := link_of(row)) is not None:
                return link
        return Link()

    def append(self, row: Row, record_id: str) -> Row | Conflict | None:
        """Put a row where its position is free and its record has none yet, both or neither.

        Gives the row; for a record that came before, the row that it became then, or None where
        somebody took that away; Conflict where another row has the position. May be repeated after
        any failure: the marker knows.
        """
        marker = {
            "account": row["account"],
            "event_id": {"S": _MARKER + record_id},
            "row": row["event_id"],
            "kept_until": {"N": str(int(row["recorded_at"]["N"]) + _MARKER_SECONDS)},
        }
        reasons = self._put_both(row, marker)
        if reasons is None:
            return row
        if reasons[1].get("Code") == "ConditionalCheckFailed":
            return self._row_of(reasons[1]["Item"])
        return Conflict()

    def page(self, account: str, before: str | None, limit: int) -> list[Row]:
        """So many rows of an account, newest first, from the one before an ``event_id`` on."""
        end = ROWS_END if before is None else min(before, ROWS_END)
        rows = self._newest_first(account, end, page=limit)
        return [row for row, _ in zip(rows, range(limit), strict=False)]

    def rows(self, account: str) -> Iterator[Row]:
        """Every row of an account, oldest first."""
        return self._query(account, ROWS_END, ScanIndexForward=True)

    def accounts(self) -> Iterator[str]:
        """The accounts that have rows, each at least once."""
        return (item["account"]["S"] for item in self._scan(ProjectionExpression="account"))

    def recorded(self, start: int, end: int) -> Iterator[Row]:
        """The rows that were put from one time until just before another; an account's in order."""
        return self._scan(
            FilterExpression="recorded_at >= :start AND recorded_at < :end",
            ExpressionAttributeValues={":start": {"N": str(start)}, ":end": {"N": str(end)}},
        )

    def _newest_first(self, account: str, end: str, page: int) -> Iterator[Row]:
        return self._query(account, end, ScanIndexForward=False, PaginationConfig={"PageSize": page})

    def _query(self, account: str, end: str, **how: Any) -> Iterator[Row]:
        with aws_errors("reading the audit table"):
            pages = self._dynamodb.get_paginator("query").paginate(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="account = :account AND event_id < :end",
                ExpressionAttributeValues={":account": {"S": account}, ":end": {"S": end}},
                **how,
            )
            for page in pages:
                yield from page["Items"]

    def _scan(self, **how: Any) -> Iterator[Row]:
        with aws_errors("reading the audit table"):
            pages = self._dynamodb.get_paginator("scan").paginate(
                TableName=self._table, ConsistentRead=True, **how
            )
            for page in pages:
                yield from page["Items"]

    def _put_both(self, row: Row, marker: Row) -> list[dict[str, Any]] | None:
        """Why the transaction was cancelled, put by put; None once it has been carried out."""
        why = ""
        for send in range(_SENDS):
            try:
                self._dynamodb.transact_write_items(
                    TransactItems=[{"Put": self._put(row)}, {"Put": self._put(marker)}]
                )
                return None
            except self._dynamodb.exceptions.TransactionCanceledException as cancelled:
                reasons: list[dict[str, Any]] = list(cancelled.response["CancellationReasons"])  # type: ignore[arg-type]
                codes = {reason.get("Code", "None") for reason in reasons}
                if "ConditionalCheckFailed" in codes:
                    return reasons
                why = ", ".join(sorted(codes - {"None"}))
                if not codes & _PASSING:
                    break
            except (BotoCoreError, ClientError) as error:
                why = describe(error)
                if not was_not_applied(error):
                    break
            self._sleep(_PAUSE_SECONDS * 2**send)
        raise Unavailable(f"writing an audit row: {why}")

    def _put(self, item: Row) -> Any:
        return {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(event_id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _row_of(self, marker: Row) -> Row | None:
        key = {"account": marker["account"], "event_id": marker["row"]}
        with aws_errors("reading an audit row"):
            answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return answer.get("Item")
