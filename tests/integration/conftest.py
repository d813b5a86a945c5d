"""Fixtures for the stream's records, the topic's subscribers and the support desk."""

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from chalicelib import wiring
from infra.local.http_server import HttpResponse, Server
from infra.local.poller import Stream
from tests.kit.clock import Clock
from tests.kit.delivery import Delivery
from tests.kit.desk import Desk
from tests.kit.sts import Sts, sign_by
from tests.kit.subscriber import Subscriber
from tests.kit.witness import Witness

_queues = itertools.count(1)


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


@pytest.fixture
def witness(aws: dict[str, str]) -> Witness:
    return Witness(aws["WITNESS_BUCKET"])


@pytest.fixture
def dynamodb(aws: dict[str, str]) -> Any:
    return boto3.client("dynamodb")


@pytest.fixture
def desk(service: Any) -> Desk:
    return Desk(service)


@pytest.fixture(scope="session")
def sts_server() -> Iterator[Server]:
    """The server of the stand-in for STS. Each test sets the answers."""
    server = Server(0, lambda: HttpResponse(400))
    server.serve(lambda ask: HttpResponse(503))
    yield server
    server.stop()


@pytest.fixture
def sts(sts_server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sts]:
    """A stand-in for STS, which the service asks from here on."""
    sign_by(clock, monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts_server.url)
    wiring.reset()
    yield Sts(sts_server, clock)
    wiring.reset()
