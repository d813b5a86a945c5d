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


def test_a_row_is_inserted_once_and_the_others_of_its_batch_all_the_same(
    aws: dict[str, str], dynamodb: Any, key: dict[str, Any]
):
    """As tests/engine has it of DynamoDB itself."""

    def insert(event_id: str, note: str) -> dict[str, Any]:
        return {
            "Statement": f'INSERT INTO "{aws["AUDIT_TABLE"]}" '
            "VALUE {'account': ?, 'event_id': ?, 'note': ?}",
            "Parameters": [key["account"], {"S": event_id}, {"S": note}],
        }

    def errors(*statements: dict[str, Any]) -> list[str | None]:
        answer = dynamodb.batch_execute_statement(Statements=list(statements))
        return [response.get("Error", {}).get("Code") for response in answer["Responses"]]

    assert errors(insert("2", "first"), insert("3", "first")) == [None, None]
    assert errors(insert("1", "new"), insert("2", "new"), insert("x" * 1_025, "new")) == [
        None,
        "DuplicateItem",
        "ValidationError",
    ]
    found = dynamodb.query(
        TableName=aws["AUDIT_TABLE"],
        KeyConditionExpression="account = :account",
        ExpressionAttributeValues={":account": key["account"]},
    )["Items"]
    assert [(item["event_id"]["S"], item["note"]["S"]) for item in found] == [
        ("1", "new"),
        ("2", "first"),
        ("3", "first"),
    ]


def test_versions_are_listed_after_a_name_that_nothing_has(aws: dict[str, str]):
    s3 = boto3.client("s3")
    bucket = {"Bucket": s3.create_bucket(Bucket=uuid4().hex)["Location"].strip("/")}
    for name in ("a", "c", "e"):
        s3.put_object(**bucket, Key=name)

    def after(name: str) -> list[str]:
        listed = s3.list_object_versions(**bucket, KeyMarker=name).get("Versions", [])
        return [version["Key"] for version in listed]

    assert [after(name) for name in ("0", "a", "b", "e")] == [
        ["a", "c", "e"],
        ["c", "e"],
        ["c", "e"],
        [],
    ]


def test_the_emulator_forgets_old_places_in_a_stream_but_not_the_latest(stream: Stream):
    for _ in range(1_010):
        stream.next(1)
    region = boto3.session.Session().region_name or "us-east-1"
    backend = dynamodbstreams_backends[DEFAULT_ACCOUNT_ID][region]
    assert len(backend.shard_iterators) == 1_000
    assert stream.next(1) == []
