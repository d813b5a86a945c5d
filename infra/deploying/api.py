"""What Chalice cannot set in API Gateway: its own answers, the stage's throttle, the access log."""

import json
import time
from typing import Any

from infra.deploying.console import Stop, line
from infra.deploying.stage import Stage
from infra.gateway_answers import REFUSALS, both_languages

REQUEST_ID = "$context.extendedRequestId"
"""The id that API Gateway makes up; ``requestId`` can be chosen by the caller."""

ACCESS_LOG = {
    "time": "$context.requestTime",
    "request_id": REQUEST_ID,
    "address": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.resourcePath",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "milliseconds_in_lambda": "$context.integrationLatency",
    "gateway_answer": "$context.error.responseType",
}
"""One line for each call: nothing of its body or headers, and of its path only the route."""


_ROLE_PAUSES = (2, 4, 8, 16)
"""Seconds between tries with a new role: IAM takes a while to show it everywhere."""


class Api:
    """One stage's REST API."""

    def __init__(self, session: Any, stage: Stage, api: str, api_stage: str) -> None:
        self._gateway = session.client("apigateway")
        self._stage = stage
        self._api = api
        self._api_stage = api_stage

    @property
    def url(self) -> str:
        """API Gateway's own address of the API."""
        host = f"{self._api}.execute-api.{self._stage.region}.amazonaws.com"
        return f"https://{host}/{self._api_stage}"

    def take_its_name(self) -> bool:
        """Call the API after its stage; whether it was called otherwise.

        Chalice calls it after the service alone, each time that it writes it anew, and its metrics
        would be mixed with those of every other stage of the account.
        """
        if self._gateway.get_rest_api(restApiId=self._api)["name"] == self._stage.api:
            return False
        operation = {"op": "replace", "path": "/name", "value": self._stage.api}
        self._gateway.update_rest_api(restApiId=self._api, patchOperations=[operation])
        line(f"name         {self._stage.api}, which metrics and alarms go by")
        return True

    def answer_in_our_form(self) -> bool:
        """Give API Gateway's own refusals the contract's form; whether any was not so yet."""
        there = {
            response["responseType"]: response
            for response in self._gateway.get_gateway_responses(restApiId=self._api, limit=500)["items"]
        }
        changed = 0
        for kind in REFUSALS:
            wanted = _gateway_response(kind)
            if any(there.get(kind, {}).get(key) != value for key, value in wanted.items()):
                self._gateway.put_gateway_response(restApiId=self._api, responseType=kind, **wanted)
                changed += 1
        line(f"answers      {len(REFUSALS)} of API Gateway's own in our form, {changed} of them new")
        return changed > 0

    def serve(self, release: str) -> None:
        """Bring routes and answers as they are now before the callers."""
        self._gateway.create_deployment(
            restApiId=self._api, stageName=self._api_stage, description=release
        )

    def settle(self, access_log: str | None) -> None:
        """The stage's throttle, metrics and access log; its log group's ARN is given."""
        settings = {
            "/*/*/throttling/rateLimit": str(self._stage.rate),
            "/*/*/throttling/burstLimit": str(self._stage.burst),
            "/*/*/metrics/enabled": "true",
            "/*/*/logging/loglevel": "OFF",
            "/*/*/logging/dataTrace": "false",
        }
        if access_log is not None:
            settings["/accessLogSettings/destinationArn"] = access_log
            settings["/accessLogSettings/format"] = json.dumps(ACCESS_LOG)
        operations = [
            {"op": "replace", "path": path, "value": value} for path, value in settings.items()
        ]
        self._gateway.update_stage(
            restApiId=self._api, stageName=self._api_stage, patchOperations=operations
        )
        line(f"throttle     {self._stage.rate} calls a second, bursts of {self._stage.burst}")
        line(f"access log   {'one line a call, no bodies, no headers' if access_log else 'none'}")

    def let_it_log(self, role: str | None) -> bool:
        """Whether API Gateway may write logs in this region; its role is set where there is none."""
        account = self._gateway.get_account()
        if account.get("cloudwatchRoleArn"):
            return True
        if role is None:
            return False
        operation = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
        for patience in (*_ROLE_PAUSES, None):
            try:
                self._gateway.update_account(patchOperations=[operation])
                break
            except self._gateway.exceptions.BadRequestException:
                if patience is None:
                    raise
                time.sleep(patience)
        line(f"log role     {role}, for all of API Gateway in this region")
        return True

    @property
    def served(self) -> str:
        """The id of the deployment that callers see."""
        stage = self._gateway.get_stage(restApiId=self._api, stageName=self._api_stage)
        found: str = stage["deploymentId"]
        return found

    def go_back_to(self, deployment: str) -> None:
        """Let callers see an earlier deployment again. Stop where it is gone."""
        if deployment not in self._deployments():
            raise Stop(f"API Gateway no longer has the deployment {deployment}.")
        operation = {"op": "replace", "path": "/deploymentId", "value": deployment}
        self._gateway.update_stage(
            restApiId=self._api, stageName=self._api_stage, patchOperations=[operation]
        )

    def prune(self, needed: set[str]) -> None:
        """Drop the deployments that nobody sees and no release would go back to."""
        for deployment in self._deployments() - needed - {self.served}:
            self._gateway.delete_deployment(restApiId=self._api, deploymentId=deployment)

    def _deployments(self) -> set[str]:
        pages = self._gateway.get_paginator("get_deployments").paginate(restApiId=self._api)
        return {deployment["id"] for page in pages for deployment in page["items"]}


def _gateway_response(kind: str) -> dict[str, Any]:
    """One of API Gateway's own answers, as ``put_gateway_response`` takes it.

    Its templates know ``application/json`` alone, so the type is set as a header like the others.
    """
    status, headers, document = both_languages(REFUSALS[kind], REQUEST_ID)
    parameters = {
        f"gatewayresponse.header.{name}": value.removeprefix("$")
        if value == REQUEST_ID
        else f"'{value}'"
        for name, value in headers.items()
    }
    return {
        "statusCode": str(status),
        "responseParameters": parameters,
        "responseTemplates": {"application/json": json.dumps(document, ensure_ascii=False)},
    }
