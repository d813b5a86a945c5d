"""The emulated AWS streams changes as DynamoDB does, and forgets old places in a stream."""

from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodbstreams.models import dynamodbstreams_backends

from infra.local.poller import Stream


@pytest.fixture
def key() -> dict[str, Any]:
    return {"account": {"S": uuid4().hex}}


@pytest.fixture
def stream(aws: dict[str, str]) -> Stream:
    return Stream(aws["BINDINGS_STREAM_ARN"], "LATEST")


def test_an_item_made_by_an_update_is_one_complete_insert(
    aws: dict[str, str], stream: Stream, key: dict[str, Any], dynamodb: Any
):
    update = {"UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"S": "1"}}}
    for _ in range(2):
        dynamodb.update_item(TableName=aws["BINDINGS_TABLE"], Key=key, **update)
        dynamodb.put_item(TableName=aws["BINDINGS_TABLE"], Item=key | {"a": {"S": "1"}})
        dynamodb.delete_item(TableName=aws["BINDINGS_TABLE"], Key=key)
    records = stream.next(100)
    assert [record["eventName"] for record in records] == ["INSERT", "REMOVE"] * 2
    assert records[0]["dynamodb"]["NewImage"] == key | {"a": {"S": "1"}}
    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert stream.next(100) == []


def test_a_failed_transaction_leaves_the_table_unchanged(
    aws: dict[str, str], dynamodb: Any, key: dict[str, Any]
):
    def put(event_id: str, note: str) -> dict[str, Any]:
        return {
            "Put": {
                "TableName": aws["AUDIT_TABLE"],
                "Item": key | {"event_id": {"S": event_id}, "note": {"S": note}},
                "ConditionExpression": "attribute_not_exists(event_id)",
            }
        }

    dynamodb.transact_write_items(TransactItems=[put("2", "first"), put("3", "first")])
    for items in ([put("1", "new"), put("2", "new")], [put("3", "new"), put("1", "new")]):
        with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
            dynamodb.transact_write_items(TransactItems=items)
    found = dynamodb.query(
        TableName=aws["AUDIT_TABLE"],
        KeyConditionExpression="account = :account",
        ExpressionAttributeValues={":account": key["account"]},
    )["Items"]
    assert [(item["event_id"]["S"], item["note"]["S"]) for item in found] == [
        ("2", "first"),
        ("3", "first"),
    ]


def test_the_emulator_forgets_old_places_in_a_stream_but_not_the_latest(stream: Stream):
    for _ in range(1_010):
        stream.next(1)
    region = boto3.session.Session().region_name or "us-east-1"
    backend = dynamodbstreams_backends[DEFAULT_ACCOUNT_ID][region]
    assert len(backend.shard_iterators) == 1_000
    assert stream.next(1) == []
