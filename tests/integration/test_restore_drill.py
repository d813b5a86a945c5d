"""The drill of docs/operations.md: a table is restored beside the damaged one and compared with it."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from chalice.test import Client

from tests.kit.user import User

Read = Callable[[User], dict[str, Any]]


@pytest.fixture
def restore(aws: dict[str, str]) -> Iterator[Callable[[], Read]]:
    """Restores the present bindings into a table of another name. Returns a reader of it."""
    dynamodb, damaged = boto3.client("dynamodb"), aws["BINDINGS_TABLE"]
    beside = f"{damaged}-drill"

    def restored() -> Read:
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=damaged, TargetTableName=beside, UseLatestRestorableTime=True
        )
        dynamodb.get_waiter("table_exists").wait(TableName=beside)
        return lambda user: item(beside, user)

    yield restored
    dynamodb.delete_table(TableName=beside)


def item(table: str, user: User) -> dict[str, Any]:
    key = {"account": {"S": user.account}}
    return boto3.client("dynamodb").get_item(TableName=table, Key=key)["Item"]


def unbind(service: Any, user: User) -> None:
    event = {"account": user.account, "operator": "chan", "ticket": "DRILL-1", "reason": "other"}
    assert Client(service.app).lambda_.invoke("unbind", event).payload["outcome"] == "unbound"


def test_a_comparison_shows_a_damaged_account_and_unbinding_repairs_it(
    user: User, service: Any, aws: dict[str, str], restore: Callable[[], Read]
):
    phone = user.bound_phone()
    before = restore()
    assert before(user) == item(aws["BINDINGS_TABLE"], user)
    boto3.client("dynamodb").update_item(
        TableName=aws["BINDINGS_TABLE"],
        Key={"account": {"S": user.account}},
        UpdateExpression="SET secret = :other",
        ExpressionAttributeValues={":other": {"B": b"never sealed"}},
    )
    assert user.verify(phone.code()).code == "unavailable"
    assert before(user) != item(aws["BINDINGS_TABLE"], user)
    unbind(service, user)
    user.clock.advance(1)
    phone = user.bound_phone()
    assert user.verify(phone.code()).status == 200


def test_a_restored_table_binds_accounts_that_were_unbound_since(
    user: User, service: Any, restore: Callable[[], Read]
):
    """Support unbinds these accounts again before clients may log in."""
    user.bound_phone()
    before = restore()
    unbind(service, user)
    assert before(user)["state"] == {"S": "bound"}
