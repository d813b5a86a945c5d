"""What the rehearsal looks at, counted."""

from typing import Any


class Checks:
    """Each check is a sentence that must be true."""

    def __init__(self) -> None:
        self.made = 0
        self.failed: list[str] = []

    def that(self, sentence: str, *, holds: bool, otherwise: Any = None) -> None:
        """Say and count one check; ``otherwise`` is shown where it fails."""
        self.made += 1
        print(f"  {'ok    ' if holds else 'FAILED'} {sentence}", flush=True)
        if not holds:
            self.failed.append(sentence)
            print(f"         {otherwise!r}"[:1_000], flush=True)

    def same(self, sentence: str, found: Any, expected: Any) -> None:
        """Check that two values are equal."""
        self.that(sentence, holds=found == expected, otherwise={"found": found, "expected": expected})

    def end(self, limits: list[str]) -> int:
        """Print what the rehearsal cannot show, then the closing line; the exit status."""
        print("\nWhat this rehearsal cannot show")
        for limit in limits:
            print(f"  - {limit}")
        for sentence in self.failed:
            print(f"\nfailed: {sentence}")
        print(f"\nrehearsal: {self.made} checks, {len(self.failed)} failed", flush=True)
        return 1 if self.failed or not self.made else 0
