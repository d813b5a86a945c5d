"""The first keys and the smoke check."""

import io
import json
from typing import Any

import pytest

from infra.deploy import smoke
from infra.deploy.console import Stop
from infra.deploy.stage import Stage
from tests.deployment.conftest import Cloud

PROBLEM = {"content-type": "application/problem+json", "x-request-id": "r"}
GOOD: dict[str, tuple[int, dict[str, str], Any]] = {
    "/.well-known/jwks.json": (
        200,
        {"content-type": "application/json", "x-request-id": "r"},
        {"keys": [1]},
    ),
    "/binding": (401, PROBLEM, {"code": "login_required"}),
    "/no/such/path": (404, PROBLEM, {"code": "not_found"}),
}


class Web:
    """A web whose addresses answer as a test says."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers

    def request(self, method: str, url: str) -> Any:
        status, headers, document = self._answers[url.removeprefix("https://api")]
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        return type("Answer", (), {"status": status, "headers": headers, "data": data})


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(smoke, "PATIENCE_SECONDS", 0.0)

    def check(**changed: Any) -> None:
        answers = GOOD | {path: changed["answer"] for path in GOOD if path == changed.get("path")}
        monkeypatch.setattr(smoke.urllib3, "PoolManager", lambda **how: Web(answers))
        smoke.check("https://api", changed.get("advice", ""))

    return check


def test_a_service_that_answers_as_it_should_passes(check, capsys: pytest.CaptureFixture[str]):
    check()
    assert capsys.readouterr().out.count("ok ") == 3


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/jwks.json", (200, GOOD["/.well-known/jwks.json"][1], {"keys": []})),
        (
            "/.well-known/jwks.json",
            (200, {"content-type": "text/html", "x-request-id": "r"}, {"keys": [1]}),
        ),
        ("/.well-known/jwks.json", (503, PROBLEM, {"code": "unavailable"})),
        ("/binding", (403, PROBLEM, {"code": "login_required"})),
        ("/binding", (401, {"content-type": "application/problem+json"}, {"code": "login_required"})),
        ("/no/such/path", (404, PROBLEM, {"message": "Missing Authentication Token"})),
        ("/no/such/path", (404, PROBLEM, ["not_found"])),
        ("/no/such/path", (404, PROBLEM, b"<html>")),
    ],
)
def test_any_other_answer_stops_the_deployment(check, path: str, answer: Any):
    with pytest.raises(Stop, match=path):
        check(path=path, answer=answer)


def test_a_name_of_its_own_comes_with_advice(check):
    with pytest.raises(Stop, match="NameTarget"):
        check(path="/binding", answer=(503, PROBLEM, {}), advice=" point it to NameTarget")


def invoked(payload: Any, **more: Any) -> Cloud:
    return Cloud(invoke={"Payload": io.BytesIO(json.dumps(payload).encode()), **more})


def test_nothing_but_rotate_keys_is_invoked(stage: Stage, capsys: pytest.CaptureFixture[str]):
    cloud = invoked({"secret": {"created": ["k"]}, "pass": {"created": ["p", "q"]}})
    smoke.make_first_keys(cloud, stage)
    assert [asked["FunctionName"] for asked in cloud.called("invoke")] == [
        "totp-binding-trial-rotate_keys"
    ]
    assert "3 created" in capsys.readouterr().out


def test_a_rotation_that_fails_stops_the_deployment(stage: Stage):
    with pytest.raises(Stop, match="no key"):
        smoke.make_first_keys(invoked({"errorMessage": "no key"}, FunctionError="Unhandled"), stage)


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (
            "https://apigateway.ap-east-1.amazonaws.com",
            "https://a1.execute-api.ap-east-1.amazonaws.com/api",
        ),
        (
            "https://apigateway.cn-north-1.amazonaws.com.cn",
            "https://a1.execute-api.cn-north-1.amazonaws.com.cn/api",
        ),
        ("http://127.0.0.1:4566", "http://127.0.0.1:4566/restapis/a1/api/_user_request_"),
    ],
)
def test_the_address_of_an_api_follows_from_its_id(endpoint: str, url: str):
    gateway = type("Gateway", (), {"meta": type("Meta", (), {"endpoint_url": endpoint})})
    assert smoke.url_of(type("Session", (), {"client": lambda self, name: gateway})(), "a1") == url
