"""What tests of the trail share: the stream's records as Lambda delivers them, and a subscriber."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from chalicelib import wiring
from infra.local.poller import Stream
from tests.kit.clock import Clock

_queues = itertools.count(1)


@dataclass
class Delivery:
    """Lambda's part: takes records off the bindings table's stream and hands them to record_events."""

    service: Any
    clock: Clock
    stream: Stream

    def take(self) -> list[dict[str, Any]]:
        """The records of what happened since the last look."""
        records = []
        while batch := self.stream.next(100):
            records += batch
        return records

    def deliver(self, records: list[dict[str, Any]] | None = None) -> None:
        """Run the handler on a batch; on all news where none is given."""
        batch = self.take() if records is None else records
        self.service.record_events({"Records": batch}, SimpleNamespace())

    def new_process(self) -> None:
        """What the handler remembered is gone."""
        wiring.reset()


@dataclass
class Subscriber:
    """Receives what the topic sends: the documents, and their attributes beside."""

    sqs: Any
    queue: str
    attributes: list[dict[str, str]] = field(default_factory=list)

    def received(self) -> list[dict[str, Any]]:
        documents = []
        while messages := self.sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                documents.append(json.loads(message["Body"]))
                given = message.get("MessageAttributes", {})
                self.attributes.append({name: value["StringValue"] for name, value in given.items()})
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return documents


@pytest.fixture
def delivery(
    service: Any, aws: dict[str, str], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Delivery:
    """The stream, with records and objects dated by the service's clock."""

    def emulated_now() -> datetime:
        return datetime.fromtimestamp(clock(), UTC).replace(tzinfo=None)

    monkeypatch.setattr("moto.dynamodb.models.table.utcnow", emulated_now)
    monkeypatch.setattr("moto.s3.models.utcnow", emulated_now)
    return Delivery(service, clock, Stream(aws["BINDINGS_STREAM_ARN"], "LATEST"))


@pytest.fixture
def subscribe(aws: dict[str, str]) -> Iterator[Callable[..., Subscriber]]:
    """Makes a subscriber, with a filter policy if one is given."""
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    subscriptions = []

    def subscribed(policy: dict[str, Any] | None = None) -> Subscriber:
        queue = sqs.create_queue(QueueName=f"gateway-{next(_queues)}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        attributes = {"RawMessageDelivery": "true"}
        if policy is not None:
            attributes["FilterPolicy"] = json.dumps(policy)
        subscriptions.append(
            sns.subscribe(
                TopicArn=aws["EVENTS_TOPIC"],
                Protocol="sqs",
                Endpoint=arn["Attributes"]["QueueArn"],
                Attributes=attributes,
            )["SubscriptionArn"]
        )
        return Subscriber(sqs, queue)

    yield subscribed
    for subscription in subscriptions:
        sns.unsubscribe(SubscriptionArn=subscription)


@pytest.fixture
def subscriber(subscribe: Callable[..., Subscriber]) -> Subscriber:
    return subscribe()


@dataclass
class Witness:
    """The bucket that witnesses audit rows."""

    bucket: str

    def versions(self) -> list[dict[str, Any]]:
        """Every version of every object, newest last."""
        pages = boto3.client("s3").get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        return [version for page in pages for version in page.get("Versions", [])]

    def rows(self, account: str) -> list[dict[str, Any]]:
        """The witnessed rows of an account, by their ids."""
        s3, rows = boto3.client("s3"), []
        for version in self.versions():
            name = {"Key": version["Key"], "VersionId": version["VersionId"]}
            body = s3.get_object(Bucket=self.bucket, **name)["Body"].read()
            rows += [json.loads(line) for line in body.splitlines()]
        return sorted(
            (row for row in rows if row["account"] == account), key=lambda row: row["event_id"]
        )


@pytest.fixture
def witness(aws: dict[str, str]) -> Witness:
    return Witness(aws["WITNESS_BUCKET"])


@pytest.fixture
def dynamodb(aws: dict[str, str]) -> Any:
    return boto3.client("dynamodb")


@dataclass
class Desk:
    """Support staff in front of their functions."""

    service: Any
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def unbind(self, account: str, **fields: Any) -> dict[str, Any]:
        asked = {"account": account, "operator": "amy", "ticket": "T-1", "reason": "lost_device"}
        answer: dict[str, Any] = self.service.unbind(asked | fields, self._context("unbind"))
        return answer

    def unlock(self, account: str, **fields: Any) -> dict[str, Any]:
        asked = {"account": account, "operator": "amy", "ticket": "T-1"}
        answer: dict[str, Any] = self.service.unlock(asked | fields, self._context("unlock"))
        return answer

    def history(self, account: str, **fields: Any) -> list[dict[str, Any]]:
        """The history that lookup shows, newest first."""
        asked = {"account": account, "operator": "amy"} | fields
        found = self.service.lookup(asked, self._context("lookup"))
        assert found["outcome"] == "found", found
        history: list[dict[str, Any]] = found["history"]
        return history

    def story(self, account: str) -> list[dict[str, Any]]:
        """All of an account's history, page by page, oldest first."""
        entries: list[dict[str, Any]] = []
        before = {}
        while page := self.history(account, limit=7, **before):
            entries += page
            before = {"before": page[-1]["event_id"]}
        return entries[::-1]

    def _context(self, function: str) -> Any:
        self.last_request_id = f"{function}-{next(self.ids)}"
        return SimpleNamespace(aws_request_id=self.last_request_id)


@pytest.fixture
def desk(service: Any) -> Desk:
    return Desk(service)
