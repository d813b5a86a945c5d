"""Lambda's Invoke call on the running stack, as boto3 and the AWS command line make it."""

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from tests.kit.stack import Stack

LOOKUP = "totp-binding-local-lookup"
EVENT = b'{"account": "88000014", "operator": "e2e"}'


def test_support_may_name_a_function_in_every_form_of_lambda(running: Stack):
    event = json.dumps({"account": "88000014", "operator": "e2e"})
    arn = "arn:aws:lambda:us-east-1:123456789012:function:totp-binding-local-lookup"
    for name in ("totp-binding-local-lookup", "totp-binding-local-lookup:$LATEST", quote(arn, safe="")):
        answer = running.call("POST", f"/2015-03-31/functions/{name}/invocations", event)
        assert (answer.status, answer.json["outcome"]) == (200, "found")
        assert answer.headers["X-Amz-Executed-Version"] == "$LATEST"


def test_an_empty_payload_is_an_invalid_event(running: Stack):
    for name in ("unbind", "unlock", "lookup"):
        answer = running.call("POST", f"/2015-03-31/functions/totp-binding-local-{name}/invocations")
        assert answer.json["outcome"] == "invalid"
        assert [error["field"] for error in answer.json["errors"]] == [None]


def test_errors_of_lambda_are_those_of_aws(running: Stack):
    functions = running.functions
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.invoke(FunctionName="totp-binding-local-nothing")
    with pytest.raises(functions.exceptions.InvalidRequestContentException):
        functions.invoke(FunctionName="totp-binding-local-lookup", Payload=b"{")
    event = b'{"account": "88000014", "operator": "e2e"}'
    later = functions.invoke(
        FunctionName="totp-binding-local-lookup", InvocationType="Event", Payload=event
    )
    assert later["StatusCode"] == 202
    dry = functions.invoke(FunctionName="totp-binding-local-lookup", InvocationType="DryRun")
    assert dry["StatusCode"] == 204


def invoke(running: Stack, function: str = LOOKUP, **parameters: Any) -> Any:
    return running.functions.invoke(FunctionName=function, Payload=EVENT, **parameters)


def refusal(running: Stack, function: str = LOOKUP, **parameters: Any) -> tuple[int, str, str]:
    """Make a call that Lambda refuses. Returns status, code and message."""
    with pytest.raises(ClientError) as caught:
        invoke(running, function, **parameters)
    error = caught.value.response["Error"]
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]


def test_the_only_version_is_the_latest(running: Stack):
    assert invoke(running, Qualifier="$LATEST")["ExecutedVersion"] == "$LATEST"
    for qualifier in ("live", "1"):
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{LOOKUP}:{qualifier}"
        expected = (404, "ResourceNotFoundException", f"Function not found: {arn}")
        assert refusal(running, Qualifier=qualifier) == expected
        assert refusal(running, f"{LOOKUP}:{qualifier}") == expected


def test_a_name_and_a_parameter_with_different_qualifiers_are_refused(running: Stack):
    assert invoke(running, f"{LOOKUP}:$LATEST", Qualifier="$LATEST")["StatusCode"] == 200
    status, code, message = refusal(running, f"{LOOKUP}:$LATEST", Qualifier="live")
    assert (status, code) == (400, "InvalidParameterValueException")
    assert "does not match the specified qualifier" in message


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [
        ({"InvocationType": "event"}, "enum value set: [Event, RequestResponse, DryRun]"),
        ({"LogType": "All"}, "enum value set: [None, Tail]"),
        ({"Qualifier": "a b"}, "regular expression pattern: (|[a-zA-Z0-9$_-]+)"),
    ],
    ids=str,
)
def test_a_parameter_that_lambda_does_not_know_runs_nothing(
    running: Stack, parameters: dict[str, str], rule: str
):
    [(name, value)] = parameters.items()
    named = f"Value '{value}' at '{name[0].lower()}{name[1:]}' failed to satisfy constraint"
    message = f"1 validation error detected: {named}: Member must satisfy {rule}"
    assert refusal(running, **parameters) == (400, "ValidationException", message)


def test_the_tail_of_the_log_is_that_of_the_call(running: Stack):
    got = invoke(running, LogType="Tail")
    request_id = got["ResponseMetadata"]["RequestId"]
    start, line, end, report = base64.b64decode(got["LogResult"]).decode().splitlines()
    assert start == f"START RequestId: {request_id} Version: $LATEST"
    logged = json.loads(line)
    assert (logged["request_id"], logged["account"]) == (request_id, "88000014")
    assert end == f"END RequestId: {request_id}"
    assert report.startswith(f"REPORT RequestId: {request_id}\tDuration: ")


def test_a_call_without_the_tail_has_none(running: Stack):
    assert "LogResult" not in invoke(running)
    assert "LogResult" not in invoke(running, LogType="None")
    assert "LogResult" not in invoke(running, LogType="Tail", InvocationType="Event")
