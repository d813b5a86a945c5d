"""One process of the service on a real engine: it makes the calls of a line of JSON all at once.

Each line of input is ``{"now", "calls"}``. The process prints ``ready`` when all of its threads wait,
starts them at the next line, and prints the answers in a line of JSON.
"""

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from chalice.local import LocalChalice

import app as entry_points
from chalicelib import wiring


def answer(call: dict[str, Any]) -> dict[str, Any]:
    """Make one call: of a support function, or of the HTTP API as API Gateway passes it on."""
    context = SimpleNamespace(aws_request_id=str(uuid4()), invoked_function_arn="")
    if "function" in call:
        document: dict[str, Any] = getattr(entry_points, call["function"])(call["event"], context)
        return document
    headers = {"Authorization": f"Bearer {call['token']}", **call.get("headers", {})}
    event = {
        "httpMethod": call["method"],
        "requestContext": {
            "httpMethod": call["method"],
            "resourcePath": call["path"],
            "identity": {"sourceIp": "192.0.2.1"},
        },
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "pathParameters": {},
        "queryStringParameters": {},
        "multiValueQueryStringParameters": None,
        "stageVariables": {},
        "body": json.dumps(call["body"]) if "body" in call else "",
        "isBase64Encoded": False,
    }
    got = entry_points.app(event, context)
    return {"status": got["statusCode"], **json.loads(got["body"])}


def main() -> None:
    # One request to a thread, as Chalice's own local server keeps them apart.
    entry_points.app.__class__ = type("App", (LocalChalice, entry_points.app.__class__), {})
    # The service logs to standard output: that goes the way of its errors.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        job = json.loads(line)
        wiring.clock = lambda now=job["now"]: now  # type: ignore[misc]
        calls = job["calls"]
        start = threading.Barrier(len(calls) + 1)

        def run(call: dict[str, Any], start: threading.Barrier = start) -> dict[str, Any]:
            start.wait()
            return answer(call)

        with ThreadPoolExecutor(len(calls)) as pool:
            futures = [pool.submit(run, call) for call in calls]
            print("ready", file=out, flush=True)
            sys.stdin.readline()
            start.wait()
            answers = [future.result() for future in futures]
        print(json.dumps(answers), file=out, flush=True)


if __name__ == "__main__":
    main()
