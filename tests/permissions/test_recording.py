"""Each function, run on the emulated AWS, needs all that its role gives and nothing else."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from infra.audit.accounts import accounts
from infra.audit.auditor import Auditor
from infra.audit.verify import verify
from tests.kit.clock import Clock
from tests.kit.user import User
from tests.permissions.recording import as_requests, recorded
from tests.permissions.rendered import FUNCTIONS, Rendered, listed, read_stacks
from tests.permissions.runs import Desk, api_calls, rotation_calls, stream_calls, support_calls
from tests.permissions.simulator import Policy, Request, judge

_asked: dict[str, list[Request]] = {}


@pytest.fixture
def rendered(aws: dict[str, str]) -> Rendered:
    return read_stacks()


@pytest.fixture
def desk(service: Any, new_user: Callable[[], User], monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(service, new_user, monkeypatch)


def lambdas_own(name: str, rendered: Rendered) -> list[Request]:
    """Return what Lambda does with the role: logging, reading the stream, giving records up."""
    log, stream = rendered.resources[f"log of {name}"], rendered.resources["stream"]
    requests = [Request("logs:CreateLogStream", log), Request("logs:PutLogEvents", log)]
    if name == "record_events":
        requests += [Request("dynamodb:ListStreams", "*")]
        requests += [Request("sqs:SendMessage", rendered.resources["unrecorded"])]
        requests += [
            Request(f"dynamodb:{action}", stream)
            for action in ("DescribeStream", "GetRecords", "GetShardIterator")
        ]
    return requests


@pytest.fixture(params=FUNCTIONS)
def function(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def needed(function: str, clock: Clock, desk: Desk, rendered: Rendered) -> list[Request]:
    """The calls of a function, recorded once, and those of Lambda as the function."""
    if function not in _asked:
        calls = {
            "api_handler": lambda: api_calls(desk),
            "rotate_keys": lambda: rotation_calls(desk, clock),
            "record_events": lambda: stream_calls(desk, rendered.resources["stream"]),
        }.get(function, lambda: support_calls(desk, function))()
        _asked[function] = as_requests(calls, rendered.resources)
    return _asked[function] + lambdas_own(function, rendered)


def test_a_function_may_do_all_that_it_does(function: str, needed: list[Request], rendered: Rendered):
    assert refused(function, needed, rendered) == []


def test_a_function_does_all_that_it_may(function: str, needed: list[Request], rendered: Rendered):
    assert idle(function, needed, rendered) == []


@pytest.fixture
def audited(clock: Clock, rendered: Rendered, desk: Desk) -> list[Request]:
    """The calls of a check of the trail, and of reading the record of invocations."""
    stream_calls(desk, rendered.resources["stream"])
    with recorded() as calls:
        auditor = Auditor("test", clock)
        verify(auditor, None, 0)
        verify(auditor, "88000001", 0)
        accounts(auditor, None)
    requests = as_requests(calls, rendered.resources)
    requests.append(Request("s3:ListBucket", rendered.resources["invocations"]))
    requests.append(Request("s3:GetObject", rendered.resources["an invocation"]))
    return requests


def test_auditors_may_do_all_that_checking_takes(audited: list[Request], rendered: Rendered):
    assert refused("auditor role", audited, rendered) == []


def test_checking_takes_all_that_auditors_may_do(audited: list[Request], rendered: Rendered):
    assert idle("auditor role", audited, rendered) == []


def refused(who: str, requests: list[Request], rendered: Rendered) -> list[Request]:
    """The calls that their policies do not let somebody make."""
    judged = judge(rendered.question(who, request) for request in requests)
    return [request for request, allowed in zip(requests, judged, strict=True) if not allowed]


def idle(who: str, requests: list[Request], rendered: Rendered) -> list[str]:
    """Return the permissions that none of the calls needs."""
    own = rendered.policies[who]
    lessened = [
        (said, (*own[:place], lesser, *own[place + 1 :]))
        for place, policy in enumerate(own)
        for said, lesser in without_each_value(policy)
    ]
    questions = [
        (said, rendered.question(who, request, policies))
        for said, policies in lessened
        for request in requests
    ]
    judged = judge((question for _, question in questions), strict=False)
    missed = {said for (said, _), allowed in zip(questions, judged, strict=True) if not allowed}
    return [said for said, _ in lessened if said not in missed]


def without_each_value(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """The policy with one action or one value of a condition less, each in turn, and what it was."""
    for index, statement in enumerate(policy["Statement"]):
        sid = statement["Sid"]
        for element in ("Action", "Resource"):
            for value in listed(statement[element]):
                lesser = deepcopy(policy)
                rest = [other for other in listed(statement[element]) if other != value]
                lesser["Statement"][index][element] = rest
                if not rest:
                    del lesser["Statement"][index]
                yield f"{sid}: {value}", lesser
        for operator, keys in statement.get("Condition", {}).items():
            for key, values in keys.items():
                for value in listed(values) if len(listed(values)) > 1 else []:
                    lesser = deepcopy(policy)
                    rest = [other for other in values if other != value]
                    lesser["Statement"][index]["Condition"][operator][key] = rest
                    yield f"{sid}: {key} {value}", lesser
