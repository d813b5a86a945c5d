"""Lambda's Invoke call, for the functions that are not behind API Gateway."""

import base64
import json
import logging
import math
import os
import re
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from chalice.local import LambdaContext

from chalicelib.log import log
from infra.local import operators
from infra.local.http_server import HttpResponse
from infra.local.stack import STAGE

INVOKE_PATH = re.compile(r"/2015-03-31/functions/([^/?]+)/invocations(?:\?(.*))?")

LARGEST_PAYLOAD = 6 * 1024 * 1024
"""Lambda's limit for a synchronous invocation, in bytes."""

_NAME = re.compile(
    r"(?:arn:[\w-]+:lambda:[\w-]+:\d+:function:|\d+:function:)?([\w-]+)(?::([\w$-]+))?", re.ASCII
)
"""A function's name, partial ARN or ARN, with or without a qualifier."""

_LATEST = "$LATEST"
"""The only version of a support function: they have neither published versions nor aliases."""

_PARAMETERS = {
    "invocationType": (
        "enum value set: [Event, RequestResponse, DryRun]",
        "Event|RequestResponse|DryRun",
    ),
    "logType": ("enum value set: [None, Tail]", "None|Tail"),
    "qualifier": ("regular expression pattern: (|[a-zA-Z0-9$_-]+)", "[a-zA-Z0-9$_-]*"),
}
"""The parameters that Lambda checks before anything else, with its words and their pattern."""

_TAIL = 4096
"""Bytes of the log that an invocation with the log type ``Tail`` answers."""


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
        *,
        log_type: str = "None",
        qualifier: str = "",
    ) -> HttpResponse:
        """Return the function's JSON, or Lambda's own error, in the form of Lambda's API.

        The function's region is the one that the ``Authorization`` header names, as on AWS.
        """
        request_id = str(uuid.uuid4())
        region = operators.called_region(authorization) or os.environ["AWS_DEFAULT_REGION"]
        try:
            _check(invocationType=invocation_type, logType=log_type, qualifier=qualifier)
            name, arn = self._find(unquote(quoted_name), qualifier, region)
            event = _event(payload)
        except _LambdaError as refused:
            body = json.dumps({"Type": "User", "Message": refused.message}).encode()
            return _response(request_id, refused.status, body, {"x-amzn-ErrorType": refused.kind})
        if invocation_type == "DryRun":
            return _response(request_id, 204, b"")
        tail = _Tail(request_id)
        answer, failed = self._run(name, event, request_id, arn, tail)
        if invocation_type == "Event":
            return _response(request_id, 202, b"")
        headers = {"X-Amz-Executed-Version": _LATEST}
        if failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        if log_type == "Tail":
            headers["X-Amz-Log-Result"] = base64.b64encode(tail.text.encode()[-_TAIL:]).decode()
        return _response(request_id, 200, json.dumps(answer, ensure_ascii=False).encode(), headers)

    def _find(self, named: str, qualifier: str, region: str) -> tuple[str, str]:
        """Return the name and the ARN of the function that a call names, or raise _LambdaError."""
        match = _NAME.fullmatch(named)
        name, own_qualifier = match.groups() if match else (named, None)
        if own_qualifier and qualifier and own_qualifier != qualifier:
            message = (
                "The derived qualifier from the function name does not match the specified qualifier."
            )
            raise _LambdaError(400, "InvalidParameterValueException", message)
        arn, version = operators.function_arn(name, region), own_qualifier or qualifier
        arn += version and f":{version}"
        if name not in self._handlers or version not in ("", _LATEST):
            raise _LambdaError(404, "ResourceNotFoundException", f"Function not found: {arn}")
        return name, arn

    def _run(self, name: str, event: Any, request_id: str, arn: str, tail: "_Tail") -> tuple[Any, bool]:
        """Run a handler. Returns its answer, or its error and true."""
        context = LambdaContext(function_name=name, memory_size=256, max_runtime_ms=30_000)
        context.aws_request_id = request_id
        context.invoked_function_arn = arn
        try:
            with tail:
                return self._handlers[name](event, context), False
        except Exception as error:
            return {"errorMessage": str(error), "errorType": type(error).__name__}, True


class _LambdaError(Exception):
    """An error that Lambda answers before it runs a function."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


def _check(**parameters: str) -> None:
    """Raise _LambdaError in Lambda's words if a parameter has a value that Lambda does not know."""
    for name, value in parameters.items():
        rule, pattern = _PARAMETERS[name]
        if not re.fullmatch(pattern, value):
            message = (
                f"Value '{value}' at '{name}' failed to satisfy constraint: Member must satisfy {rule}"
            )
            raise _LambdaError(400, "ValidationException", f"1 validation error detected: {message}")


def _event(payload: bytes | None) -> Any:
    """Return the event of a payload, or raise _LambdaError if it is too large or not JSON."""
    if payload is None or len(payload) > LARGEST_PAYLOAD:
        message = "The payload is over 6 MB, or did not arrive whole."
        raise _LambdaError(413, "RequestTooLargeException", message)
    try:
        return json.loads(payload) if payload else None
    except (ValueError, RecursionError):
        message = "Could not parse request body into json."
        raise _LambdaError(400, "InvalidRequestContentException", message) from None


class _Tail(logging.Handler):
    """The log of one invocation, as Lambda writes it: the function's lines between lines of its own."""

    def __init__(self, request_id: str) -> None:
        super().__init__()
        self.setFormatter(log.registered_formatter)
        self.text = ""
        self._request_id = request_id
        self._thread = threading.get_ident()
        self._began = time.perf_counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line of this invocation. Each invocation has a thread of its own."""
        if record.thread == self._thread:
            self.text += f"{self.format(record)}\n"

    def __enter__(self) -> None:
        self.text = f"START RequestId: {self._request_id} Version: {_LATEST}\n"
        logging.getLogger(log.service).addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger(log.service).removeHandler(self)
        passed = (time.perf_counter() - self._began) * 1000
        self.text += (
            f"END RequestId: {self._request_id}\n"
            f"REPORT RequestId: {self._request_id}\tDuration: {passed:.2f} ms\t"
            f"Billed Duration: {math.ceil(passed)} ms\tMemory Size: 256 MB\n"
        )


def _response(
    request_id: str, status: int, body: bytes, headers: dict[str, str] | None = None
) -> HttpResponse:
    return HttpResponse(
        status,
        {"Content-Type": "application/json", "x-amzn-RequestId": request_id, **(headers or {})},
        body,
    )
