"""Chalice's own commands on a stage that CloudFormation carries."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.deploy import link
from infra.deploy.console import Stop
from infra.deploy.stacks import Stacks
from infra.deploy.stage import Stage
from infra.environment import ROOT
from tests.deployment.conftest import Cloud

STACK = "arn:aws:cloudformation:ap-east-1:123456789012:stack/totp-binding-trial/1"
RESOURCES = [
    {"ResourceType": "AWS::Lambda::Function", "PhysicalResourceId": "totp-binding-trial"},
    {"ResourceType": "AWS::Lambda::Function", "PhysicalResourceId": "totp-binding-trial-lookup"},
    {"ResourceType": "AWS::ApiGateway::RestApi", "PhysicalResourceId": "a1"},
    {"ResourceType": "AWS::SNS::Topic", "PhysicalResourceId": "topic"},
]


def deployed() -> Cloud:
    cloud = Cloud(
        describe_stacks={"Stacks": [{"StackId": STACK, "StackStatus": "UPDATE_COMPLETE"}]},
        list_stack_resources={"StackResourceSummaries": RESOURCES},
    )
    cloud.meta = type("Meta", (), {"endpoint_url": "https://apigateway.ap-east-1.amazonaws.com"})
    return cloud


def test_a_link_names_functions_and_api(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(link, "DEPLOYED", tmp_path / "deployed")
    cloud = deployed()
    link.write(cloud, Stacks(cloud), stage)
    written = json.loads((tmp_path / "deployed" / "trial.json").read_text("utf-8"))
    entries = {entry["name"]: entry for entry in written["resources"]}
    arn = "arn:aws:lambda:ap-east-1:123456789012:function:totp-binding-trial"
    assert entries["api_handler"]["lambda_arn"] == arn
    assert entries["lookup"]["lambda_arn"] == f"{arn}-lookup"
    assert entries["rest_api"]["rest_api_url"] == "https://a1.execute-api.ap-east-1.amazonaws.com/api/"
    assert len(entries) == 3
    assert {name for name, _ in cloud.calls} == {"describe_stacks", "list_stack_resources"}


def test_a_stage_that_is_not_deployed_has_no_link(stage: Stage):
    with pytest.raises(Stop, match="not deployed"):
        link.write(
            Cloud(),
            Stacks(Cloud(describe_stacks={"Stacks": [{"StackStatus": "DELETE_COMPLETE"}]})),
            stage,
        )


class Aws(BaseHTTPRequestHandler):
    """An AWS that refuses every call and remembers it."""

    calls: list[str]

    def _refuse(self) -> None:
        self.calls.append(f"{self.command} {self.path}")
        self.send_response(404)
        self.end_headers()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _refuse  # noqa: N815

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def aws_calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    calls: list[str] = []
    handler = type("Handler", (Aws,), {"calls": calls})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "ap-east-1",
            "AWS_MAX_ATTEMPTS": "1",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield calls
        server.shutdown()
        thread.join()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for part in ("chalicelib", ".chalice"):
        unwanted = shutil.ignore_patterns("__pycache__", "deployed", "deployments")
        shutil.copytree(ROOT / part, tmp_path / part, ignore=unwanted)
    shutil.copy(ROOT / "app.py", tmp_path)
    (tmp_path / "requirements.txt").write_text("", "utf-8")
    return tmp_path


def chalice(project: Path, command: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from chalice.cli import main; raise SystemExit(main())"]
    return subprocess.run(
        [*program, command, "--stage", "trial"],
        cwd=project,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def linked(project: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(link, "DEPLOYED", project / ".chalice" / "deployed")
    cloud = deployed()
    link.write(cloud, Stacks(cloud), stage)
    return project


@pytest.mark.parametrize("command", ["deploy", "delete"])
def test_a_bare_command_makes_no_call_of_aws(command: str, project: Path, aws_calls: list[str]):
    chalice(project, command)
    assert aws_calls == []


@pytest.mark.parametrize("command", ["deploy", "delete"])
def test_nor_does_it_in_a_linked_clone(command: str, linked: Path, aws_calls: list[str]):
    ran = chalice(linked, command)
    assert ran.returncode != 0
    assert "iam_role_arn" in ran.stdout + ran.stderr
    assert aws_calls == []


def test_with_a_role_in_the_configuration_it_would(linked: Path, aws_calls: list[str]):
    """The missing role in the configuration is what holds the commands back."""
    path = linked / ".chalice" / "config.json"
    config = json.loads(path.read_text("utf-8"))
    path.write_text(
        json.dumps(config | {"iam_role_arn": "arn:aws:iam::123456789012:role/some"}), "utf-8"
    )
    chalice(linked, "delete")
    assert any(call.startswith("DELETE /restapis/a1") for call in aws_calls)


def test_the_address_is_known_to_chalice(linked: Path, aws_calls: list[str]):
    assert chalice(linked, "url").stdout.strip() == "https://a1.execute-api.ap-east-1.amazonaws.com/api/"
    assert aws_calls == []
