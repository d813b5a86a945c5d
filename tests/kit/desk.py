"""Support staff in front of their functions."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


@dataclass
class Staff:
    """One operator. Each call has a request id of its own, unless the test gives one."""

    service: Any
    operator: str = "amy"
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def call(self, function: str, account: str, **fields: Any) -> dict[str, Any]:
        """Invoke a support function with the usual fields and those given."""
        event = {"account": account, "operator": self.operator, "ticket": "T-1"} | fields
        context = SimpleNamespace(aws_request_id=f"{function}-{next(self.ids)}")
        answer: dict[str, Any] = getattr(self.service, function)(event, context)
        return answer

    def unbind(self, account: str, **fields: Any) -> dict[str, Any]:
        return self.call("unbind", account, **{"reason": "lost_device"} | fields)
