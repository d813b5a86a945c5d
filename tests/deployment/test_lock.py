"""One run at a time, and none that is kept out for ever."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra import deploy
from infra.deploying import lock
from infra.deploying.console import Stop
from infra.deploying.lock import Holder, held
from infra.deploying.preflight import Account
from infra.deploying.stage import Stage
from tests.deployment.conftest import Cloud

NAME = "/totp-binding/trial/lock"
ALICE, BOB = "arn:aws:iam::1:user/alice", "arn:aws:iam::1:user/bob"
RUNS = 6


class OneAtATime:
    """Parameter Store, whose calls never overlap; ``meet`` is where all wait before they overwrite."""

    def __init__(self, meet: threading.Barrier | None = None) -> None:
        self._ssm = boto3.client("ssm")
        self._turn = threading.Lock()
        self._meet = meet

    def client(self, service: str) -> "OneAtATime":
        assert service == "ssm"
        return self

    def __getattr__(self, operation: str) -> Any:
        def call(**asked: Any) -> Any:
            if self._meet is not None and asked.get("Overwrite"):
                self._meet.wait()
                self._meet = None
            with self._turn:
                return getattr(self._ssm, operation)(**asked)

        return call


@pytest.fixture
def ssm(aws: dict[str, str]) -> Iterator[Any]:
    """Parameter Store, where nobody holds the lock in the end."""
    ssm = boto3.client("ssm")
    yield ssm
    ssm.delete_parameters(Names=[NAME])


def leave_lock(ssm: Any, holder: Holder) -> None:
    """A lock that a run has left, which was killed."""
    ssm.put_parameter(Name=NAME, Value=json.dumps(asdict(holder)), Type="String")


def holder_now(ssm: Any) -> str | None:
    found = ssm.get_parameters(Names=[NAME])["Parameters"]
    return json.loads(found[0]["Value"])["who"] if found else None


def gone_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def all_at_once(session: Any, stage: Stage) -> tuple[list[str], list[str]]:
    """Who got in, and what the others were told; nobody leaves before all have tried."""
    tried = threading.Barrier(RUNS)

    def run(number: int) -> tuple[str, str]:
        try:
            with held(session, stage, f"user {number}"):
                tried.wait()
                return f"user {number}", ""
        except Stop as stop:
            tried.wait()
            return "", str(stop)

    with ThreadPoolExecutor(RUNS) as pool:
        ended = list(pool.map(run, range(RUNS)))
    return [who for who, _ in ended if who], [told for _, told in ended if told]


def test_of_runs_that_begin_at_once_one_gets_in_and_the_others_are_told_of_it(ssm: Any, stage: Stage):
    inside, told = all_at_once(OneAtATime(), stage)
    assert len(inside) == 1
    assert len(told) == RUNS - 1
    for sentence in told:
        assert f"{inside[0]} on " in sentence
        assert f"has been at trial since {datetime.now(UTC).year}-" in sentence
        assert f"aws ssm delete-parameter --region us-east-1 --name {NAME}" in sentence
    assert holder_now(ssm) is None


@pytest.mark.parametrize("written", ["{}", "[]", '{"who": "x", "shift": 2}', "alice"])
def test_a_lock_of_another_form_stops_a_run_with_what_to_do(written: str, ssm: Any, stage: Stage):
    ssm.put_parameter(Name=NAME, Value=written, Type="String")
    with pytest.raises(Stop, match=f"delete-parameter --name {NAME}"), held(OneAtATime(), stage, BOB):
        raise AssertionError


def test_a_lock_is_let_go_of_when_the_run_fails(ssm: Any, stage: Stage):
    session = boto3.Session(region_name="us-east-1")
    with pytest.raises(KeyError), held(session, stage, ALICE):
        raise KeyError(holder_now(ssm))
    assert holder_now(ssm) is None


def test_who_was_killed_on_this_machine_may_be_followed_at_once(ssm: Any, stage: Stage, capsys: Any):
    leave_lock(ssm, Holder(ALICE, pid=gone_process()))
    with held(boto3.Session(region_name="us-east-1"), stage, BOB):
        assert holder_now(ssm) == BOB
    assert f"taken over from {ALICE}" in capsys.readouterr().out
    assert holder_now(ssm) is None


@pytest.mark.parametrize(
    "holder",
    [
        Holder(ALICE),
        Holder(ALICE, pid=1),
        Holder(ALICE, machine="another", pid=gone_process()),
    ],
    ids=["running", "not ours to ask", "elsewhere"],
)
def test_who_may_still_be_at_it_is_not(holder: Holder, ssm: Any, stage: Stage):
    leave_lock(ssm, holder)
    with pytest.raises(Stop, match="alice"), held(OneAtATime(), stage, BOB):
        pytest.fail("got in")
    assert holder_now(ssm) == ALICE


def test_a_lock_is_old_after_an_hour(ssm: Any, stage: Stage, monkeypatch: pytest.MonkeyPatch):
    assert timedelta(hours=1) == lock.LONGEST
    monkeypatch.setattr(lock, "LONGEST", timedelta(0))
    leave_lock(ssm, Holder(ALICE, machine="another"))
    with held(OneAtATime(), stage, BOB):
        assert holder_now(ssm) == BOB


def test_of_those_who_take_over_at_once_one_gets_in(
    ssm: Any, stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lock, "LONGEST", timedelta(0))
    leave_lock(ssm, Holder(ALICE, machine="another"))
    inside, told = all_at_once(OneAtATime(threading.Barrier(RUNS)), stage)
    assert len(inside) == 1
    assert len([sentence for sentence in told if inside[0] in sentence]) == RUNS - 1
    assert holder_now(ssm) is None


def test_who_takes_over_a_lock_that_was_let_go_of_and_taken_anew_gives_it_back(stage: Stage):
    now = datetime.now(UTC)
    left, anew = Holder(ALICE, machine="another"), Holder("carol")
    versions = {NAME: (left, 5, now - timedelta(hours=2)), f"{NAME}:1": (anew, 1, now)}
    put = list[str]()

    def get_parameter(Name: str) -> Any:  # noqa: N803 - boto3's name
        holder, version, at = versions[Name]
        value = json.dumps(asdict(holder))
        return {"Parameter": {"Value": value, "Version": version, "LastModifiedDate": at}}

    def put_parameter(**asked: Any) -> Any:
        if not asked["Overwrite"]:
            raise ClientError({"Error": {"Code": "ParameterAlreadyExists"}}, "PutParameter")
        put.append(json.loads(asked["Value"])["who"])
        return {"Version": 1 + len(put)}

    cloud = Cloud(get_parameter=get_parameter, put_parameter=put_parameter)
    with pytest.raises(Stop, match="carol on"), held(cloud, stage, BOB):
        pytest.fail("got in")
    assert put == [BOB, "carol"]


class Stalling:
    """Parameter Store, where things happen between a look at the lock and the overwriting of it."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._ssm = boto3.client("ssm")
        self._meanwhile: Callable[[], None] | None = meanwhile

    def client(self, service: str) -> "Stalling":
        return self

    def __getattr__(self, operation: str) -> Any:
        def call(**asked: Any) -> Any:
            if asked.get("Overwrite") and self._meanwhile is not None:
                meanwhile, self._meanwhile = self._meanwhile, None
                meanwhile()
            return getattr(self._ssm, operation)(**asked)

        return call


def test_who_was_slow_to_take_over_gives_it_back_to_who_took_it_anew(ssm: Any, stage: Stage):
    leave_lock(ssm, Holder(ALICE, pid=gone_process()))
    runs = ExitStack()

    def meanwhile() -> None:
        with held(OneAtATime(), stage, "dave"):
            pass
        runs.enter_context(held(OneAtATime(), stage, "carol"))

    with runs:
        with pytest.raises(Stop, match="carol on"), held(Stalling(meanwhile), stage, BOB):
            pytest.fail("got in")
        assert holder_now(ssm) == "carol"
    assert holder_now(ssm) is None


def test_who_was_slow_to_take_over_gets_in_where_nobody_is_any_more(ssm: Any, stage: Stage):
    leave_lock(ssm, Holder(ALICE, pid=gone_process()))

    def meanwhile() -> None:
        with held(OneAtATime(), stage, "dave"):
            pass

    with held(Stalling(meanwhile), stage, BOB):
        assert holder_now(ssm) == BOB
    assert holder_now(ssm) is None


class LosingAnswers(OneAtATime):
    """Parameter Store, whose answer to a write is lost, so that the SDK writes the same once more."""

    def __getattr__(self, operation: str) -> Any:
        call = super().__getattr__(operation)

        def twice(**asked: Any) -> Any:
            with suppress(ClientError):
                call(**asked)
            return call(**asked)

        return twice if operation == "put_parameter" else call


@pytest.mark.parametrize("left", [[], [ALICE]], ids=["free", "left behind"])
def test_a_lost_answer_keeps_nobody_out_of_their_own_lock(left: list[str], ssm: Any, stage: Stage):
    for who in left:
        leave_lock(ssm, Holder(who, pid=gone_process()))
    with held(LosingAnswers(), stage, BOB):
        assert holder_now(ssm) == BOB
    assert holder_now(ssm) is None


def test_nobody_lets_go_of_anothers_lock(ssm: Any, stage: Stage):
    with held(OneAtATime(), stage, BOB):
        another = json.dumps(asdict(Holder(BOB)))
        ssm.put_parameter(Name=NAME, Value=another, Overwrite=True)
    assert holder_now(ssm) == BOB


def test_a_run_that_got_through_is_not_failed_by_its_lock(stage: Stage, capsys: Any):
    refusal = ClientError({"Error": {"Code": "ThrottlingException"}}, "GetParameter")
    with held(Cloud(put_parameter={"Version": 1}, get_parameter=refusal), stage, BOB):
        pass
    assert f"note         the lock {NAME} is still there" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "step"),
    [(["deploy"], "bring_up"), (["rollback"], "go_back"), (["destroy"], "remove")],
    ids=["deploy", "rollback", "destroy"],
)
def test_every_command_that_changes_a_stage_holds_it(
    command: list[str], step: str, monkeypatch: pytest.MonkeyPatch
):
    done = list[str]()

    @contextmanager
    def noted(session: Any, stage: Stage, who: str) -> Iterator[None]:
        done.append(f"{who} holds {stage.name}")
        yield
        done.append("let go")

    monkeypatch.setattr(deploy.lock, "held", noted)
    monkeypatch.setattr(deploy, step, lambda *given, **named: done.append(step))
    monkeypatch.setattr(deploy.preflight, "who", lambda *given: Account("1", ALICE))
    for check in ("check_parameters", "check_limits", "check_permissions"):
        monkeypatch.setattr(deploy.preflight, check, lambda *given: None)
    monkeypatch.setattr(deploy.destroy, "check_policies", lambda *given: None)
    monkeypatch.setattr(deploy.Stacks, "outputs", lambda *given: None)
    monkeypatch.setattr(Stage, "session", lambda stage: Cloud())
    assert deploy.main([*command, "--stage", "trial"]) == 0
    assert done == [f"{ALICE} holds trial", step, "let go"]


def test_a_run_that_is_asked_to_end_lets_go():
    before = signal.getsignal(signal.SIGTERM)
    try:
        deploy.end_on_request()
        with pytest.raises(SystemExit):
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
