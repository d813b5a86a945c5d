"""The drill of ``docs/operations.md``: each table restored beside the one in use, and compared."""

from typing import Any

from infra.rehearsal.account import client
from infra.rehearsal.checks import Checks

SUFFIX = "-drill"


def restore_beside(tables: list[str], checks: Checks) -> None:
    """Restore each table to its latest moment under another name, compare, and delete the copy."""
    dynamodb = client("dynamodb")
    for table in tables:
        beside = f"{table}{SUFFIX}"
        before = _items(table)
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=table, TargetTableName=beside, UseLatestRestorableTime=True
        )
        dynamodb.get_waiter("table_exists").wait(TableName=beside)
        found, after = _items(beside), _items(table)
        # The trail may have gone on meanwhile, as in an account it would.
        whole = all(item in found for item in before) and all(item in after for item in found)
        checks.that(f"{table} comes back whole", holds=bool(found) and whole, otherwise=found)
        dynamodb.delete_table(TableName=beside)


def _items(table: str) -> list[dict[str, Any]]:
    pages = client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return sorted((item for page in pages for item in page["Items"]), key=repr)
