"""Notifications: audit rows as the events topic sends them."""

from collections.abc import Mapping
from typing import Any

from chalicelib.aws.audit_rows import entry, string
from chalicelib.core.chain import SEAL


def notification(row: Mapping[str, Any]) -> dict[str, str | None]:
    """Return a row as a notification: its account, the reason of a finding, and the row's seal."""
    return {
        "account": string(row, "account"),
        **entry(row),
        "why": string(row, "why"),
        SEAL: string(row, SEAL),
    }
