"""Deployed stream mappings, followed as Lambda follows them."""

import json
from typing import Any

import boto3

from infra.local.poller import Poller
from infra.rehearsal.fleet import Fleet


class Streams:
    """Hands what the tables' streams hold to the functions that were connected to them."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._followed: dict[str, Poller] = {}

    def follow(self) -> int:
        """Take up new mappings, from the oldest record on, and let go of those that are gone.

        Says how many are followed now.
        """
        mappings = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        there = {mapping["UUID"]: mapping for mapping in mappings}
        for gone in self._followed.keys() - there.keys():
            self._followed.pop(gone).stop()
        for new in there.keys() - self._followed.keys():
            poller = Poller(
                there[new]["EventSourceArn"],
                self._handler(there[new]["FunctionArn"].rpartition(":")[2]),
                delivered=lambda event: None,
                idle=lambda: None,
            )
            poller.start()
            self._followed[new] = poller
        return len(self._followed)

    def stop(self) -> None:
        """Follow none any more."""
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
