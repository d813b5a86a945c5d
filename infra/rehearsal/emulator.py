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
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    own = {"PATH": os.environ["PATH"], "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": port}
    own |= {"MINISTACK_REGION": REGION, "STATE_DIR": f"{folder}", "TMPDIR": f"{folder}"}
    command = [str(ensure(REQUIREMENTS, HOME)), "-m", "ministack"]
    url = f"http://127.0.0.1:{port}"
    folder.mkdir()
    own["S3_DATA_DIR"] = f"{folder}/s3"
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=own, stdout=log, stderr=log)
    try:
        wait_until(lambda: _answers(url) or process.poll() is not None, bool)
        if process.poll() is not None:
            raise RuntimeError(f"MiniStack has ended: see {folder}/ministack.log")
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        return urllib3.request("GET", f"{url}/_ministack/health", retries=False, timeout=5).status == 200
    return False
