"""The parts of answers that clients and support share."""

from datetime import UTC, datetime
from typing import Any

from chalicelib.core.binding import Binding
from chalicelib.core.channel import Channel


def rfc3339(at: int | None) -> str | None:
    """Return Unix seconds as RFC 3339 in UTC (``2026-11-22T01:02:03Z``). None stays None."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def standing(shown: Binding) -> dict[str, Any]:
    """Return the state of an account as ``GET /binding`` and ``lookup`` show it."""
    return {
        "account": shown.account,
        "state": shown.state.value,
        "channels": {channel.value: rfc3339(shown.channels.get(channel)) for channel in Channel},
        "bound_at": rfc3339(shown.bound_at),
        "locked_until": rfc3339(shown.locked_until),
        "suspended": shown.suspended,
    }
