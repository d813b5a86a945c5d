"""The recent audit rows and notifications, in order, for the page."""

import threading
from collections import deque
from typing import Any

_KEPT = 1_000
"""Events that the feed keeps; a client that reads too late misses older ones."""


class Feed:
    """Numbers events from 1 on. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._events: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._position = 0
        self._lock = threading.Lock()

    def add(self, kind: str, document: dict[str, Any]) -> None:
        """Add an audit row (kind ``audit``) or a notification (kind ``notification``)."""
        with self._lock:
            self._position += 1
            self._events.append({"position": self._position, "kind": kind, "document": document})

    def after(self, position: int) -> list[dict[str, Any]]:
        """Return the events after a position, newest last, or all if it is of an earlier run."""
        with self._lock:
            if position > self._position:
                return list(self._events)
            return [event for event in self._events if event["position"] > position]
