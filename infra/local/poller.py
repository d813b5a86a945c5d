"""Delivers a table's stream to a handler, in order and with retries, as Lambda does."""

import base64
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import boto3
from chalice.local import LambdaContext

from chalicelib.log import frames, log

_IDLE_SECONDS = 0.2
_RETRY_SECONDS = 1.0
_BATCH = 25


class Poller:
    """Delivers a table's stream to a handler, from ``start`` until ``stop``.

    Calls ``delivered`` with each event that the handler processed, and ``idle`` after each poll.
    """

    def __init__(
        self,
        stream_arn: str,
        handler: Callable[[Any, Any], Any],
        delivered: Callable[[dict[str, Any]], None],
        idle: Callable[[], None],
    ) -> None:
        self._stream = Stream(stream_arn)
        self._handler = handler
        self._delivered = delivered
        self._idle = idle
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stream", daemon=True)

    def catch_up(self) -> None:
        """Deliver the records up to now, in this thread. Calls neither ``delivered`` nor ``idle``.

        The preset accounts were made at earlier times, and their records say when.
        """
        while records := self._stream.next(_BATCH):
            for record in records:
                change = record["dynamodb"]
                event = change.get("NewImage", {}).get("event", {}).get("M", {})
                if "at" in event:
                    change["ApproximateCreationDateTime"] = int(event["at"]["N"])
            self._handler({"Records": records}, _context())

    def start(self) -> None:
        """Start with the oldest record that was not delivered yet."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current batch."""
        self._stopped.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._poll()
            except Exception as error:
                log.error("the stream could not be polled", extra={"failure": frames(error)})
            self._stopped.wait(_IDLE_SECONDS)

    def _poll(self) -> None:
        records = self._stream.next(_BATCH)
        while records and not self._stopped.is_set() and not self._deliver(records):
            self._stopped.wait(_RETRY_SECONDS)
        self._idle()

    def _deliver(self, records: list[dict[str, Any]]) -> bool:
        """Deliver a batch. Return False if the handler failed: the whole batch is delivered again."""
        try:
            self._handler({"Records": records}, _context())
        except Exception as error:
            log.error("record_events failed", extra={"failure": frames(error)})
            return False
        self._delivered({"Records": records})
        return True


class Stream:
    """Reads the single shard of an emulated stream, from its oldest record or from ``LATEST``."""

    def __init__(self, stream_arn: str, start: str = "TRIM_HORIZON") -> None:
        self._client = boto3.client("dynamodbstreams")
        self._arn = stream_arn
        shard = self._client.describe_stream(StreamArn=stream_arn)["StreamDescription"]["Shards"][0]
        self._iterator: str = self._client.get_shard_iterator(
            StreamArn=stream_arn, ShardId=shard["ShardId"], ShardIteratorType=start
        )["ShardIterator"]

    def next(self, limit: int) -> list[dict[str, Any]]:
        """Return the next records, if any, in the form that Lambda gives a function."""
        answer = self._client.get_records(ShardIterator=self._iterator, Limit=limit)
        self._iterator = answer["NextShardIterator"]
        return [{**_as_json(record), "eventSourceARN": self._arn} for record in answer["Records"]]


def _as_json(value: Any) -> Any:
    """Return a record in the form of JSON: bytes in Base64, times in Unix seconds."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Mapping):
        return {name: _as_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_as_json(inner) for inner in value]
    return value


def _context() -> LambdaContext:
    return LambdaContext("record_events", memory_size=256, max_runtime_ms=30_000)
