"""One address for what stands between the world and the deployed functions."""

import json
import re
import uuid
from typing import Any
from urllib.parse import unquote

import urllib3
from botocore.exceptions import ClientError

from infra.local.http_server import HttpRequest, HttpResponse, Server, json_response
from infra.local.lambda_api import INVOKE_PATH
from infra.rehearsal.deployed_api import DeployedApi
from infra.rehearsal.fleet import Fleet

_DEPLOYMENTS = re.compile(r"/restapis/(\w+)/deployments")

_HOP_BY_HOP = re.compile(r"connection|content-length|transfer-encoding|date|server", re.IGNORECASE)


class Doorway:
    """The REST API at ``/api``, and AWS's own APIs of Lambda and API Gateway.

    Calls of functions end here, the rest is passed on to AWS; of a deployment it is seen what
    it makes visible.
    """

    def __init__(self, session: Any, aws_url: str, fleet: Fleet, stage: str) -> None:
        self._fleet = fleet
        self._aws_url = aws_url
        self._pool = urllib3.PoolManager(retries=False)
        self._api = DeployedApi(session.client("apigateway", endpoint_url=aws_url), stage, fleet.invoke)
        self._base = f"/{stage}"
        self._server = Server(0, lambda: HttpResponse(400))
        self._server.serve(self._respond)

    @property
    def url(self) -> str:
        """Where it answers."""
        return self._server.url

    def stop(self) -> None:
        """Answer no more."""
        self._server.stop()

    def _respond(self, ask: HttpRequest) -> HttpResponse:
        path = ask.target.partition("?")[0]
        if path == self._base or path.startswith(self._base + "/"):
            return self._api.respond(ask)
        if ask.method == "POST" and (match := INVOKE_PATH.fullmatch(ask.target)):
            return self._call(unquote(match[1]).rpartition(":")[2], ask.body or b"null")
        reply = self._pass_on(ask)
        if ask.method == "POST" and reply.status == 201 and (match := _DEPLOYMENTS.fullmatch(path)):
            self._api.show(match[1], json.loads(reply.body)["id"])
        if ask.method != "GET":
            # Functions and APIs change by what passes through here alone, so nobody asks in between.
            self._fleet.look_again()
            self._api.look_again()
        return reply

    def _call(self, name: str, payload: bytes) -> HttpResponse:
        try:
            answer, failed = self._fleet.invoke(name, payload)
        except ClientError as error:
            said = error.response["Error"]
            return json_response(404, {"Message": said["Message"]}, {"x-amzn-ErrorType": said["Code"]})
        headers = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
        if failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        return HttpResponse(200, headers, answer or json.dumps(None).encode())

    def _pass_on(self, ask: HttpRequest) -> HttpResponse:
        headers = {name: value for name, value in ask.headers.items() if not _HOP_BY_HOP.fullmatch(name)}
        answer = self._pool.request(
            ask.method, self._aws_url + ask.target, body=ask.body, headers=headers
        )
        kept = {name: value for name, value in answer.headers.items() if not _HOP_BY_HOP.fullmatch(name)}
        return HttpResponse(answer.status, kept, answer.data)
