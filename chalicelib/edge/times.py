"""Times as people and programs read them."""

from datetime import UTC, datetime


def rfc3339(at: int | None) -> str | None:
    """Unix seconds as RFC 3339 in UTC, to the second (``2026-11-22T01:02:03Z``); None stays None."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
