"""MiniStack: an empty AWS account on the loopback address, in a process of its own."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import urllib3

from infra.environment import ROOT, ensure
from infra.rehearsal.checks import PATIENCE_SECONDS

HOME = ROOT / "build" / "ministack"
REQUIREMENTS = ROOT / "infra" / "rehearsal" / "requirements.txt"
REGION = "ap-east-1"


@contextlib.contextmanager
def account(folder: Path) -> Iterator[str]:
    """Start an empty account that keeps its files in a folder; its URL. It ends with the context."""
    python = ensure(REQUIREMENTS, HOME)
    port = _free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "STATE_DIR": str(folder),
        "S3_DATA_DIR": str(folder / "s3"),
        "TMPDIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [python, "-m", "ministack"], cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the emulator answers. Raises RuntimeError if it ends before."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pool = urllib3.PoolManager(retries=False, timeout=5.0)
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            if pool.request("GET", f"{url}/_ministack/health").status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("MiniStack does not answer; its log is in build/rehearsal/account")
