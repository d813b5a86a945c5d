"""The checks of a rehearsal, counted and logged, and its patience."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 300.0
"""The longest wait for anything: a machine under load is slow, not wrong."""


class Checks:
    """Sentences that must be true. The log has them, and the whole output of each command."""

    def __init__(self, log: Path) -> None:
        self.made = 0
        self.failed: list[str] = []
        self._log = log

    def say(self, text: str) -> None:
        """Print, and write to the log."""
        print(text, flush=True)
        self.log(text)

    def log(self, text: str) -> None:
        """Write to the log alone."""
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{text}\n")

    def that(self, sentence: str, *, holds: bool, otherwise: Any = None) -> None:
        """Count one check, and print what was found instead if it fails."""
        self.made += 1
        self.say(f"  {'ok    ' if holds else 'FAILED'} {sentence}")
        if not holds:
            self.failed.append(sentence)
            self.say(f"         {otherwise!r}"[:2_000])

    def same(self, sentence: str, found: Any, expected: Any) -> None:
        """Check that two values are equal."""
        self.that(sentence, holds=found == expected, otherwise={"found": found, "expected": expected})

    def end(self, limits: list[str]) -> int:
        """Print what was not rehearsed, then the closing line; the exit status."""
        self.say("\n  - ".join(["\nNot rehearsed here", *limits]))
        if self.failed:
            self.say("\n".join(["", *self.failed, f"the whole log: {self._log.parent}"]))
        self.say(f"\nrehearsal: {self.made} checks, {len(self.failed)} failed")
        return 1 if self.failed or not self.made else 0


def wait_until(look: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    """Look until it is enough or patience is out; what was seen last."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not enough(seen := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return seen
