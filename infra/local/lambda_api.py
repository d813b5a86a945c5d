"""Lambda's Invoke call, for the functions that are not behind API Gateway."""

import json
import os
import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from chalice.local import LambdaContext

from infra.local import operators
from infra.local.http_server import HttpResponse
from infra.local.stack import STAGE

INVOKE_PATH = re.compile(r"/2015-03-31/functions/([^/?]+)/invocations(?:\?.*)?")

LARGEST_PAYLOAD = 6 * 1024 * 1024
"""Lambda's limit for a synchronous invocation, in bytes."""

_NAME = re.compile(
    r"(?:arn:[\w-]+:lambda:[\w-]+:\d+:function:|\d+:function:)?([\w-]+)(?::[\w$-]+)?", re.ASCII
)
"""A function's name, partial ARN or ARN, with or without a qualifier."""


class LambdaApi:
    """Invokes the functions of the app by their deployed names."""

    def __init__(self, module: Any) -> None:
        app = module.app
        entries = [*app.pure_lambda_functions, *app.event_sources]
        self._handlers: dict[str, Callable[[Any, Any], Any]] = {
            f"{app.app_name}-{STAGE}-{entry.name}": getattr(
                module, entry.handler_string.rpartition(".")[2]
            )
            for entry in entries
        }

    def invoke(
        self,
        quoted_name: str,
        payload: bytes | None,
        invocation_type: str,
        authorization: str | None = None,
    ) -> HttpResponse:
        """Return the function's JSON, or Lambda's own error, in the form of Lambda's API.

        The function's region is the one that the ``Authorization`` header names, as on AWS.
        """
        request_id = str(uuid.uuid4())
        match = _NAME.fullmatch(unquote(quoted_name))
        name = match[1] if match else ""
        if name not in self._handlers:
            return _error(request_id, 404, "ResourceNotFoundException", f"Function not found: {name}")
        if payload is None or len(payload) > LARGEST_PAYLOAD:
            message = "The payload is over 6 MB, or did not arrive whole."
            return _error(request_id, 413, "RequestTooLargeException", message)
        try:
            event = json.loads(payload) if payload else None
        except (ValueError, RecursionError):
            message = "Could not parse request body into json."
            return _error(request_id, 400, "InvalidRequestContentException", message)
        if invocation_type == "DryRun":
            return _response(request_id, 204, b"")
        answer, failed = self._run(name, event, request_id, authorization)
        if invocation_type == "Event":
            return _response(request_id, 202, b"")
        body = json.dumps(answer, ensure_ascii=False).encode()
        headers = {"X-Amz-Executed-Version": "$LATEST"}
        if failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        return _response(request_id, 200, body, headers)

    def _run(
        self, name: str, event: Any, request_id: str, authorization: str | None
    ) -> tuple[Any, bool]:
        """Run a handler. Returns its answer, or its error and true."""
        context = LambdaContext(function_name=name, memory_size=256, max_runtime_ms=30_000)
        context.aws_request_id = request_id
        region = operators.called_region(authorization) or os.environ["AWS_DEFAULT_REGION"]
        context.invoked_function_arn = operators.function_arn(name, region)
        try:
            return self._handlers[name](event, context), False
        except Exception as error:
            return {"errorMessage": str(error), "errorType": type(error).__name__}, True


def _response(
    request_id: str, status: int, body: bytes, headers: dict[str, str] | None = None
) -> HttpResponse:
    return HttpResponse(
        status,
        {"Content-Type": "application/json", "x-amzn-RequestId": request_id, **(headers or {})},
        body,
    )


def _error(request_id: str, status: int, kind: str, message: str) -> HttpResponse:
    body = json.dumps({"Type": "User", "Message": message}).encode()
    return _response(request_id, status, body, {"x-amzn-ErrorType": kind})
