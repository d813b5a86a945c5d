"""The service's clock in tests."""

from dataclasses import dataclass


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    time: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds
