"""The smoke check, against an API that answers as a test says."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from infra import deploy
from infra.deploying import smoke
from infra.deploying.console import Stop
from infra.deploying.functions import Functions
from infra.deploying.stage import Stage
from infra.gateway_answers import REFUSALS, both_languages
from infra.local.http_server import HttpRequest, HttpResponse, Server, json_response


class Answering:
    """An API: an unknown path is answered by the types that the test gives to API Gateway."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        self.keys = [{"kid": "k"}]
        self.without_login = "MISSING_AUTHENTICATION_TOKEN"
        self.with_login = "INVALID_SIGNATURE"
        server.serve(self._respond)

    def _respond(self, ask: HttpRequest) -> HttpResponse:
        if ask.target.endswith("/jwks.json"):
            return json_response(200, {"keys": self.keys}, {"x-request-id": "r"})
        if ask.target.endswith("/binding"):
            headers = {"x-request-id": "r", "Content-Type": "application/problem+json"}
            return HttpResponse(401, headers, b'{"code": "login_required"}')
        signed = ask.headers.get("authorization") is not None
        kind = self.with_login if signed else self.without_login
        status, headers, document = both_languages(REFUSALS[kind], "r")
        return HttpResponse(status, headers, json.dumps(document).encode())


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    monkeypatch.setattr(smoke, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(smoke, "BRIEFLY_SECONDS", 0.0)
    monkeypatch.setattr(smoke.time, "sleep", lambda seconds: None)
    server = Server(0, lambda: HttpResponse(400))
    yield Answering(server)
    server.stop()


class Lookup(Functions):
    """The functions of a stage whose lookup answers well."""

    def __init__(self) -> None:
        pass

    def call(self, name: str, event: Any) -> Any:
        return {"outcome": "invalid"}


@pytest.mark.parametrize("kind", ["INVALID_SIGNATURE", "EXPIRED_TOKEN", "ACCESS_DENIED", "UNAUTHORIZED"])
def test_an_unknown_path_is_not_found_with_a_login_too(api: Answering, kind: str, capsys):
    api.with_login = kind
    smoke.check(api.url, Lookup())
    assert "ok           and so it is with a login" in capsys.readouterr().out


def test_another_refusal_of_an_unknown_path_with_a_login_is_only_noted(api: Answering, capsys):
    api.with_login = "DEFAULT_4XX"
    smoke.check(api.url, Lookup())
    assert "note         /no/such/path with an Authorization header answers 400" in (
        capsys.readouterr().out
    )


def test_another_refusal_without_one_stops_the_deployment(api: Answering):
    api.without_login = "DEFAULT_4XX"
    with pytest.raises(Stop, match=r"/no/such/path: answers 400 malformed_request, not 404\.$"):
        smoke.check(api.url, Lookup())


def test_where_a_name_of_ones_own_does_not_answer_it_is_said_where_it_must_lead(api: Answering):
    api.keys = []
    with pytest.raises(Stop, match=r"no keys in the key set.*NameTarget"):
        smoke.check(api.url, Lookup(), own_name=True)


class Anything:
    """Stands for every step of a deployment that a test does not look at."""

    def __init__(self, *given: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return lambda *given, **named: Anything()


@pytest.mark.parametrize(
    ("flag", "stack", "steps"),
    [(True, None, ["edge", "check"]), (False, {}, ["edge", "check"]), (False, None, ["check"])],
    ids=["asked for", "there already", "none"],
)
def test_a_name_is_called_only_once_the_edge_has_made_it(
    flag: Any, stack: Any, steps: list[str], monkeypatch: pytest.MonkeyPatch
):
    done = list[str]()
    monkeypatch.setattr(deploy, "preflight", Anything())
    monkeypatch.setattr(deploy, "record", Anything())
    monkeypatch.setattr(deploy.record, "chalice_stage", lambda *given: {}, raising=False)
    for step in ("Memory", "Releases", "Api", "Functions"):
        monkeypatch.setattr(deploy, step, Anything)
    monkeypatch.setattr(
        deploy, "put_resources", lambda *given: {"AccessLogGroup": "g", "BindingsStreamArn": "s"}
    )
    monkeypatch.setattr(deploy.lock, "held", lambda *given: nullcontext())
    monkeypatch.setattr(deploy, "say_what_next", lambda *given: None)
    monkeypatch.setattr(Stage, "session", lambda stage: Anything())
    monkeypatch.setattr(
        deploy.Stacks, "outputs", lambda stacks, name: stack if name.endswith("-edge") else None
    )
    monkeypatch.setattr(deploy, "put_edge", lambda *given: done.append("edge"))
    monkeypatch.setattr(deploy.smoke, "check", lambda *given, **named: done.append("check"))
    deploy.deploy(Stage("trial", url="https://2fa.broker.example/api"), edge=flag)
    assert done == steps
