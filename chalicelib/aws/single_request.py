"""One HTTP request that goes out once, follows no redirect, and reads a bounded answer."""

import time
from collections.abc import Mapping

import urllib3

SECONDS = 3
"""Seconds after which an answer that still arrives is given up."""

_TIMEOUT = urllib3.Timeout(connect=1, read=2)


def send_once(
    method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, largest: int
) -> tuple[int, bytes]:
    """Return status and body of the answer, of ``largest`` bytes at most.

    Raises urllib3's HTTPError if there is no answer, and ValueError if it is too large or too slow.
    """
    # urllib3 limits each wait for bytes, not all of them together.
    deadline = time.monotonic() + SECONDS
    # Without retries, urllib3 tries once and returns a redirect as it is.
    pool = urllib3.PoolManager(timeout=_TIMEOUT, retries=False)
    answer = pool.request(method, url, headers=headers, body=body, preload_content=False)
    try:
        received = b""
        while piece := answer.read1(65_536):
            received += piece
            if len(received) > largest or time.monotonic() > deadline:
                raise ValueError("too large, or too slow")
        return answer.status, received
    finally:
        answer.close()
        pool.clear()
