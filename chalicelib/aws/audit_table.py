"""The audit table, which only ever grows.

Rows are inserted by PartiQL: DynamoDB refuses to insert an item that is there, and IAM knows that
action by itself. So whoever may write rows can neither overwrite nor delete one.
"""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.aws.audit_rows import Row, from_item, to_item
from chalicelib.aws.clients import aws_errors
from chalicelib.core.errors import Unavailable
from chalicelib.log import log
from chalicelib.metrics import counted

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_IN_ONE_CALL = 25
"""Statements that DynamoDB takes at once."""

_SENDS = 5
"""Times that a throttled row is sent before the whole batch begins again."""

_PAUSE_SECONDS = 0.05


class AuditTable:
    """The audit table."""

    def __init__(
        self, dynamodb: "DynamoDBClient", table: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._sleep = sleep

    def insert(self, rows: Sequence[Row]) -> None:
        """Insert the rows that are not there yet. It may be repeated after any failure.

        Raises Unavailable if AWS fails.
        """
        left, why = list(rows), ""
        for send in range(_SENDS):
            chunks = [left[start : start + _IN_ONE_CALL] for start in range(0, len(left), _IN_ONE_CALL)]
            failed = [failure for chunk in chunks for failure in self._insert(chunk)]
            if not failed:
                return
            left, why = [row for row, _ in failed], failed[0][1]
            self._sleep(_PAUSE_SECONDS * 2**send)
        raise Unavailable(f"writing audit rows: {why}")

    def page(self, account: str, before: str | None, limit: int) -> list[Row]:
        """Return so many rows of an account, newest first, from the one before an ``event_id`` on."""
        condition, values = "account = :account", {":account": {"S": account}}
        if before is not None:
            condition += " AND event_id < :before"
            values[":before"] = {"S": before}
        with aws_errors("reading the audit table"):
            answer = self._dynamodb.query(
                TableName=self._table,
                ConsistentRead=True,
                ScanIndexForward=False,
                Limit=limit,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        return [from_item(item) for item in answer["Items"]]

    def _insert(self, rows: Sequence[Row]) -> list[tuple[Row, str]]:
        """Return the rows to send again, each with the reason."""
        with aws_errors("writing audit rows"):
            answer = self._dynamodb.batch_execute_statement(
                Statements=[self._statement(row) for row in rows]
            )
        failed: list[tuple[Row, str]] = []
        for row, response in zip(rows, answer["Responses"], strict=True):
            code = response.get("Error", {}).get("Code", "DuplicateItem")
            if code == "ValidationError":
                about = {"account": row["account"], "event_id": row["event_id"]}
                log.error("a row is not one that the table takes", extra=about | counted("Findings"))
            elif code != "DuplicateItem":
                failed.append((row, code))
        return failed

    def _statement(self, row: Row) -> Any:
        item = to_item(row)
        names = ", ".join(f"'{name}': ?" for name in item)
        return {
            "Statement": f'INSERT INTO "{self._table}" VALUE {{{names}}}',
            "Parameters": list(item.values()),
        }
