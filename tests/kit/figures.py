"""Figures of the evidence: printed, and kept in build/evidence.json for docs/evidence.md."""

import fcntl
import json
import os
from datetime import UTC, datetime

from infra.environment import ROOT

FIGURES = ROOT / "build" / "evidence.json"

SOAK = "SOAK" in os.environ
"""True if `make soak` runs the tests, with more of everything."""


def record(name: str, **figures: int | float | str) -> None:
    """Print the figures of one test, and add them to those of this machine's last runs."""
    print(f"{name}: " + ", ".join(f"{value} {what}" for what, value in figures.items()))
    entry = {"run": "soak" if SOAK else "test", "date": f"{datetime.now(UTC):%Y-%m-%d}", **figures}
    FIGURES.parent.mkdir(exist_ok=True)
    with FIGURES.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        known = json.loads(file.read() or "{}")
        file.truncate(0)
        json.dump(known | {f"{name} ({entry['run']})": entry}, file, indent=1)
