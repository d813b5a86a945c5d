"""Malformed calls to the running stack, and calls of Lambda and of the emulated AWS."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.environment import ROOT
from infra.local.launch import launched
from infra.local.stack import DEMO_PASSWORD
from tests.kit.oath import zbarimg_of_uri
from tests.kit.stack import Stack


def raw(running: Stack, request: bytes) -> tuple[str, dict[str, str], bytes]:
    """Send bytes unchanged. Returns the status line, the headers and the body of the answer."""
    address = urlsplit(running.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(request)
        got = b""
        while piece := connection.recv(65_536):
            got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return (
        status,
        {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)},
        body,
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api"),
        ("GET", "/api/"),
        ("GET", "/api/nowhere"),
        ("POST", "/api/binding"),
        ("PUT", "/api/bind"),
        ("OPTIONS", "/api/verify"),
        ("PROPFIND", "/api/verify"),
        ("GET", "/api//binding"),
        ("GET", "/api/bind/confirm/more"),
        ("GET", "/api/%62inding"),
        ("GET", "/api//evil/binding"),
        ("GET", "/api/binding;x=1"),
    ],
)
def test_unknown_paths_and_methods_are_not_found(running: Stack, method: str, path: str):
    token = running.token("88000013")
    answer = running.call(method, path, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status, answer.code) == (404, "not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["x-request-id"] == answer.json["request_id"]
    assert token.encode() not in answer.raw
    assert "没有" in answer.json["title"]
    assert "nothing here" in answer.json["title"]


def test_head_is_not_found_and_has_no_body(running: Stack):
    answer = running.call("HEAD", "/api/binding")
    assert (answer.status, answer.raw) == (404, b"")


def test_two_authorization_headers_are_not_one_token(running: Stack):
    token = running.token("88000013")
    line = f"Authorization: Bearer {token}\r\n"
    request = f"GET /api/binding HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{line}{line}\r\n"
    status, headers, body = raw(running, request.encode())
    assert status == "HTTP/1.1 401 Unauthorized"
    assert json.loads(body)["code"] == "login_required"
    assert headers["www-authenticate"] == "Bearer"


def test_a_body_in_chunks_is_read(running: Stack):
    token = running.token("88000013")
    head = (
        f"POST /api/verify HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
    )
    body = b'8\r\n{"code":\r\n9;x=y\r\n"123456"}\r\n0\r\n\r\n'
    _, _, got = raw(running, head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    assert json.loads(got)["code"] == "not_bound"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /api/binding HTTP/9.9\r\n\r\n",
        b"GET /api/binding HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"POST /api/verify HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
        b"POST /api/verify HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST /api/verify HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
        b"POST /api/verify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /api/verify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    ],
)
def test_a_malformed_request_is_answered_with_a_problem_document(running: Stack, request_bytes: bytes):
    _, headers, body = raw(running, request_bytes)
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-request-id"]
    assert json.loads(body)["code"] == "malformed_request"


def test_an_incomplete_body_is_refused_and_counts_nothing(running: Stack):
    token, _ = running.bound("88000018")
    head = f"POST /api/verify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    address = urlsplit(running.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(head.encode() + b'Content-Length: 50\r\n\r\n{"code":"000000"}')
        connection.shutdown(socket.SHUT_WR)
        got = b""
        while piece := connection.recv(65_536):
            got += piece
        assert b'"malformed_request"' in got
    assert running.support("lookup", {"account": "88000018", "operator": "e2e"})["failures"] == 0


def test_a_far_too_large_body_is_answered(running: Stack):
    token = running.token("88000013")
    answer = running.call(
        "POST", "/api/verify", b"x" * (11 * 1024 * 1024), {"Authorization": f"Bearer {token}"}
    )
    assert answer.code == "malformed_request"
    path = "/2015-03-31/functions/totp-binding-local-lookup/invocations"
    assert running.call("POST", path, b"x" * (11 * 1024 * 1024)).status == 413


@pytest.mark.parametrize(("size", "status"), [(10_240, 200), (10_241, 400)])
def test_a_head_over_the_gateways_limit_is_refused(running: Stack, size: int, status: int):
    line, values = "GET /api/binding HTTP/1.1", ["x", "close", f"Bearer {running.token('88000013')}"]
    values.append("y" * (size - len(line) - sum(map(len, values))))
    names = ("Host", "Connection", "Authorization", "X-Padding")
    fields = [f"{name}: {value}" for name, value in zip(names, values, strict=True)]
    got, _, body = raw(running, "\r\n".join([line, *fields, "", ""]).encode())
    assert int(got.split()[1]) == status
    assert json.loads(body).get("code") == (None if status == 200 else "malformed_request")


def test_a_trailing_slash_is_ignored(running: Stack):
    token = running.token("88000013")
    answer = running.call("GET", "/api/binding/?x=1", headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 200


def test_many_calls_may_come_on_one_connection(running: Stack):
    token = running.token("88000013")
    head = f"GET /api/binding HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    request = f"{head}\r\n{head}Connection: close\r\n\r\n"
    _, _, rest = raw(running, request.encode())
    assert rest.count(b'"account":"88000013"') == 2


@pytest.mark.parametrize("client", ["desktop", "mobile"])
def test_the_password_login_hands_out_a_token(running: Stack, client: str):
    asked = json.dumps({"account": "88000020", "password": DEMO_PASSWORD, "client": client})
    answer = running.call("POST", "/login", asked)
    assert answer.status == 200
    assert set(answer.json) == {"token", "expires_in"}
    assert answer.json["expires_in"] > 0
    assert running.api("GET", "/binding", answer.json["token"]).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"account": "88000001", "password": "wrong", "client": "desktop"},
        {"account": "99999999", "password": DEMO_PASSWORD, "client": "desktop"},
        {"account": "", "password": "", "client": "desktop"},
        {"account": "88000001", "password": DEMO_PASSWORD, "client": "tablet"},
        {"account": "88000001", "password": DEMO_PASSWORD, "client": []},
        {"account": 1, "password": DEMO_PASSWORD, "client": "desktop"},
        {"account": "88000001"},
        [],
        "x",
    ],
)
def test_a_wrong_password_hands_out_nothing(running: Stack, body: object):
    answer = running.call("POST", "/login", json.dumps(body))
    assert answer.status == 401
    assert "token" not in answer.json


def test_the_emulated_aws_can_be_read(running: Stack):
    token, secret = running.bound("88000015")
    scan = running.boto("dynamodb").scan(TableName="totp-binding-local-bindings")
    items = {item["account"]["S"]: item for item in scan["Items"]}
    assert items["88000015"]["state"] == {"S": "bound"}
    assert secret.encode() not in items["88000015"]["secret"]["B"]
    assert token not in str(scan)


def test_zbar_reads_the_otpauth_uri_in_the_qr_code(running: Stack, tmp_path: Path):
    token = running.token("88000016")
    begun = running.api("POST", "/bind", token).json
    assert zbarimg_of_uri(begun["qr_png"], tmp_path) == begun["otpauth_uri"]
    code = running.code(begun["secret"])
    assert running.api("POST", "/bind/confirm", token, {"code": code}).json["state"] == "bound"


def test_the_page_is_served_at_the_root(running: Stack):
    page = running.call("GET", "/")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<title>totp-binding</title>" in page.raw.decode()


def test_the_log_holds_no_secret_code_token_or_pass(running: Stack):
    token, secret = running.bound("88000017")
    running.clock.advance(30)
    code = running.code(secret)
    issued = running.api("POST", "/verify", token, {"code": code}).json["pass"]
    said = running.log.read_text("utf-8")
    assert '"account":"88000017"' in said
    for hidden in (token, secret, f'"{code}"', DEMO_PASSWORD, issued):
        assert hidden not in said


def test_a_taken_port_is_refused_in_one_sentence(running: Stack):
    port = str(urlsplit(running.url).port)
    second = subprocess.run(
        [sys.executable, "-m", "infra.local"],
        cwd=ROOT,
        env=os.environ | {"PORT": port},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert len(second.stderr.splitlines()) == 1
    assert port in second.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_stack_ignores_the_machines_aws_profile_and_ends_cleanly_on_a_signal(
    number: signal.Signals, tmp_path: Path
):
    log = tmp_path / "log"
    with launched(log, environment={"AWS_PROFILE": "nobody"}) as stack:
        stack.process.send_signal(number)
        assert stack.process.wait(timeout=20) == 0
    assert "Traceback" not in log.read_text("utf-8")
