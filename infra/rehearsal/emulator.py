"""MiniStack: an empty AWS account on the loopback address, in a process of its own."""

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import urllib3

from infra.environment import ROOT, ensure
from infra.rehearsal.checks import wait_until

HOME = ROOT / "build" / "ministack"
REQUIREMENTS = ROOT / "infra" / "rehearsal" / "requirements.txt"
REGION = "ap-east-1"


@contextlib.contextmanager
def account(folder: Path) -> Iterator[str]:
    """Start an empty account that keeps its files in a folder; its URL. It ends with the context.

    Raises RuntimeError if it does not start.
    """
    python, port = ensure(REQUIREMENTS, HOME), _free_port()
    url = f"http://127.0.0.1:{port}"
    own = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_REGION": REGION}
    own |= {"STATE_DIR": str(folder), "S3_DATA_DIR": str(folder / "s3"), "TMPDIR": str(folder)}
    folder.mkdir()
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [python, "-m", "ministack"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], **own},
            stdout=log,
            stderr=log,
        )
    try:
        answers = lambda: process.poll() is None and _answers(url)  # noqa: E731
        if not wait_until(answers, lambda seen: seen or process.poll() is not None):
            raise RuntimeError(f"MiniStack does not answer: see {folder}/ministack.log")
        yield url
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        return urllib3.request("GET", f"{url}/_ministack/health", retries=False, timeout=5).status == 200
    return False
