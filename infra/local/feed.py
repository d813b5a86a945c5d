"""What happened since the start, for the page to show as it happens."""

import threading
from typing import Any

LONGEST = 1_000
"""How many events are remembered; the oldest go first."""


class Feed:
    """Events in the order in which they came, each at a position of its own, counted from 1."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._last = 0
        self._lock = threading.Lock()

    def add(self, kind: str, document: Any) -> None:
        """Put an event at the end; ``kind`` is ``audit`` or ``notification``."""
        with self._lock:
            self._last += 1
            self._events.append({"position": self._last, "kind": kind, "document": document})
            del self._events[:-LONGEST]

    def after(self, position: int) -> list[dict[str, Any]]:
        """The events that came after a position, oldest first."""
        with self._lock:
            return [event for event in self._events if event["position"] > position]
