"""Deployed stream mappings, followed as Lambda follows them."""

import json
import threading
from typing import Any

from infra.local.poller import Poller
from infra.rehearsal.account import client
from infra.rehearsal.fleet import Fleet

_LONGEST_REST_SECONDS = 1.0


class Streams:
    """Hands what the tables' streams hold to the functions that were connected to them."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._followed: dict[str, Poller] = {}
        self._stopped = threading.Event()

    def follow(self) -> int:
        """Take up new mappings, from the oldest record on, and let go of those that are gone.

        Says how many are followed now.
        """
        mappings = client("lambda").list_event_source_mappings()["EventSourceMappings"]
        there = {mapping["UUID"]: mapping for mapping in mappings}
        for gone in self._followed.keys() - there.keys():
            self._followed.pop(gone).stop()
        self._stopped.clear()
        for new in there.keys() - self._followed.keys():
            rest = _Rest(self._stopped)
            poller = Poller(
                there[new]["EventSourceArn"],
                self._handler(there[new]["FunctionArn"].rpartition(":")[2]),
                delivered=rest.shorten,
                idle=rest.take,
            )
            poller.start()
            self._followed[new] = poller
        return len(self._followed)

    def stop(self) -> None:
        """Follow none any more."""
        self._stopped.set()
        for poller in self._followed.values():
            poller.stop()
        self._followed.clear()

    def _handler(self, name: str) -> Any:
        def hand_over(event: Any, context: Any) -> Any:
            answer, failed = self._fleet.invoke(name, json.dumps(event).encode())
            if failed:
                raise RuntimeError(answer.decode("utf-8", "replace")[:300])
            return json.loads(answer)

        return hand_over


class _Rest:
    """Between looks at a stream: longer each time that nothing was there, since each look costs."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped
        self._seconds = 0.0

    def shorten(self, event: Any) -> None:
        """Look again at once: where something was delivered, more may come."""
        self._seconds = 0.0

    def take(self) -> None:
        """Rest, unless all are stopped."""
        self._stopped.wait(self._seconds)
        self._seconds = min(_LONGEST_REST_SECONDS, self._seconds + 0.1)
