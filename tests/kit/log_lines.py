"""The lines of the service's log."""

import json
import logging
from dataclasses import dataclass, field
from typing import Any

from chalicelib.log import log


@dataclass(eq=False)
class LogLines(logging.Handler):
    """The lines that the service has written to its log."""

    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.setFormatter(log.registered_formatter)

    def emit(self, record: logging.LogRecord) -> None:
        self.text.append(self.format(record))

    @property
    def json(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text]
