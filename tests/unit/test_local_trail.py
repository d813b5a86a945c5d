"""Lambda's part on one machine: batches in order, begun again where the handler fails."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local import poller
from infra.local.feed import Feed
from infra.local.poller import Poller
from infra.local.terminal import line


class Shard:
    """A stream that has these records and then no more."""

    def __init__(self, numbers: list[int]) -> None:
        self.batches = [[{"dynamodb": {"SequenceNumber": str(number)}} for number in numbers]]

    def next(self, limit: int) -> list[dict[str, Any]]:
        return self.batches.pop(0) if self.batches else []


class Handled:
    """A handler that answers or fails as it is told, and remembers what it was handed."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.batches: list[list[int]] = []

    def __call__(self, event: Any, context: Any) -> Any:
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in event["Records"]]
        self.batches.append(numbers)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Polls until a stream of five is through; what was said to be delivered, batch by batch."""
    monkeypatch.setattr(poller, "_RETRY_SECONDS", 0)
    monkeypatch.setattr(poller, "_IDLE_SECONDS", 0)

    def ran(handler: Handled, *, idle_fails: bool = False) -> list[list[int]]:
        monkeypatch.setattr(poller, "Stream", lambda arn: Shard([1, 2, 3, 4, 5]))
        delivered: list[list[int]] = []
        looks = iter(range(3))
        through = threading.Event()

        def take(event: Any) -> None:
            numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in event["Records"]]
            delivered.append(numbers)

        def idle() -> None:
            if next(looks) == 2:
                through.set()
            if idle_fails:
                raise OSError

        started = Poller("arn", handler, take, idle)
        started.start()
        assert through.wait(10)
        started.stop()
        return delivered

    return ran


def test_a_batch_that_went_through_does_not_come_again(run: Any):
    handler = Handled()
    assert run(handler) == [[1, 2, 3, 4, 5]]
    assert handler.batches == [[1, 2, 3, 4, 5]]


def test_a_batch_that_raised_comes_again_whole(run: Any):
    handler = Handled(RuntimeError(), RuntimeError(), None)
    assert run(handler) == [[1, 2, 3, 4, 5]]
    assert handler.batches == [[1, 2, 3, 4, 5]] * 3


def test_records_that_were_caught_up_on_are_delivered_in_silence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(poller, "Stream", lambda arn: Shard([1, 2, 3]))
    handler = Handled()
    Poller("arn", handler, pytest.fail, pytest.fail).catch_up()
    assert handler.batches == [[1, 2, 3]]


def test_trouble_on_the_side_does_not_end_the_polling(run: Any):
    assert run(Handled(), idle_fails=True) == [[1, 2, 3, 4, 5]]


def test_a_record_is_json_as_lambda_has_it():
    at = datetime(2026, 11, 22, tzinfo=UTC)
    assert poller._as_json({"at": at, "NewImage": {"secret": {"B": b"\0\1"}, "l": {"L": []}}}) == {
        "at": at.timestamp(),
        "NewImage": {"secret": {"B": "AAE="}, "l": {"L": []}},
    }


def test_a_feed_keeps_order_and_forgets_the_oldest():
    feed = Feed()
    for number in range(1, 1_501):
        feed.add("audit", {"number": number})
    assert [event["position"] for event in feed.after(1_498)] == [1_499, 1_500]
    assert feed.after(1_499) == [{"position": 1_500, "kind": "audit", "document": {"number": 1_500}}]
    assert len(feed.after(0)) == 1_000
    assert feed.after(1_500) == []
    assert feed.after(1_501) == feed.after(0)


def test_a_notification_is_one_readable_line_whatever_is_in_it():
    told = {
        "at": "2026-11-22T01:02:03Z",
        "account": "88000001",
        "type": "unbound",
        "channel": None,
        "address": None,
        "operator": "李四\x1b[31m",
        "ticket": "T-1\n",
        "reason": "new_device",
        "why": None,
    }
    assert line(told) == (
        "2026-11-22T01:02:03Z  88000001  unbound  by 李四?[31m  ticket T-1?  because new_device"
    )
