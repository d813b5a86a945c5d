"""Starts the local stack in a process of its own, on ports that the system chooses."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.environment import ROOT

_SECONDS_TO_STOP = 30


@dataclass(frozen=True, slots=True)
class Launched:
    """A running stack: its address, the address of its emulated AWS, and its process."""

    url: str
    aws_url: str
    process: subprocess.Popen[str]


@contextmanager
def launched(
    log: Path, *, module: str = "infra.local", environment: Mapping[str, str] | None = None
) -> Iterator[Launched]:
    """Yield the stack once it is ready, and stop it afterwards.

    Its standard error goes to the file ``log``. ``environment`` is added to that of this process.
    Exits with what the stack has logged if it does not start.
    """
    with (
        log.open("w", encoding="utf-8") as sink,
        subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env={**os.environ, "PORT": "0", **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
        ) as process,
    ):
        try:
            addresses = _addresses(process)
            if addresses is None:
                sys.exit(f"the stack did not start:\n{log.read_text('utf-8')}")
            yield Launched(addresses["ready"], addresses["aws"], process)
        finally:
            _stop(process)


def _addresses(process: subprocess.Popen[str]) -> dict[str, str] | None:
    """Read the addresses that the stack prints. Returns None if it ends before it is ready."""
    addresses: dict[str, str] = {}
    for line in process.stdout or ():
        name, _, addresses[name] = line.strip().partition(" ")
        if name == "ready":
            return addresses
    return None


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
