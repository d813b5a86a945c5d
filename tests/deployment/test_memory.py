"""What the account holds goes before what anybody remembers."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.deploying import memory
from infra.deploying.memory import Memory
from infra.deploying.stage import APP, Stage


@pytest.fixture
def remembering(aws: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Memory:
    monkeypatch.setattr(memory, "DEPLOYED", tmp_path)
    return memory_of("trial")


@pytest.fixture
def make_api(aws: dict[str, str]) -> Any:
    """Makes REST APIs, of the service's name unless told, whose routes lead to a function."""
    gateway = boto3.client("apigateway")
    made = []

    def make(function: str, *, served: bool = True, name: str = APP) -> str:
        api: str = gateway.create_rest_api(name=name)["id"]
        made.append(api)
        root = gateway.get_resources(restApiId=api)["items"][0]["id"]
        at = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
        gateway.put_method(**at, authorizationType="NONE")
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
        gateway.put_integration(**at, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
        if served:
            gateway.create_deployment(restApiId=api, stageName="api")
        return api

    yield make
    for api in made:
        gateway.delete_rest_api(restApiId=api)


def memory_of(name: str) -> Memory:
    return Memory(boto3.Session(region_name="us-east-1"), Stage(name, region="us-east-1"), "api")


def test_an_api_that_nobody_remembers_is_adopted(remembering: Memory, make_api: Any, tmp_path: Path):
    api = make_api("totp-binding-trial")
    assert [entry["rest_api_id"] for entry in remembering.recall([])] == [api]
    written = json.loads((tmp_path / "trial.json").read_text())
    assert written["resources"][0]["rest_api_id"] == api


def test_so_is_one_that_is_called_after_its_stage(remembering: Memory, make_api: Any):
    api = make_api("totp-binding-trial", name="totp-binding-trial")
    assert remembering.rest_api() == api


def test_one_of_a_strangers_name_is_not(remembering: Memory, make_api: Any):
    make_api("totp-binding-trial", name="another")
    assert remembering.rest_api() is None


def test_another_stages_api_is_not(remembering: Memory, make_api: Any):
    make_api("totp-binding-trial-two")
    make_api("totp-binding-prod")
    assert remembering.rest_api() is None


def test_of_two_apis_the_served_one_is_used(remembering: Memory, make_api: Any):
    make_api("totp-binding-trial", served=False)
    served = make_api("totp-binding-trial")
    assert remembering.rest_api() == served


def test_what_is_remembered_but_gone_is_forgotten(remembering: Memory, tmp_path: Path):
    gone = {"name": "rest_api", "resource_type": "rest_api", "rest_api_id": "gone"}
    rule = {"name": "rotate_keys-event", "resource_type": "cloudwatch_event", "rule_name": "r"}
    layer = {"name": "managed-layer", "resource_type": "lambda_layer", "layer_version_arn": "l"}
    remembering.store("chalice", [gone, rule, layer])
    assert remembering.recall(["unbind"]) == [rule]


def test_what_reads_another_stream_is_not_taken_for_this_ones_reader(
    remembering: Memory, monkeypatch: pytest.MonkeyPatch
):
    readers = [
        {"name": "r", "resource_type": "dynamodb_event", "stream_arn": stream}
        for stream in ("before the restore", "now")
    ]
    function = {"name": "record_events", "resource_type": "lambda_function"}
    monkeypatch.setattr(remembering, "_found", lambda functions: [function, *readers])
    monkeypatch.setattr(remembering, "read", lambda name: None)
    assert remembering.recall([], "now") == [function, readers[1]]
    assert remembering.recall([]) == [function, *readers]


def test_a_second_clone_remembers_what_the_first_one_stored(
    remembering: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rule = {"name": "rotate_keys-event", "resource_type": "cloudwatch_event", "rule_name": "r"}
    remembering.store("chalice", [rule])
    monkeypatch.setattr(memory, "DEPLOYED", tmp_path / "elsewhere")
    second = memory_of("trial")
    second.recall([])
    assert second.keep() == [rule]
    second.forget()
    assert second.read("chalice") is None
    second.forget()
