"""Handlers of the trail at once, decided by DynamoDB itself, on records as DynamoDB streams them."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, cast

import boto3
import pytest

from chalicelib.audit.recorder import Recorder
from chalicelib.aws import clients
from chalicelib.aws.audit_table import AuditTable
from chalicelib.aws.topic import EventsTopic
from chalicelib.aws.witness import Witness
from chalicelib.core.errors import Unavailable
from infra.local.poller import Stream
from tests.engine.test_write_races import BASE32, NOW, Account, at_once
from tests.kit.phone import code_at

Make = Callable[[str], str]
_accounts = count()


class Told:
    """A topic and a witness that remember."""

    def __init__(self) -> None:
        self.documents: list[Mapping[str, Any]] = []
        self.witnessed: list[Mapping[str, Any]] = []

    def publish(self, documents: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        self.documents += documents
        yield from documents

    def put(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.witnessed += rows


class House:
    """An audit table, and as many handlers as are wanted."""

    def __init__(self, table: str) -> None:
        self.table = AuditTable(clients.dynamodb_for_reads(), table)
        self.told = Told()

    def handler(self) -> Recorder:
        return Recorder(cast(Witness, self.told), self.table, cast(EventsTopic, self.told), 7)

    def rows(self, account: str) -> list[dict[str, Any]]:
        """The account's rows, oldest first. Each was witnessed as it is in the table."""
        rows = self.table.page(account, None, 1_000)[::-1]
        assert [row for row in rows if row not in self.told.witnessed] == []
        return rows


@pytest.fixture
def house(make_table: Make) -> House:
    return House(make_table("AuditTable"))


def records(account: str, number: int) -> list[dict[str, Any]]:
    def item(version: int) -> dict[str, Any]:
        event = {
            "event_id": {"S": f"event-{version}"},
            "type": {"S": "verified"},
            "at": {"N": str(NOW)},
            "request_id": {"S": "r"},
            "channel": {"S": "desktop"},
        }
        return {"version": {"N": str(version)}, "state": {"S": "bound"}, "event": {"M": event}}

    return [
        {
            "eventID": f"{account}-{version}",
            "eventName": "MODIFY",
            "dynamodb": {
                "Keys": {"account": {"S": account}},
                "SequenceNumber": str(version),
                "ApproximateCreationDateTime": NOW,
                "OldImage": item(version - 1),
                "NewImage": item(version),
            },
        }
        for version in range(1, number + 1)
    ]


@pytest.mark.parametrize("handlers", [2, 8])
def test_handlers_that_all_have_the_same_batch_leave_each_row_once_in_the_order_of_the_stream(
    house: House, handlers: int
):
    account = f"same-{next(_accounts)}"
    batch = records(account, 60)
    calls = [house.handler() for _ in range(handlers)]
    assert at_once([lambda one=one: one.record(batch) for one in calls]) == [None] * handlers
    rows = house.rows(account)
    assert [row["sequence_number"] for row in rows] == [
        record["dynamodb"]["SequenceNumber"] for record in batch
    ]
    assert {told["event_id"] for told in house.told.documents} == {row["event_id"] for row in rows}


@pytest.mark.parametrize("seed", range(3))
def test_handlers_that_have_different_records_of_one_account_lose_none(house: House, seed: int):
    account = f"mixed-{next(_accounts)}"
    chance = random.Random(seed)
    everything = records(account, 48)
    batches = [everything[start::4] + chance.sample(everything, 8) for start in range(4)]
    assert at_once([lambda some=some: house.handler().record(some) for some in batches]) == [None] * 4
    assert [row["version"] for row in house.rows(account)] == list(range(1, 49))


def test_a_row_that_is_there_is_neither_written_over_nor_trouble(house: House):
    account = f"planted-{next(_accounts)}"
    batch = records(account, 2)
    house.handler().record(batch[:1])
    (row,) = house.rows(account)
    boto3.client("dynamodb").put_item(
        TableName=house.table._table,
        Item={"account": {"S": account}, "event_id": {"S": row["event_id"]}, "note": {"S": "x"}},
    )
    house.handler().record(batch)
    planted, second = house.table.page(account, None, 10)[::-1]
    assert planted["note"] == "x"
    assert second["version"] == 2


def test_a_table_that_is_gone_is_trouble(make_table: Make, house: House):
    gone = AuditTable(clients.dynamodb_for_reads(), "gone", sleep=lambda seconds: None)
    with pytest.raises(Unavailable, match="ResourceNotFound"):
        gone.insert([{"account": "a", "event_id": "e"}])


def test_what_dynamodb_streams_of_an_account_is_its_story(house: House, make_table: Make):
    table = make_table("BindingsTable")
    updated = boto3.client("dynamodb").update_table(
        TableName=table,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    account = Account(table)
    account.bind()
    account.verify(code_at(BASE32, NOW + 30))
    account.unbind()
    dynamodb, key = boto3.client("dynamodb"), {"account": {"S": account.name}}
    by_hand: dict[str, Any] = {
        "UpdateExpression": "SET note = :note",
        "ExpressionAttributeValues": {":note": {"S": "x"}},
    }
    for _ in range(2):
        # The second one changes nothing, so that there is nothing to tell.
        dynamodb.update_item(TableName=table, Key=key, **by_hand)
    dynamodb.delete_item(TableName=table, Key=key)
    streamed = Stream(updated["TableDescription"]["LatestStreamArn"]).next(100)
    for number, record in enumerate(streamed):
        # The engine has a clock of its own.
        record["dynamodb"]["ApproximateCreationDateTime"] = NOW + number
    house.handler().record(streamed)
    assert [row["type"] for row in house.rows(account.name)] == [
        "bind_started",
        "bound",
        "channel_bound",
        "unbound",
        "tampered",
        "tampered",
    ]
