"""Amazon's own DynamoDB Local, where a condition and its write are one step.

It listens on all addresses, so the Makefile runs these tests in a network namespace that has
nothing but the loopback address.
"""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from infra import templates
from infra.environment import ROOT

EMULATOR = ROOT / "build" / "dynamodb-local" / "package" / "emulator"


@pytest.fixture(scope="session")
def dynamodb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """DynamoDB Local in memory, on a port that nobody else in the namespace has."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = ["java", "-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]
    command += ["-inMemory", "-disableTelemetry", "-port", str(port)]
    log = (tmp_path_factory.mktemp("dynamodb") / "log").open("w")
    with log, subprocess.Popen(command, cwd=EMULATOR, stdout=log, stderr=subprocess.STDOUT) as java:
        _wait_for(port, java, Path(log.name))
        yield f"http://127.0.0.1:{port}"
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


@pytest.fixture
def make_table(dynamodb_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Makes a fresh table as the template describes it; its name."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", dynamodb_url)
    resources: dict[str, Any] = templates.read("data")["Resources"]

    def make(logical_id: str) -> str:
        properties = resources[logical_id]["Properties"]
        name = f"{logical_id}-{uuid4().hex}"
        wanted = ("AttributeDefinitions", "KeySchema", "BillingMode")
        boto3.client("dynamodb").create_table(
            TableName=name, **{part: properties[part] for part in wanted}
        )
        return name

    return make
