"""The calls between the service and AWS, counted and disturbed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSResponse


@dataclass
class Wire:
    """Every attempt of a call to AWS, before the SDK sees its answer."""

    calls: list[str] = field(default_factory=list)
    _mishaps: list[tuple[str, Callable[[Callable[[], Any]], Any]]] = field(default_factory=list)

    def send(self, operation: str, really: Callable[[], Any]) -> Any:
        self.calls.append(operation)
        for index, (named, mishap) in enumerate(self._mishaps):
            if named in (operation, "*"):
                if named != "*":
                    del self._mishaps[index]
                return mishap(really)
        return really()

    def next(self, operation: str, mishap: Callable[[Callable[[], Any]], Any], times: int = 1) -> None:
        """Disturb the next attempts of an operation, or with ``*`` all attempts from now on."""
        self._mishaps += [(operation, mishap)] * times

    def drop_answer(self, operation: str) -> None:
        """Carry out the next call of an operation and lose its answer."""
        from botocore.exceptions import ReadTimeoutError

        def mishap(really: Callable[[], Any]) -> Any:
            really()
            return None, ReadTimeoutError(endpoint_url="aws")

        self.next(operation, mishap)

    def refuse(self, operation: str, code: str, status: int = 400, times: int = 1, **more: Any) -> None:
        """Answer the next calls of an operation with an error. ``more`` is added to its document."""
        parsed = {
            "Error": {"Code": code, "Message": code},
            "ResponseMetadata": {"HTTPStatusCode": status},
            **more,
        }

        http = AWSResponse("https://aws", status, {}, None)
        self.next(operation, lambda really: ((http, parsed), None), times)
