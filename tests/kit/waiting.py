"""Waiting for what comes a little later."""

import time
from collections.abc import Callable
from typing import Any


def within(seconds: float, seen: Callable[[], Any]) -> Any:
    """Return the first result that is not empty."""
    deadline = time.monotonic() + seconds
    while not (got := seen()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return got
