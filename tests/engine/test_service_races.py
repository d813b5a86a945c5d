"""The whole service in four processes on DynamoDB Local: replays, guesses, and races of every kind."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from infra.environment import ROOT
from tests.kit.clock import Clock
from tests.kit.figures import SOAK, record
from tests.kit.login import DESKTOP, MOBILE, SETTINGS
from tests.kit.phone import code_at, wrong_code
from tests.kit.user import User

PROCESSES = 4
ROUNDS = 100 if SOAK else 5
FEW_ROUNDS = 30 if SOAK else 2
NOW = 1_800_000_000
BIND_CODE_REFUSALS = ("bind_code_required", "bind_code_expired")
TABLES = {"bindings": ["account"], "audit": ["account", "event_id"], "keys": ["purpose", "key_id"]}
_accounts = count(1)


class Fleet:
    """Several processes of the service that share one table."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.now = NOW
        self.calls = 0
        command = [sys.executable, "-m", "tests.engine.worker"]
        with log.open("w") as sink:
            self.processes = [
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=os.environ | environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=sink,
                    text=True,
                )
                for _ in range(PROCESSES)
            ]

    def at_once(self, calls: list[dict[str, Any]]) -> list[Any]:
        """Make all calls at once, dealt out to the processes; their answers in the same order."""
        hands = [calls[number::PROCESSES] for number in range(PROCESSES)]
        busy = [(process, hand) for process, hand in zip(self.processes, hands, strict=True) if hand]
        for process, hand in busy:
            self._tell(process, json.dumps({"now": self.now, "calls": hand}))
        for process, _ in busy:
            assert self._hear(process) == "ready"
        for process, _ in busy:
            self._tell(process, "go")
        heard = iter([json.loads(self._hear(process)) for process, _ in busy])
        answers: list[Any] = [None] * len(calls)
        for number, hand in enumerate(hands):
            if hand:
                answers[number::PROCESSES] = next(heard)
        self.calls += len(calls)
        return answers

    def one(self, call: dict[str, Any]) -> Any:
        return self.at_once([call])[0]

    def _tell(self, process: "subprocess.Popen[str]", line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()

    def _hear(self, process: "subprocess.Popen[str]") -> str:
        assert process.stdout is not None
        return process.stdout.readline().strip()

    def stop(self) -> None:
        for process in self.processes:
            with process:
                assert process.stdin is not None
                process.stdin.close()
                process.wait(60)


@pytest.fixture(scope="module")
def kms() -> Iterator[tuple[str, str]]:
    """An emulated KMS: its address, and the id of a key."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    key = boto3.client("kms", endpoint_url=url).create_key()["KeyMetadata"]["Arn"]
    yield url, key
    server.stop()


@pytest.fixture(scope="module")
def fleet(
    dynamodb_url: str, kms: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    dynamodb = boto3.client("dynamodb", endpoint_url=dynamodb_url)
    for name, keys in TABLES.items():
        dynamodb.create_table(
            TableName=f"service-{name}",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind}
                for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    names = {f"{name.upper()}_TABLE": f"service-{name}" for name in TABLES}
    services = {"AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url, "AWS_ENDPOINT_URL_KMS": kms[0]}
    # No operation here publishes or witnesses an event: that is the stream's part.
    unasked = {"EVENTS_TOPIC": "arn:aws:sns:us-east-1:123456789012:events", "WITNESS_BUCKET": "witness"}
    log = tmp_path_factory.mktemp("fleet") / "log"
    fleet = Fleet(
        SETTINGS | names | services | unasked | {"KMS_KEY": kms[1]} | {"PYTHONPATH": str(ROOT)}, log
    )
    rotated = fleet.one({"function": "rotate_keys", "event": SCHEDULED})
    assert rotated["pass"]["created"]
    yield fleet
    fleet.stop()


@pytest.fixture(autouse=True)
def count_anew(fleet: Fleet) -> None:
    fleet.calls = 0


SCHEDULED = {
    "version": "0",
    "id": "00000000-0000-4000-8000-000000000000",
    "account": "123456789012",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "2027-01-15T00:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {},
}


class Owner:
    """One account's owner, and support's calls for the account."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.clock = Clock(fleet.now)
        self.user = User(f"race{next(_accounts):06}", self.clock, None)
        self.secret = ""

    def call(self, path: str, body: Any = None, client: str = DESKTOP, **headers: str) -> dict[str, Any]:
        self.clock.time = self.fleet.now
        call = {"method": "POST", "path": path, "token": self.user.token(client), "headers": headers}
        return call if body is None else call | {"body": body}

    def verify(self, code: str, client: str = MOBILE) -> dict[str, Any]:
        return self.call("/verify", {"code": code}, client)

    def support(self, function: str, **fields: str) -> dict[str, Any]:
        event = {"account": self.user.account, "operator": "amy", "ticket": "T-1", **fields}
        return {"function": function, "event": event}

    def code(self, secret: str = "") -> str:
        return code_at(secret or self.secret, self.fleet.now)

    def wrong(self) -> str:
        return wrong_code(self.secret, self.fleet.now)

    def pending(self) -> "Owner":
        self.secret = self.fleet.one(self.call("/bind"))["secret"]
        return self

    def bound(self) -> "Owner":
        self.pending()
        assert self.fleet.one(self.call("/bind/confirm", {"code": self.code()}))["status"] == 200
        self.fleet.now += 60
        return self


def words(answers: list[Any]) -> Counter[Any]:
    return Counter(answer.get("code") or answer.get("status") or answer["outcome"] for answer in answers)


def test_of_64_equal_codes_in_four_processes_one_gets_a_pass(fleet: Fleet):
    accepted = 0
    for _ in range(ROUNDS):
        owner = Owner(fleet).bound()
        clients = [DESKTOP, MOBILE]
        code = owner.code()
        answers = fleet.at_once([owner.verify(code, clients[number % 2]) for number in range(64)])
        assert words(answers) == {200: 1, "code_used": 63}
        accepted += len({answer["pass"] for answer in answers if "pass" in answer})
    record("replay races", rounds=ROUNDS, calls=fleet.calls, accepted=accepted)
    assert accepted == ROUNDS


def test_one_idempotency_key_64_times_gives_one_pass(fleet: Fleet):
    for _ in range(FEW_ROUNDS):
        owner = Owner(fleet).bound()
        call = owner.call("/verify", {"code": owner.code()}, **{"Idempotency-Key": "0123456789abcdef"})
        answers = fleet.at_once([call] * 64)
        claims = {answer["pass"].split(".")[1] for answer in answers}
        assert words(answers) == {200: 64}
        assert len(claims) == 1


@pytest.mark.timeout(600)
def test_of_256_wrong_codes_in_four_processes_five_are_checked(fleet: Fleet):
    checked = 0
    for _ in range(FEW_ROUNDS):
        owner = Owner(fleet).bound()
        answers = fleet.at_once([owner.verify(owner.wrong()) for _ in range(256)])
        assert words(answers) == {"wrong_code": 5, "locked": 251}
        left = sorted(answer["attempts_left"] for answer in answers if "attempts_left" in answer)
        assert left == [0, 1, 2, 3, 4]
        checked += len(left)
    record("guess storms", rounds=FEW_ROUNDS, calls=fleet.calls, checked=checked)


def test_of_many_qr_codes_asked_for_at_once_one_can_be_confirmed(fleet: Fleet):
    for _ in range(FEW_ROUNDS):
        owner = Owner(fleet)
        answers = fleet.at_once([owner.call("/bind")] * 5)
        assert words(answers) == {201: 5}
        assert sorted(answer["superseded"] for answer in answers) == [False, True, True, True, True]
        confirms = [owner.call("/bind/confirm", {"code": owner.code(one["secret"])}) for one in answers]
        outcomes = [fleet.one(confirm)["status"] for confirm in confirms]
        assert outcomes.count(200) == 1
    record("bind races", rounds=FEW_ROUNDS, calls=fleet.calls, confirmed=FEW_ROUNDS)


def test_of_64_confirmations_at_once_one_binds(fleet: Fleet):
    for _ in range(FEW_ROUNDS):
        owner = Owner(fleet).pending()
        answers = fleet.at_once([owner.call("/bind/confirm", {"code": owner.code()})] * 64)
        assert words(answers) == {200: 1, "already_bound": 63}
    record("confirm races", rounds=FEW_ROUNDS, calls=fleet.calls, bound=FEW_ROUNDS)


def test_an_unbinding_among_63_logins_stands(fleet: Fleet):
    accepted = 0
    for _ in range(FEW_ROUNDS):
        owner = Owner(fleet).bound()
        unbind = owner.support("unbind", reason="lost_device")
        answers = fleet.at_once([owner.verify(owner.code()) for _ in range(62)] + [unbind] * 2)
        seen = words(answers)
        accepted += seen[200]
        assert seen[200] <= 1
        assert seen["unbound"] == 2
        assert seen.keys() <= {200, "code_used", "not_bound", "unbound"}
        assert sum(bool(answer.get("repeated")) for answer in answers) == 1
        fleet.now += 60
        assert fleet.one(owner.verify(owner.code()))["code"] == "not_bound"
    record("unbind races", rounds=FEW_ROUNDS, calls=fleet.calls, accepted=accepted, accepted_after=0)


def test_of_32_wrong_bind_codes_at_once_five_are_checked(fleet: Fleet):
    checked = 0
    for _ in range(FEW_ROUNDS):
        owner = Owner(fleet)
        right = fleet.one(owner.support("invite"))["bind_code"]
        wrong = f"{(int(right) + 1) % 10**8:08}"
        answers = fleet.at_once([owner.call("/bind", {"bind_code": wrong})] * 32)
        assert words(answers) == {"bind_code_required": 5, "bind_code_expired": 27}
        assert sorted(one["attempts_left"] for one in answers if "attempts_left" in one) == [
            0,
            1,
            2,
            3,
            4,
        ]
        assert fleet.one(owner.call("/bind", {"bind_code": right}))["code"] == "bind_code_expired"
        checked += 5
    record("bind code storms", rounds=FEW_ROUNDS, calls=fleet.calls, checked=checked)


def test_a_right_bind_code_wins_at_most_once_more_against_an_invitation(fleet: Fleet):
    for _ in range(FEW_ROUNDS):
        owner = Owner(fleet)
        first = fleet.one(owner.support("invite"))["bind_code"]
        bind, invite = owner.call("/bind", {"bind_code": first}), owner.support("invite", ticket="T-2")
        answers = fleet.at_once([bind, invite, bind, bind])
        assert answers[1]["outcome"] == "invited"
        assert words(answers).keys() <= {201, "bind_code_required", "invited"}
        late = fleet.one(owner.call("/bind", {"bind_code": first}))
        assert late["code"] in BIND_CODE_REFUSALS
        assert fleet.one(owner.call("/bind", {"bind_code": answers[1]["bind_code"]}))["status"] == 201
    record("invite races", rounds=FEW_ROUNDS, calls=fleet.calls, old_codes_taken_later=0)
