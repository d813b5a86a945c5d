"""The merge template: what a stage's file and the code make of the service's template."""

import json
from typing import Any

import pytest

from infra import templates
from infra.deploy import judge
from infra.deploy.artefacts import Artefacts
from infra.deploy.compose import ALIAS_URI, CANARY_ALARMS, compose, gateway_response
from infra.deploy.package import Package, build_package
from infra.deploy.stage import Stage
from infra.gateway_answers import REFUSALS
from tests.deployment.conftest import ROLE, SETTINGS, VALUES, made_of

ROUTES = {"/binding": ["GET"], "/bind": ["POST"]}


def merged(stage: Stage, artefacts: Artefacts | None = None, **values: str) -> dict[str, Any]:
    parameters = {**VALUES, **values}
    return compose(templates.read("service"), stage, ROUTES, artefacts or made_of(), parameters, ROLE)


def digest(stage: Stage, artefacts: Artefacts | None = None, **values: str) -> str:
    handler = merged(stage, artefacts, **values)["Resources"]["APIHandler"]["Properties"]
    found: str = handler["AutoPublishCodeSha256"]
    return found


MOVES = {
    "code": lambda: digest(Stage(name="trial", settings=SETTINGS), made_of(code="x")),
    "layer": lambda: digest(Stage(name="trial", settings=SETTINGS), made_of(layer="x")),
    "setting": lambda: digest(Stage(name="trial", settings={**SETTINGS, "PASS_AUDIENCE": "other"})),
    "key": lambda: digest(
        Stage(name="trial", settings=SETTINGS), KmsKey=VALUES["KmsKey"].replace("1", "2")
    ),
    "stream": lambda: digest(Stage(name="trial", settings=SETTINGS), BindingsStreamArn="another"),
    "log level": lambda: digest(Stage(name="trial", settings=SETTINGS), LogLevel="DEBUG"),
    "memory": lambda: digest(Stage(name="trial", settings=SETTINGS, memory=1024)),
    "timeout": lambda: digest(Stage(name="trial", settings=SETTINGS, timeout=10)),
    "architecture": lambda: digest(Stage(name="trial", settings=SETTINGS, architecture="x86_64")),
    "snapshots": lambda: digest(Stage(name="trial", settings=SETTINGS, snap_start=True)),
}
STAYS = {
    "nothing": lambda: digest(Stage(name="trial", settings=SETTINGS)),
    "rate": lambda: digest(Stage(name="trial", settings=SETTINGS), Rate="7", Burst="9"),
    "concurrency": lambda: digest(Stage(name="trial", settings=SETTINGS), Concurrency="0"),
    "an alarm": lambda: digest(Stage(name="trial", settings=SETTINGS), LocksAnHour="99"),
    "the edge": lambda: digest(Stage(name="trial", settings=SETTINGS, edge=False)),
    "traffic": lambda: digest(Stage(name="trial", settings=SETTINGS, traffic="Canary10Percent5Minutes")),
}


@pytest.mark.parametrize("change", MOVES)
def test_a_change_of_the_function_makes_a_version(change: str):
    assert MOVES[change]() != digest(Stage(name="trial", settings=SETTINGS))


@pytest.mark.parametrize("change", STAYS)
def test_a_change_of_something_else_makes_none(change: str):
    """Lambda refuses to publish a version that equals the last one."""
    assert STAYS[change]() == digest(Stage(name="trial", settings=SETTINGS))


def test_every_change_makes_a_release_of_its_own():
    releases = [
        merged(Stage(name="trial", settings=SETTINGS)),
        merged(Stage(name="trial", settings=SETTINGS), Rate="7"),
        merged(Stage(name="trial", settings=SETTINGS), made_of(code="x")),
        merged(Stage(name="trial", settings=SETTINGS, memory=1024)),
    ]
    assert len({one["Outputs"]["Release"]["Value"] for one in releases}) == len(releases)


def test_every_answer_of_the_gateway_is_a_problem_of_ours():
    for kind in REFUSALS:
        answer = gateway_response(kind)
        document = json.loads(answer["ResponseTemplates"]["application/json"])
        headers = answer["ResponseParameters"]["Headers"]
        assert document["code"] == REFUSALS[kind].value
        assert str(document["status"]) == answer["StatusCode"]
        assert headers["Content-Type"] == "'application/problem+json'"
        assert headers["Cache-Control"] == "'no-store'"
        # The caller cannot choose this one.
        assert headers["x-request-id"] == "context.extendedRequestId"
        assert document["request_id"] == "$context.extendedRequestId"
        assert "method.request" not in json.dumps(answer)


def test_the_access_log_repeats_nothing_of_a_request():
    api = merged(Stage(name="trial", settings=SETTINGS))["Resources"]["RestAPI"]["Properties"]
    written = json.loads(api["AccessLogSetting"]["Format"])
    assert written["path"] == "$context.resourcePath"
    assert not {"$context.path", "$context.requestId", "$context.identity.userAgent"} & set(
        written.values()
    )


def test_every_route_calls_the_alias(packages, stage: Stage):
    """A route that is left out lints clean, and calls the newest code without permission."""
    package = build_package(stage, VALUES, ROLE)
    body = package.template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    uris = {
        f"{method} {path}": one["x-amazon-apigateway-integration"]["uri"]
        for path, methods in body["paths"].items()
        for method, one in methods.items()
    }
    assert len(uris) >= 5
    assert set(map(json.dumps, uris.values())) == {json.dumps({"Fn::Sub": ALIAS_URI})}
    permission = package.template["Resources"]["APIHandlerInvokePermission"]["Properties"]
    assert permission["FunctionName"] == {"Ref": "APIHandlerAliaslive"}


def test_functions_have_the_fields_of_the_stages_file(packages, stage: Stage):
    package = build_package(stage.model_copy(update={"memory": 1024, "timeout": 7}), VALUES, ROLE)
    functions = [
        one["Properties"]
        for one in package.template["Resources"].values()
        if one["Type"] == "AWS::Serverless::Function"
    ]
    assert {(one["MemorySize"], one["Timeout"], *one["Architectures"]) for one in functions} == {
        (1024, 7, "arm64")
    }
    assert all(one["Role"] for one in functions)
    environment = package.template["Globals"]["Function"]["Environment"]["Variables"]
    assert environment["OTP_ISSUER"] == "极星期货"
    assert json.loads(environment["LOGIN_CLIENTS"]) == SETTINGS["LOGIN_CLIENTS"]


def test_two_packages_of_one_commit_are_the_same(packages, stage: Stage):
    first, second = (build_package(stage, VALUES, ROLE) for _ in range(2))
    assert first.template == second.template
    assert first.artefacts == second.artefacts


def version_of(package: Package) -> str:
    translated = judge.translate(package.template, package.parameters, "ap-east-1")
    [version] = [
        name for name, one in translated["Resources"].items() if one["Type"] == "AWS::Lambda::Version"
    ]
    alias = translated["Resources"]["APIHandlerAliaslive"]["Properties"]["FunctionVersion"]
    assert alias == {"Fn::GetAtt": [version, "Version"]}
    return version


def test_the_alias_points_to_a_new_version_after_each_change(packages, stage: Stage):
    changed = stage.model_copy(update={"settings": {**SETTINGS, "PASS_AUDIENCE": "other"}})
    versions = [
        version_of(build_package(stage, VALUES, ROLE)),
        version_of(build_package(changed, VALUES, ROLE)),
        version_of(build_package(stage, {**VALUES, "LogLevel": "DEBUG"}, ROLE)),
    ]
    assert len(set(versions)) == 3
    assert version_of(build_package(stage, {**VALUES, "Rate": "50"}, ROLE)) == versions[0]


def test_codedeploy_stands_in_the_template_for_a_canary_alone(packages, stage: Stage):
    plain = judge.translate(build_package(stage, VALUES, ROLE).template, VALUES, "ap-east-1")
    assert "CodeDeploy" not in json.dumps(plain)
    canary = stage.model_copy(update={"traffic": "Canary10Percent5Minutes"})
    translated = judge.translate(build_package(canary, VALUES, ROLE).template, VALUES, "ap-east-1")
    [group] = [
        one
        for one in translated["Resources"].values()
        if one["Type"] == "AWS::CodeDeploy::DeploymentGroup"
    ]
    assert group["Properties"]["ServiceRoleArn"] == ROLE
    alarms = group["Properties"]["AlarmConfiguration"]["Alarms"]
    assert alarms == [{"Name": {"Ref": name}} for name in CANARY_ALARMS]
    assert not [one for one in translated["Resources"].values() if one["Type"].startswith("AWS::IAM")]
