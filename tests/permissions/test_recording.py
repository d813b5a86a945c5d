"""Each function, run on the emulated AWS, needs all that its role gives and nothing else."""

import os
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import boto3
import pytest
from chalice.test import Client

from chalicelib import wiring
from infra.audit.accounts import accounts
from infra.audit.auditor import Auditor
from infra.audit.verify import verify
from infra.local.poller import Stream
from infra.local.stack import SCHEDULED_EVENT
from tests.kit.clock import Clock
from tests.kit.login import MOBILE
from tests.kit.user import User
from tests.permissions.recording import as_requests, recorded
from tests.permissions.rendered import FUNCTIONS, Rendered, listed, read_stack
from tests.permissions.simulator import Policy, Request, judge

DAY = 86_400

_asked: dict[str, list[Request]] = {}


@pytest.fixture
def rendered(aws: dict[str, str]) -> Rendered:
    return read_stack()


@pytest.fixture
def desk(service: Any, new_user: Callable[[], User]) -> "Desk":
    return Desk(Client(service.app), new_user)


class Desk:
    """Support's functions, and the accounts they are called for."""

    def __init__(self, client: Any, new_user: Callable[[], User]) -> None:
        self._client = client
        self._new_user = new_user

    def ask(self, name: str, user: User, **more: Any) -> str:
        event = {"account": user.account, "operator": "chan", "ticket": "T-1", **more}
        outcome: str = self._client.lambda_.invoke(name, event).payload["outcome"]
        return outcome

    def pending(self) -> User:
        user = self._new_user()
        user.phone()
        return user

    def bound(self, wrong_codes: int = 0) -> User:
        """On both channels, with so many wrong codes in a row."""
        user = self._new_user()
        phone = user.bound_phone()
        assert user.verify(phone.code(), client=MOBILE).status == 200
        fail(user, phone, wrong_codes)
        return user


def fail(user: User, phone: Any, times: int) -> None:
    for _ in range(times):
        assert user.verify(phone.wrong()).code == "wrong_code"
        user.clock.advance(5 * 3600 if times > 5 else 1)


def api_calls(new_user: Callable[[], User]) -> list[Any]:
    """All that clients can bring about: both channels, wrong codes up to the suspension."""
    wiring.reset()
    with recorded() as calls:
        user = new_user()
        assert user.look().status == 200
        phone = user.phone()
        for _ in range(5):
            user.confirm(phone.wrong())
        phone = user.bound_phone()
        assert user.verify(phone.code(), client=MOBILE).status == 200
        fail(user, phone, 5)
        user.clock.advance(600)
        assert user.verify(phone.code()).status == 200
        fail(user, phone, 100)
        assert user.verify(phone.code()).code == "suspended"
        assert user.call("GET", "/.well-known/jwks.json").status == 200
    return calls


def support_calls(desk: Desk, name: str) -> list[Any]:
    """One support function on accounts in every state."""
    users = [desk.pending(), desk.bound(), desk.bound(wrong_codes=5), desk.bound(wrong_codes=100)]
    with recorded() as calls:
        for user in users:
            desk.ask(name, user, reason="other")
    return calls


def rotation_calls(service: Any, clock: Clock) -> list[Any]:
    """The first four months of a deployment, day by day."""
    table, dynamodb = os.environ["KEYS_TABLE"], boto3.client("dynamodb")
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={name: item[name] for name in ("purpose", "key_id")})
    with recorded() as calls:
        for _ in range(120):
            service.rotate_keys(SCHEDULED_EVENT, None)
            clock.advance(DAY)
    return calls


def stream_calls(service: Any, rendered: Rendered, desk: Desk) -> list[Any]:
    """A story's records, and the same once more, as a stream delivers what was not taken in time."""
    stream = Stream(rendered.resources["stream"], "LATEST")
    desk.ask("unbind", desk.bound(wrong_codes=5), reason="other")
    records = stream.next(100)
    assert records
    wiring.reset()
    with recorded() as calls:
        for _ in range(2):
            service.record_events({"Records": records}, None)
    return calls


def lambdas_own(name: str, rendered: Rendered) -> list[Request]:
    """What Lambda itself does as the function: it writes the log, and reads the stream."""
    log, stream = rendered.resources[f"log of {name}"], rendered.resources["stream"]
    requests = [Request("logs:CreateLogStream", log), Request("logs:PutLogEvents", log)]
    if name == "record_events":
        requests += [Request("dynamodb:ListStreams", "*")]
        requests += [
            Request(f"dynamodb:{action}", stream)
            for action in ("DescribeStream", "GetRecords", "GetShardIterator")
        ]
    return requests


@pytest.fixture(params=FUNCTIONS)
def function(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def needed(
    function: str,
    service: Any,
    clock: Clock,
    new_user: Callable[[], User],
    desk: Desk,
    rendered: Rendered,
) -> list[Request]:
    """What a function asks for, found out once, and what Lambda asks for as the function."""
    if function not in _asked:
        calls = {
            "api_handler": lambda: api_calls(new_user),
            "rotate_keys": lambda: rotation_calls(service, clock),
            "record_events": lambda: stream_calls(service, rendered, desk),
        }.get(function, lambda: support_calls(desk, function))()
        _asked[function] = as_requests(calls, rendered.resources)
    return _asked[function] + lambdas_own(function, rendered)


def test_a_function_may_do_all_that_it_does(function: str, needed: list[Request], rendered: Rendered):
    assert refused(function, needed, rendered) == []


def test_a_function_does_all_that_it_may(function: str, needed: list[Request], rendered: Rendered):
    assert idle(function, needed, rendered) == []


@pytest.fixture
def audited(service: Any, clock: Clock, rendered: Rendered, desk: Desk) -> list[Request]:
    """What checking the trail asks for, and reading the record of invocations."""
    stream_calls(service, rendered, desk)
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
    """What could be taken out of somebody's policy without refusing any of the calls."""
    lessened = list(without_each_value(rendered.policies[who]))
    questions = [
        (said, rendered.question(who, request, (policy,)))
        for said, policy in lessened
        for request in requests
    ]
    judged = judge((question for _, question in questions), strict=False)
    missed = {said for (said, _), allowed in zip(questions, judged, strict=True) if not allowed}
    return [said for said, _ in lessened if said not in missed]


def without_each_value(policies: tuple[Policy, ...]) -> Iterator[tuple[str, Policy]]:
    """The policy with one action or one value of a condition less, each in turn, and what it was."""
    (policy,) = policies
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
