"""What API Gateway answers by itself once it is deployed, and what it writes down."""

import json

import pytest

from infra.deploying.api import ACCESS_LOG, Api
from infra.deploying.stage import Stage
from infra.gateway_answers import REFUSALS
from tests.deployment.conftest import Cloud
from tests.templates import resources


def put_responses(there: list[dict]) -> tuple[Cloud, bool]:
    cloud = Cloud(get_gateway_responses={"items": there}, put_gateway_response={})
    changed = Api(cloud, Stage("trial"), "api1", "api").answer_in_our_form()
    return cloud, changed


@pytest.fixture
def responses() -> dict[str, dict]:
    cloud, _ = put_responses([])
    return {call["responseType"]: call for name, call in cloud.calls if name == "put_gateway_response"}


def test_each_of_the_gateways_refusals_is_a_problem_of_ours(responses):
    assert responses.keys() == REFUSALS.keys()
    for kind, response in responses.items():
        document = json.loads(response["responseTemplates"]["application/json"])
        assert document["code"] == REFUSALS[kind].value
        assert str(document["status"]) == response["statusCode"]
        headers = response["responseParameters"]
        assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        assert headers["gatewayresponse.header.Cache-Control"] == "'no-store'"


@pytest.mark.parametrize("kind", ["THROTTLED", "QUOTA_EXCEEDED", "DEFAULT_5XX"])
def test_who_may_ask_again_is_told_when(responses, kind: str):
    assert (
        responses[kind]["responseParameters"]["gatewayresponse.header.Retry-After"].strip("'").isdigit()
    )


def test_the_request_id_is_the_one_that_callers_cannot_choose(responses):
    for response in responses.values():
        headers = response["responseParameters"]
        assert headers["gatewayresponse.header.x-request-id"] == "context.extendedRequestId"
        document = json.loads(response["responseTemplates"]["application/json"])
        assert document["request_id"] == "$context.extendedRequestId"


def test_nothing_of_the_request_is_repeated(responses):
    text = json.dumps([responses, ACCESS_LOG])
    assert "method.request" not in text
    for variable in ("$context.requestId", "error.message", "userAgent", "$context.path", "authorizer"):
        assert variable not in text


def test_the_api_is_called_after_its_stage_wherever_chalice_called_it_otherwise():
    cloud = Cloud(get_rest_api={"name": "totp-binding"}, update_rest_api={})
    assert Api(cloud, Stage("trial"), "api1", "api").take_its_name()
    operation = {"op": "replace", "path": "/name", "value": "totp-binding-trial"}
    assert cloud.calls[1:] == [
        ("update_rest_api", {"restApiId": "api1", "patchOperations": [operation]})
    ]


def test_one_that_has_its_name_is_left_alone():
    cloud = Cloud(get_rest_api={"name": "totp-binding-trial"})
    assert not Api(cloud, Stage("trial"), "api1", "api").take_its_name()


def test_alarms_and_dashboard_look_at_the_api_of_their_stage_alone():
    template = resources("resources.yaml")
    name = Stage("${Stage}").api
    looked_at = [
        dimension["Value"]
        for one in template.values()
        for dimension in one["Properties"].get("Dimensions", [])
        if dimension["Name"] == "ApiName"
    ]
    widgets = json.loads(template["Dashboard"]["Properties"]["DashboardBody"])["widgets"]
    metrics = [one for widget in widgets for one in widget["properties"]["metrics"]]
    looked_at += [one[one.index("ApiName") + 1] for one in metrics if "ApiName" in one]
    assert len(looked_at) == 6
    assert set(looked_at) == {name}


def test_a_dashboard_is_told_from_that_of_another_region():
    named = resources("resources.yaml")["Dashboard"]["Properties"]["DashboardName"]
    assert named == "totp-binding-${Stage}-${AWS::Region}"


def test_answers_that_are_there_already_are_left_alone(responses):
    there = [dict(response) for response in responses.values()]
    cloud, changed = put_responses(there)
    assert not changed
    assert [name for name, _ in cloud.calls] == ["get_gateway_responses"]
    there[0]["statusCode"] = "418"
    cloud, changed = put_responses(there)
    assert changed
    assert [name for name, _ in cloud.calls].count("put_gateway_response") == 1
