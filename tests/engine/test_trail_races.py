"""Handlers of the trail at once, decided by DynamoDB itself, on records as DynamoDB streams them."""

import random
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest

from chalicelib.audit.recorder import Trail
from chalicelib.aws import clients
from chalicelib.aws.audit_table import AuditTable, Topic
from chalicelib.aws.keyring import Keyring, OpenKey
from chalicelib.core.chain import SEAL, is_sealed, row_id
from chalicelib.core.keys import Term
from infra.local.poller import Stream
from tests.engine.test_write_races import BASE32, NOW, Account, at_once
from tests.kit.phone import code_at

KEY = OpenKey(Term("trail-1", NOW, None), bytes(range(32)))

Make = Callable[[str], str]
_accounts = count()


class Told:
    """A topic that remembers."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []

    def publish(self, document: dict[str, Any], **attributes: str | None) -> None:
        self.documents.append(document)


class House:
    """An audit table, and as many handlers as are wanted."""

    def __init__(self, table: str) -> None:
        self.table = AuditTable(clients.dynamodb_for_reads(), table)
        self.told = Told()

    def handler(self) -> Trail:
        keyring = cast(Keyring, SimpleNamespace(current=lambda purpose: KEY))
        return Trail(self.table, cast(Topic, self.told), keyring, lambda: NOW, 7)

    def chain(self, account: str) -> list[dict[str, Any]]:
        """The account's rows, which are a chain without a gap, a fork or a strange seal."""
        rows = list(self.table.rows(account))
        positions = range(1, len(rows) + 1)
        assert [row["event_id"]["S"] for row in rows] == [row_id(account, at) for at in positions]
        assert all(is_sealed(row, KEY.material) for row in rows)
        assert [row["previous"]["S"] for row in rows] == ["", *(row[SEAL]["S"] for row in rows[:-1])]
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
                "OldImage": item(version - 1),
                "NewImage": item(version),
            },
        }
        for version in range(1, number + 1)
    ]


@pytest.mark.parametrize("handlers", [2, 8])
def test_handlers_that_all_have_the_same_batch_leave_one_chain_in_the_order_of_the_stream(
    house: House, handlers: int
):
    account = f"same-{next(_accounts)}"
    batch = records(account, 20)
    calls = [house.handler() for _ in range(handlers)]
    at_once([lambda trail=trail: trail.record(batch) for trail in calls])
    rows = house.chain(account)
    assert [row["record"]["S"] for row in rows] == [record["eventID"] for record in batch]
    assert {told["event_id"] for told in house.told.documents} == {row["event_id"]["S"] for row in rows}


@pytest.mark.parametrize("seed", range(3))
def test_handlers_that_have_different_records_of_one_account_share_its_chain_and_lose_none(
    house: House, seed: int
):
    account = f"mixed-{next(_accounts)}"
    chance = random.Random(seed)
    everything = records(account, 24)
    batches = [everything[start::4] + chance.sample(everything, 4) for start in range(4)]

    def until_done(batch: list[dict[str, Any]]) -> None:
        for _ in range(10):
            (answer,) = at_once([lambda: house.handler().record(batch)])
            if answer is None:
                return
        raise AssertionError(answer)

    at_once([lambda batch=batch: until_done(batch) for batch in batches])
    rows = house.chain(account)
    assert sorted(row["record"]["S"] for row in rows) == sorted(one["eventID"] for one in everything)


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
    house.handler().record(Stream(updated["TableDescription"]["LatestStreamArn"]).next(100))
    assert [row["type"]["S"] for row in house.chain(account.name)] == [
        "bind_started",
        "bound",
        "channel_bound",
        "unbound",
        "tampered",
        "tampered",
    ]
