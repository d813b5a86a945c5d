"""Lambda's part between the bindings table's stream and record_events."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from chalicelib import wiring
from infra.local.poller import Stream
from tests.kit.clock import Clock


@dataclass
class Delivery:
    """Takes records from the bindings table's stream and hands them to record_events."""

    service: Any
    clock: Clock
    stream: Stream

    def take(self) -> list[dict[str, Any]]:
        """Return the new records."""
        records = []
        while batch := self.stream.next(100):
            records += batch
        return records

    def deliver(self, records: list[dict[str, Any]] | None = None) -> None:
        """Run the handler on a batch, or on all new records."""
        batch = self.take() if records is None else records
        self.service.record_events({"Records": batch}, SimpleNamespace())

    def new_process(self) -> None:
        """Start a new process, which remembers nothing."""
        wiring.reset()
