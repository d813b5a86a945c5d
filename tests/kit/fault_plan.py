"""An AWS that fails by a seeded plan: single faults, and outages that last."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.parsers import ResponseParserError

Really = Callable[[], Any]


def refusal(code: str, status: int = 400) -> Any:
    parsed = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return (AWSResponse("https://aws", status, {}, None), parsed), None  # type: ignore[no-untyped-call]


def garbage(parsed: dict[str, Any]) -> Any:
    meant = {"ResponseMetadata": {"HTTPStatusCode": 200}, **parsed}
    return (AWSResponse("https://aws", 200, {}, None), meant), None  # type: ignore[no-untyped-call]


UNREADABLE = {
    "Item": {
        "account": {"S": "x"},
        "state": {"N": "7"},
        "version": {"S": "first"},
        "sealed": {"BOOL": True},
    },
    "Items": [{"purpose": {"S": "pass"}, "key_id": {"BOOL": True}}],
}

OUTAGES = {
    "bindings table lost": ({"GetItem", "UpdateItem"}, "ResourceNotFoundException"),
    "keys table lost": ({"Query"}, "ResourceNotFoundException"),
    "KMS key disabled": ({"Decrypt", "Encrypt"}, "DisabledException"),
    "KMS key pending deletion": ({"Decrypt", "Encrypt"}, "KMSInvalidStateException"),
    "permissions lost": ({"*"}, "AccessDeniedException"),
    "all throttled": ({"*"}, "ThrottlingException"),
    "none": (set(), ""),
}


@dataclass
class FaultPlan:
    """Stands between the service and AWS, in the place of the wire's ``send``."""

    random: random.Random
    calls: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    active: bool = False
    outage: str = "none"
    rate: float = 0.3
    late: list[Really] = field(default_factory=list)

    def send(self, operation: str, really: Really) -> Any:
        if not self.active:
            return really()
        self.calls += 1
        if self.late and self.random.random() < 0.5:
            self.late.pop()()
        named, code = OUTAGES[self.outage]
        if operation in named or "*" in named:
            self.faults[self.outage] += 1
            return refusal(code)
        if self.random.random() > self.rate:
            return really()
        fault = self.random.choice(FAULTS)
        self.faults[fault.__name__] += 1
        return fault(self, operation, really)

    @contextmanager
    def episode(self, outage: str) -> Iterator[None]:
        """Faults until the end of the block. Writes that are still under way land then."""
        self.active, self.outage = True, outage
        yield
        self.active = False
        while self.late:
            self.late.pop()()


def throttled(plan: FaultPlan, operation: str, really: Really) -> Any:
    return refusal(plan.random.choice(["ThrottlingException", "ProvisionedThroughputExceededException"]))


def failed_before(plan: FaultPlan, operation: str, really: Really) -> Any:
    return refusal("InternalServerError", 500)


def failed_after(plan: FaultPlan, operation: str, really: Really) -> Any:
    really()
    return refusal("InternalServerError", 500)


def timed_out_before(plan: FaultPlan, operation: str, really: Really) -> Any:
    return None, ReadTimeoutError(endpoint_url="aws")


def timed_out_after(plan: FaultPlan, operation: str, really: Really) -> Any:
    really()
    return None, ReadTimeoutError(endpoint_url="aws")


def lands_late(plan: FaultPlan, operation: str, really: Really) -> Any:
    """The caller gives up, and a write is carried out during one of the next calls."""
    if operation == "UpdateItem":
        plan.late.append(really)
    return None, ReadTimeoutError(endpoint_url="aws")


def no_connection(plan: FaultPlan, operation: str, really: Really) -> Any:
    return None, ConnectTimeoutError(endpoint_url="aws")


def answered_garbage(plan: FaultPlan, operation: str, really: Really) -> Any:
    """A read answers what cannot be read. A write is carried out, and its answer is no JSON."""
    if operation == "UpdateItem":
        really()
        return None, ResponseParserError("garbage")
    return garbage(UNREADABLE)


def answered_no_json(plan: FaultPlan, operation: str, really: Really) -> Any:
    return None, ResponseParserError("garbage")


FAULTS = [
    throttled,
    failed_before,
    failed_after,
    timed_out_before,
    timed_out_after,
    lands_late,
    no_connection,
    answered_garbage,
    answered_no_json,
]
