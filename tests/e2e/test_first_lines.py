"""The lines that ``make run`` prints."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.environment import ROOT
from infra.local import presets
from infra.local.stack import DEMO_ACCOUNTS, DEMO_PASSWORD
from tests.kit.stack import Stack, StackClock
from tests.kit.waiting import within

READABLE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ(  [^\s{}\"]+( [^\s{}\"]+)*)+")
"""One line for an event: a time, and words in columns."""


class Run(Stack):
    """``make run`` as a person has it: its lines up to ``ready``, and the file of those after."""

    def __init__(self, folder: Path) -> None:
        log = folder / "stderr"
        environment = {name: value for name, value in os.environ.items() if name != "VERBOSE"}
        with log.open("w") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "infra.local"],
                cwd=ROOT,
                env=environment | {"PORT": "0"},
                stdout=subprocess.PIPE,
                stderr=sink,
                text=True,
            )
        assert self.process.stdout is not None
        self.first_lines: list[str] = []
        for line in self.process.stdout:
            self.first_lines.append(line.rstrip())
            if line.startswith("ready "):
                break
        aws, ready = (line.partition(" ")[2] for line in self.first_lines[-2:])
        super().__init__(ready, aws, StackClock(time.time(), self.process), log)

    @property
    def lines(self) -> list[str]:
        return self.log.read_text("utf-8").splitlines()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    run = Run(tmp_path_factory.mktemp("run"))
    yield run
    with run.process:
        run.process.send_signal(signal.SIGINT)
    assert run.process.returncode == 0
    assert "Traceback" not in run.log.read_text("utf-8")


def test_the_first_lines_say_how_to_begin_and_how_to_stop(run: Run):
    *told, aws, ready = run.first_lines
    assert re.fullmatch(r"aws http://127\.0\.0\.1:\d+", aws)
    assert re.fullmatch(r"ready http://127\.0\.0\.1:\d+", ready)
    told = [line.strip() for line in told if line]
    assert len(told) == 4
    for needed in (run.url, DEMO_ACCOUNTS[0], DEMO_PASSWORD, "Ctrl-C", "VERBOSE=1"):
        assert needed in " ".join(told)


def test_nothing_is_told_of_what_nobody_did(run: Run):
    assert run.call("GET", "/feed?after=0").json == {"events": []}
    assert run.lines == []
    preset = run.support("lookup", {"account": presets.BOUND, "operator": "e2e"})
    assert [entry["type"] for entry in preset["history"]] == ["channel_bound", "bound", "bind_started"]


def test_each_event_is_one_readable_line(run: Run):
    account = "88000001"
    token = run.token(account)
    secret = run.api("POST", "/bind", token).json["secret"]
    run.api("POST", "/bind/confirm", token, {"code": run.wrong_code(secret)})
    code = run.code(secret)
    run.api("POST", "/bind/confirm", token, {"code": code})
    assert within(20, lambda: len(run.lines) == 3)
    run.api("POST", "/verify", token, {"code": code})
    run.api("GET", "/binding", token[:-4] + "AAAA")
    request = {"account": account, "operator": "mei.chan", "ticket": "T-1", "reason": "other"}
    run.support("unbind", request)
    assert within(20, lambda: len(run.lines) == 6)
    assert all(READABLE.fullmatch(line) for line in run.lines)
    from_client = ["desktop", "from 127.0.0.1"]
    assert [line.split("  ")[1:] for line in run.lines] == [
        [account, "bind_started", *from_client],
        [account, "wrong_code", *from_client],
        [account, "bound", *from_client],
        [account, "code_used", *from_client],
        ["login_invalid", "from 127.0.0.1", "no key of the login server signed it"],
        [account, "unbound", "by mei.chan", "ticket T-1", "because other"],
    ]
