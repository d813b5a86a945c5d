"""Invalid settings and bugs answer every call, and the log names them."""

import pytest

from chalicelib import wiring
from tests.kit.log_lines import LogLines
from tests.kit.user import User


@pytest.mark.parametrize(
    ("name", "value"),
    [("BINDINGS_TABLE", ""), ("LOGIN_CLIENTS", "{"), ("LOGIN_AGE", "soon"), ("PASS_ISSUER", None)],
)
def test_every_call_is_unavailable_and_the_log_names_the_setting(
    user: User,
    service,
    monkeypatch: pytest.MonkeyPatch,
    log_lines: LogLines,
    name: str,
    value: str | None,
):
    token = user.token()
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    wiring.reset()
    answers = [
        user.look(token=token),
        user.bind(token=token),
        user.confirm("123456", token=token),
        user.verify("1", token="x"),
        user.call("GET", "/.well-known/jwks.json"),
    ]
    assert {(answer.status, answer.code) for answer in answers} == {(503, "unavailable")}
    assert {answer.headers["Retry-After"] for answer in answers} == {"5"}
    assert len(log_lines.json) == len(answers)
    assert all(name in line["why"] for line in log_lines.json)

    class Context:
        aws_request_id = "x"

    event = {"account": "88000001", "operator": "wong"}
    assert service.lookup(event, Context) == {"outcome": "unavailable"}


def test_a_bug_is_unavailable_and_the_log_names_its_place_alone(
    user: User, monkeypatch: pytest.MonkeyPatch, log_lines: LogLines
):
    from chalicelib.api.service import Service

    def fail(*_: object) -> None:
        raise ValueError("secret words")

    monkeypatch.setattr(Service, "look", fail)
    assert user.look().code == "unavailable"
    (line,) = log_lines.text
    assert "secret words" not in line
    assert "ValueError" in line


def test_an_unknown_method_is_no_500(service):
    class Context:
        aws_request_id = "x"

    event = {
        "requestContext": {"resourcePath": "/bind", "httpMethod": "PUT", "identity": None},
        "headers": {},
        "pathParameters": None,
        "stageVariables": None,
        "multiValueQueryStringParameters": None,
        "body": None,
    }
    assert service.app(event, Context)["statusCode"] == 404


@pytest.mark.parametrize("event", [{}, {"requestContext": {}}, {"Records": []}])
def test_an_event_that_is_no_http_call_is_no_500(service, event: dict):
    class Context:
        aws_request_id = "x"

    answer = service.app(event, Context)
    assert answer["statusCode"] == 503
    assert answer["headers"]["x-request-id"]
