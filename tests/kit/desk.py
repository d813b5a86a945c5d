"""Support staff who call their functions."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


@dataclass
class Desk:
    """One operator. Each call has a request id of its own."""

    service: Any
    operator: str = "amy"
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def call(self, function: str, account: str, **fields: Any) -> dict[str, Any]:
        """Invoke a support function with the usual fields and those given."""
        event = {"account": account, "operator": self.operator, "ticket": "T-1"} | fields
        self.last_request_id = f"{function}-{next(self.ids)}"
        context = SimpleNamespace(aws_request_id=self.last_request_id)
        answer: dict[str, Any] = getattr(self.service, function)(event, context)
        return answer

    def unbind(self, account: str, **fields: Any) -> dict[str, Any]:
        return self.call("unbind", account, **{"reason": "lost_device"} | fields)

    def unlock(self, account: str, **fields: Any) -> dict[str, Any]:
        return self.call("unlock", account, **fields)

    def history(self, account: str, **fields: Any) -> list[dict[str, Any]]:
        """The history that lookup shows, newest first."""
        found = self.call("lookup", account, **fields)
        assert found["outcome"] == "found", found
        history: list[dict[str, Any]] = found["history"]
        return history

    def story(self, account: str) -> list[dict[str, Any]]:
        """All of an account's history, page by page, oldest first."""
        entries: list[dict[str, Any]] = []
        before = {}
        while page := self.history(account, limit=7, **before):
            entries += page
            before = {"before": page[-1]["event_id"]}
        return entries[::-1]
