"""Support staff who call their functions."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


@dataclass
class Desk:
    """Support staff who call their functions."""

    service: Any
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def unbind(self, account: str, **fields: Any) -> dict[str, Any]:
        asked = {"account": account, "operator": "amy", "ticket": "T-1", "reason": "lost_device"}
        answer: dict[str, Any] = self.service.unbind(asked | fields, self._context("unbind"))
        return answer

    def unlock(self, account: str, **fields: Any) -> dict[str, Any]:
        asked = {"account": account, "operator": "amy", "ticket": "T-1"}
        answer: dict[str, Any] = self.service.unlock(asked | fields, self._context("unlock"))
        return answer

    def history(self, account: str, **fields: Any) -> list[dict[str, Any]]:
        """The history that lookup shows, newest first."""
        asked = {"account": account, "operator": "amy"} | fields
        found = self.service.lookup(asked, self._context("lookup"))
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

    def _context(self, function: str) -> Any:
        self.last_request_id = f"{function}-{next(self.ids)}"
        return SimpleNamespace(aws_request_id=self.last_request_id)
