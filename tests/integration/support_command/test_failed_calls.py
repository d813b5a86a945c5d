"""A failed call is one sentence that says what to do, and an exit status."""

import os
import socket
from typing import Any

import pytest

from infra.local.http_server import HttpResponse, json_response
from infra.support.command_errors import Exit
from tests.kit.support_terminal import Lambda, Terminal
from tests.kit.user import User


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_a_local_stage_that_does_not_run_says_how_to_start_it(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
):
    port = closed_port()
    monkeypatch.setenv("PORT", str(port))
    assert terminal.run("status", "88000001") is Exit.TRY_AGAIN
    assert terminal.err == (
        f"Nothing answers at http://127.0.0.1:{port}: "
        "is `make run` running there, and is PORT the same?\n"
    )


@pytest.mark.parametrize(
    ("status", "code", "exit_status", "words"),
    [
        (403, "AccessDeniedException", Exit.NO_ACCESS, "does not let you call totp-binding-prod-lookup"),
        (403, "ExpiredTokenException", Exit.NO_ACCESS, "log in again"),
        (403, "UnrecognizedClientException", Exit.NO_ACCESS, "credentials"),
        (403, "InvalidSignatureException", Exit.NO_ACCESS, "clock"),
        (404, "ResourceNotFoundException", Exit.NO_ACCESS, "no function totp-binding-prod-lookup"),
        (429, "TooManyRequestsException", Exit.TRY_AGAIN, "too busy"),
        (502, "EC2UnexpectedException", Exit.TRY_AGAIN, "EC2UnexpectedException"),
        (400, "InvalidRuntimeException", Exit.FAILED, "InvalidRuntimeException"),
    ],
)
def test_an_error_of_lambda_is_one_sentence(
    at_prod: Terminal, deployed: Lambda, status: int, code: str, exit_status: Exit, words: str
):
    deployed.refuse(status, code)
    assert at_prod.run("status", "88000001") is exit_status
    assert at_prod.out == ""
    assert at_prod.err.count("\n") == 1
    assert words in at_prod.err
    assert len(deployed.invoked) == 1


def test_an_error_is_json_for_scripts(at_prod: Terminal, deployed: Lambda):
    deployed.refuse(403, "AccessDeniedException")
    status, answer = at_prod.json("status", "88000001")
    assert status is Exit.NO_ACCESS
    assert (answer["outcome"], answer["problem"]) == ("failed", "access_denied")
    assert "MFA" in answer["detail"]


@pytest.mark.parametrize(
    ("code", "status", "exit_status", "words"),
    [
        ("ExpiredToken", 403, Exit.NO_ACCESS, "log in again"),
        ("InvalidClientTokenId", 403, Exit.NO_ACCESS, "credentials"),
        ("SignatureDoesNotMatch", 403, Exit.NO_ACCESS, "clock"),
        ("AccessDenied", 403, Exit.NO_ACCESS, "sts:GetCallerIdentity"),
        ("Throttling", 400, Exit.TRY_AGAIN, "too busy"),
    ],
)
def test_an_error_of_sts_ends_the_command(
    at_prod: Terminal, deployed: Lambda, wire: Any, code: str, status: int, exit_status: Exit, words: str
):
    wire.refuse("GetCallerIdentity", code, status)
    assert at_prod.run("status", "88000001") is exit_status
    assert words in at_prod.err
    assert deployed.invoked == []


def test_missing_credentials_say_to_ask_for_a_profile(
    at_prod: Terminal, monkeypatch: pytest.MonkeyPatch
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert at_prod.run("status", "88000001") is Exit.NO_ACCESS
    assert "ask for a profile for the support desk" in at_prod.err


def test_a_missing_sso_login_says_to_log_in(
    at_prod: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
):
    (tmp_path / "config").write_text(
        "[profile desk]\nsso_session = broker\nsso_account_id = 123456789012\nsso_role_name = Support\n"
        "[sso-session broker]\nsso_region = ap-east-1\nsso_start_url = https://broker.example/start\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert at_prod.run("status", "88000001", "--profile", "desk") is Exit.NO_ACCESS
    assert "aws sso login --profile desk" in at_prod.err


def test_an_unreachable_aws_says_to_check_the_network(
    at_prod: Terminal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{closed_port()}")
    assert at_prod.run("status", "88000001") is Exit.TRY_AGAIN
    assert "check network, VPN and --region" in at_prod.err


def test_a_lost_answer_says_to_look_first(user: User, at_prod: Terminal, wire: Any):
    user.bound_phone()
    wire.drop_answer("Invoke")
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other", "--yes")
    assert at_prod.run(*asked) is Exit.TRY_AGAIN
    assert "look with status" in at_prod.err
    assert wire.calls.count("Invoke") == 1


def test_a_failure_of_aws_behind_the_function_says_to_ask_again(
    user: User, terminal: Terminal, wire: Any
):
    wire.refuse("GetItem", "ProvisionedThroughputExceededException", times=2)
    assert terminal.run("status", user.account) is Exit.TRY_AGAIN
    assert "ask again in a minute" in terminal.err


@pytest.mark.parametrize(
    "reply",
    [
        json_response(200, {"errorMessage": "boom"}, {"X-Amz-Function-Error": "Unhandled"}),
        HttpResponse(200, {"Content-Type": "application/json"}, b"not JSON"),
        json_response(200, ["a list"]),
        json_response(200, {}),
    ],
)
def test_a_failed_function_names_its_request(terminal: Terminal, local: Lambda, reply: HttpResponse):
    headers = reply.headers | {"x-amzn-RequestId": "r-1"}
    local.instead = lambda: HttpResponse(reply.status, headers, reply.body)
    assert terminal.run("status", "88000001") is Exit.FAILED
    assert "r-1" in terminal.err
