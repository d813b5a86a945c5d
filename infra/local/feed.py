"""What happened lately, for those who look on: rows of the trail and notifications, in order."""

import threading
from collections import deque
from typing import Any

_REMEMBERED = 1_000
"""Events that are kept; whoever asks too late misses older ones."""


class Feed:
    """Events numbered from 1 on, from any thread."""

    def __init__(self) -> None:
        self._events: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self._position = 0
        self._lock = threading.Lock()

    def add(self, kind: str, document: dict[str, Any]) -> None:
        """Take in an event: a row of the trail (kind ``audit``) or what was sent (``notification``)."""
        with self._lock:
            self._position += 1
            self._events.append({"position": self._position, "kind": kind, "document": document})

    def after(self, position: int) -> list[dict[str, Any]]:
        """The events that came after a position, newest last; all where it is of an earlier run."""
        with self._lock:
            if position > self._position:
                return list(self._events)
            return [event for event in self._events if event["position"] > position]
