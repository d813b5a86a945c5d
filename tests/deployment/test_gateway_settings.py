"""What API Gateway answers by itself once it is deployed, and what it writes down."""

import json

import pytest

from infra.deploying.api import ACCESS_LOG, Api
from infra.deploying.stage import Stage
from infra.gateway_answers import REFUSALS
from tests.deployment.conftest import Cloud


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


def test_answers_that_are_there_already_are_left_alone(responses):
    there = [dict(response) for response in responses.values()]
    cloud, changed = put_responses(there)
    assert not changed
    assert [name for name, _ in cloud.calls] == ["get_gateway_responses"]
    there[0]["statusCode"] = "418"
    cloud, changed = put_responses(there)
    assert changed
    assert [name for name, _ in cloud.calls].count("put_gateway_response") == 1
