"""The support command in a process of its own."""

import json
import os
import subprocess
import sys
import time

from chalicelib.api.language import Language
from infra.environment import ROOT
from infra.support.command_errors import Exit
from infra.support.words import phrases
from tests.kit.clock import Clock
from tests.kit.support_terminal import Lambda
from tests.kit.user import User


def test_the_command_runs_as_a_module(user: User, local: Lambda, clock: Clock):
    user.bound_phone()
    clock.time = time.time()  # the command signs by this machine's clock
    asked = ["status", user.account, "--stage", "local", "--json"]
    ran = subprocess.run(
        [sys.executable, "-m", "infra.support", *asked],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert json.loads(ran.stdout)["state"] == "bound"
    refused = subprocess.run(
        [sys.executable, "-m", "infra.support", "unbind", user.account, "--stage", "local"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LC_ALL": "zh_CN.UTF-8"},
        stdin=subprocess.DEVNULL,
    )
    assert refused.returncode == Exit.USAGE
    assert refused.stderr == phrases(Language.SIMPLIFIED)["trouble.needs_yes"] + "\n"


def test_a_terminal_that_lacks_the_characters_still_shows_the_result(
    user: User, local: Lambda, clock: Clock
):
    user.bound_phone()
    clock.time = time.time()  # the command signs by this machine's clock
    asked = ["unbind", user.account, "--ticket", "T-9", "--reason", "other", "--yes", "--stage", "local"]
    ran = subprocess.run(
        [sys.executable, "-m", "infra.support", *asked],
        cwd=ROOT,
        capture_output=True,
        check=False,
        env=os.environ | {"LC_ALL": "zh_CN.UTF-8", "PYTHONIOENCODING": "ascii"},
    )
    assert (ran.returncode, ran.stderr) == (Exit.DONE, b"")
    assert ran.stdout.startswith(f"{user.account} ???".encode())
