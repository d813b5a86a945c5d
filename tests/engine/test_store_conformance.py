"""One suite of what the service relies on in DynamoDB, on moto, MiniStack and DynamoDB Local.

Each behaviour is a function that returns what was seen. DynamoDB Local is Amazon's own, and the
others are held to what it does: a difference fails.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.emulator.moto_server import Emulator
from tests.kit.figures import record

_tables = count(1)
ACCOUNT = {"account": {"S": "88000001"}}
NEW = "attribute_not_exists(#version)"
SAME = "#version = :before"


class Engine:
    """One engine, with a table of items and one of rows."""

    def __init__(self, url: str) -> None:
        def client(service: str) -> Any:
            config = Config(max_pool_connections=64, retries={"total_max_attempts": 1})
            return boto3.client(service, endpoint_url=url, region_name="us-east-1", config=config)

        self.db, self.streams = client("dynamodb"), client("dynamodbstreams")

    def table(self, *keys: str) -> str:
        name = f"conformance-{next(_tables)}"
        self.db.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind}
                for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.db.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        return name

    def write(self, table: str, version: int, **attributes: Any) -> str:
        """Write on the version before, as the service does. Return ``landed``, or what it met."""
        names = {f"#{name}": name for name in ("version", *attributes)}
        values = {f":{name}": value for name, value in attributes.items()} | {
            ":version": {"N": str(version)}
        }
        if version > 1:
            values |= {":before": {"N": str(version - 1)}}
        setting = ", ".join(f"#{name} = :{name}" for name in ("version", *attributes))
        try:
            self.db.update_item(
                TableName=table,
                Key=ACCOUNT,
                UpdateExpression=f"SET {setting}",
                ConditionExpression=SAME if version > 1 else NEW,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            found = error.response.get("Item", {}).get("version", {}).get("N")
            return f"{error.response['Error']['Code']}, found {found}"
        return "landed"

    def item(self, table: str) -> Any:
        return self.db.get_item(TableName=table, Key=ACCOUNT, ConsistentRead=True).get("Item")

    def records(self, table: str) -> list[Any]:
        stream = self.db.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        found = []
        for shard in self.streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
            place = {"StreamArn": stream, "ShardId": shard["ShardId"]}
            at = self.streams.get_shard_iterator(**place, ShardIteratorType="TRIM_HORIZON")[
                "ShardIterator"
            ]
            found += self.streams.get_records(ShardIterator=at)["Records"]
        return found


def first_write_needs_an_absent_item(engine: Engine) -> Any:
    table = engine.table("account")
    return [engine.write(table, 1), engine.write(table, 1)]


def lost_race_brings_the_item(engine: Engine) -> Any:
    table = engine.table("account")
    return [engine.write(table, 1), engine.write(table, 2), engine.write(table, 2)]


def failed_condition_changes_nothing(engine: Engine) -> Any:
    table = engine.table("account")
    engine.write(table, 1, word={"S": "kept"})
    engine.write(table, 3, word={"S": "lost"})
    return engine.item(table)


def every_type_comes_back_as_it_was(engine: Engine) -> Any:
    table = engine.table("account")
    engine.write(
        table,
        1,
        text={"S": "极星 💹"},
        number={"N": "1800000000"},
        binary={"B": bytes(range(256))},
        truth={"BOOL": True},
        map={"M": {"a": {"NULL": True}, "b": {"L": [{"S": ""}, {"N": "-1"}]}}},
    )
    return engine.item(table)


def remove_takes_attributes_away(engine: Engine) -> Any:
    table = engine.table("account")
    engine.write(table, 1, secret={"B": b"sealed"}, kept={"S": "x"})
    engine.db.update_item(
        TableName=table,
        Key=ACCOUNT,
        UpdateExpression="SET #v = :v REMOVE #secret, #absent",
        ConditionExpression="#v = :one",
        ExpressionAttributeNames={"#v": "version", "#secret": "secret", "#absent": "absent"},
        ExpressionAttributeValues={":v": {"N": "2"}, ":one": {"N": "1"}},
    )
    return sorted(engine.item(table))


def projection_hides_the_rest(engine: Engine) -> Any:
    table = engine.table("account")
    engine.write(table, 1, secret={"B": b"sealed"}, state={"S": "bound"})
    names = {"#a": "account", "#s": "state"}
    return engine.db.get_item(
        TableName=table, Key=ACCOUNT, ProjectionExpression="#a, #s", ExpressionAttributeNames=names
    )["Item"]


def absent_item_is_no_item(engine: Engine) -> Any:
    return engine.item(engine.table("account"))


def rows_come_newest_first_in_pages(engine: Engine) -> Any:
    table = engine.table("account", "event_id")
    for number in range(7):
        engine.db.put_item(TableName=table, Item=ACCOUNT | {"event_id": {"S": f"{number:03}"}})
    pages = engine.db.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="account = :account AND event_id < :end",
        ExpressionAttributeValues={":account": ACCOUNT["account"], ":end": {"S": "006"}},
        ScanIndexForward=False,
        PaginationConfig={"PageSize": 4},
    )
    return [[item["event_id"]["S"] for item in page["Items"]] for page in pages if page["Items"]]


def row_is_never_overwritten(engine: Engine) -> Any:
    table = engine.table("account", "event_id")
    put = {
        "TableName": table,
        "Item": ACCOUNT | {"event_id": {"S": "1"}},
        "ConditionExpression": "attribute_not_exists(event_id)",
    }
    engine.db.put_item(**put)
    try:
        engine.db.put_item(**put)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "overwritten"


def transaction_that_fails_writes_nothing(engine: Engine) -> Any:
    table = engine.table("account", "event_id")
    rows = [{"Put": {"TableName": table, "Item": ACCOUNT | {"event_id": {"S": name}}}} for name in "ab"]
    rows[1]["Put"]["ConditionExpression"] = "attribute_exists(event_id)"
    try:
        engine.db.transact_write_items(TransactItems=rows)
    except ClientError as error:
        reasons = [reason["Code"] for reason in error.response["CancellationReasons"]]
        return [error.response["Error"]["Code"], reasons, engine.db.scan(TableName=table)["Count"]]
    return "written"


def absent_table_is_an_error(engine: Engine) -> Any:
    try:
        engine.db.get_item(TableName="absent", Key=ACCOUNT)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "found"


def stream_holds_each_write_once_in_order(engine: Engine) -> Any:
    table = engine.table("account")
    for version in (1, 2, 3):
        engine.write(table, version)
    return [
        (
            record["eventName"],
            record["dynamodb"].get("OldImage", {}).get("version", {}).get("N"),
            record["dynamodb"]["NewImage"]["version"]["N"],
        )
        for record in engine.records(table)
    ]


def lost_write_leaves_no_record(engine: Engine) -> Any:
    table = engine.table("account")
    engine.write(table, 1)
    engine.write(table, 1)
    return len(engine.records(table))


def write_that_changes_nothing_leaves_no_record(engine: Engine) -> Any:
    table = engine.table("account")
    item = ACCOUNT | {"version": {"N": "1"}}
    engine.db.put_item(TableName=table, Item=item)
    engine.db.put_item(TableName=table, Item=item)
    return len(engine.records(table))


def of_16_equal_writes_at_once_one_lands(engine: Engine) -> Any:
    table = engine.table("account")
    seen: Counter[str] = Counter()
    for version in range(1, 21):
        start = threading.Barrier(16)

        def write(start: threading.Barrier = start, version: int = version) -> str:
            start.wait()
            return engine.write(table, version)

        with ThreadPoolExecutor(16) as pool:
            seen.update(future.result() for future in [pool.submit(write) for _ in range(16)])
    return seen["landed"]


SEEN: set[tuple[str, str]] = set()
NEVER = "ConditionalCheckFailedException"
EXPECTED: dict[Callable[[Engine], Any], Any] = {
    first_write_needs_an_absent_item: ["landed", f"{NEVER}, found 1"],
    lost_race_brings_the_item: ["landed", "landed", f"{NEVER}, found 2"],
    failed_condition_changes_nothing: ACCOUNT | {"version": {"N": "1"}, "word": {"S": "kept"}},
    every_type_comes_back_as_it_was: ACCOUNT
    | {
        "version": {"N": "1"},
        "text": {"S": "极星 💹"},
        "number": {"N": "1800000000"},
        "binary": {"B": bytes(range(256))},
        "truth": {"BOOL": True},
        "map": {"M": {"a": {"NULL": True}, "b": {"L": [{"S": ""}, {"N": "-1"}]}}},
    },
    remove_takes_attributes_away: ["account", "kept", "version"],
    projection_hides_the_rest: ACCOUNT | {"state": {"S": "bound"}},
    absent_item_is_no_item: None,
    rows_come_newest_first_in_pages: [["005", "004", "003", "002"], ["001", "000"]],
    row_is_never_overwritten: NEVER,
    transaction_that_fails_writes_nothing: [
        "TransactionCanceledException",
        ["None", "ConditionalCheckFailed"],
        0,
    ],
    absent_table_is_an_error: "ResourceNotFoundException",
    stream_holds_each_write_once_in_order: [
        ("INSERT", None, "1"),
        ("MODIFY", "1", "2"),
        ("MODIFY", "2", "3"),
    ],
    lost_write_leaves_no_record: 1,
    write_that_changes_nothing_leaves_no_record: 1,
    of_16_equal_writes_at_once_one_lands: 20,
}


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """moto as the local stack and the tests use it: its gaps filled, one call at a time."""
    emulator = Emulator()
    emulator.start()
    yield emulator.url
    emulator.stop()


@pytest.fixture(scope="module")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from infra.rehearsal.emulator import account

    with account(tmp_path_factory.mktemp("ministack") / "account") as url:
        yield url


@pytest.fixture(params=["DynamoDB Local", "moto", "MiniStack"])
def engine(request: pytest.FixtureRequest) -> tuple[str, Engine]:
    fixture = {"DynamoDB Local": "dynamodb_url", "moto": "moto", "MiniStack": "ministack"}[request.param]
    return request.param, Engine(request.getfixturevalue(fixture))


@pytest.mark.parametrize("behaviour", EXPECTED, ids=lambda behaviour: behaviour.__name__)
def test_each_engine_does_what_the_service_relies_on(
    behaviour: Callable[[Engine], Any], engine: tuple[str, Engine]
):
    assert behaviour(engine[1]) == EXPECTED[behaviour]
    SEEN.add((engine[0], behaviour.__name__))
    engines = {name for name, _ in SEEN}
    record("store conformance", engines=len(engines), behaviours=len(EXPECTED), alike=len(SEEN))
