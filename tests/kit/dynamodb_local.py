"""Amazon's own DynamoDB Local, where a condition and its write are one step."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.environment import ROOT

EMULATOR = ROOT / "build" / "dynamodb-local" / "package" / "emulator"


@contextmanager
def dynamodb_local(folder: Path) -> Iterator[str]:
    """Yield the address of DynamoDB Local, which keeps its tables in memory and logs into a folder.

    It listens on all addresses, so the Makefile runs its tests in a network namespace that has
    nothing but the loopback address.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = ["java", "-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]
    command += ["-inMemory", "-disableTelemetry", "-port", str(port)]
    log = folder / "dynamodb.log"
    with (
        log.open("w") as sink,
        subprocess.Popen(command, cwd=EMULATOR, stdout=sink, stderr=subprocess.STDOUT) as java,
    ):
        try:
            _wait_for(port, java, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            java.terminate()


def _wait_for(port: int, java: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert java.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())
