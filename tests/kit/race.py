"""Calls that race each other."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chalicelib.core.errors import Busy, Unavailable


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Make all calls from a common start. Busy and Unavailable count as answers."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return call()
        except (Busy, Unavailable) as refused:
            return refused

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(run, call) for call in calls]]
