"""The operator's proof over HTTP, against an STS that verifies signatures."""

import itertools
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from chalicelib import wiring
from chalicelib.aws import sts as aws_sts
from chalicelib.aws.sts import BODY, CONTENT_TYPE, REQUEST_HEADER, SecurityTokenService, Signature
from chalicelib.support.proof import request_hash
from infra.environment import ROOT
from infra.local.http_server import HttpResponse, Server
from infra.local.operators import function_arn
from infra.support.signer import prove
from tests.kit.clock import Clock
from tests.kit.delivery import Delivery
from tests.kit.log_lines import LogLines
from tests.kit.sts import REGION, Sts, session, sign_by, support_session
from tests.kit.user import User
from tests.kit.wire import Wire

UNBIND = function_arn("totp-binding-test-unbind", REGION)
OPERATOR = support_session("test", "mei.chan")
Event = dict[str, Any]


@dataclass
class Staff:
    """A member of support staff: signs an event for unbind, and sends it."""

    service: Any
    credentials: Credentials

    def sign(self, event: Event, arn: str = UNBIND) -> Event:
        return {**event, "proof": prove(self.credentials, arn, event)}

    def send(self, event: Event, arn: str = UNBIND) -> Event:
        name = arn.removesuffix(":live").rpartition("-")[2]
        context = SimpleNamespace(aws_request_id="r-1", invoked_function_arn=arn)
        answer: Event = getattr(self.service, name)(event, context)
        return answer


@pytest.fixture
def staff(service: Any, sts: Sts) -> Staff:
    return Staff(service, sts.knows(OPERATOR))


@pytest.fixture
def event(user: User) -> Event:
    user.bound_phone()
    return {"account": user.account, "operator": "mei", "ticket": "T-1", "reason": "lost_device"}


@pytest.fixture
def still_bound(user: User, event: Event, wire: Wire) -> Iterator[None]:
    """Check that the test reads and writes no table and leaves the account bound."""
    yield
    assert wire.calls == []
    assert user.look().json["state"] == "bound"


def refused(answer: Event) -> str:
    """The problem of a proof that does not hold."""
    assert answer["outcome"] == "invalid", answer
    ((field, problem),) = [(error["field"], error["problem"]) for error in answer["errors"]]
    assert field == "proof"
    return str(problem)


WRONG_SIGNATURE = "STS does not accept the signature: SignatureDoesNotMatch"
UNKNOWN = "STS does not accept the signature: InvalidClientTokenId"


def test_the_operator_on_record_is_the_caller_that_sts_names(
    staff: Staff, event: Event, user: User, delivery: Delivery, desk: Any, sts: Sts
):
    assert staff.send(staff.sign(event))["outcome"] == "unbound"
    delivery.deliver()
    assert desk.history(user.account)[0]["operator"] == OPERATOR
    (ask,) = sts.asked
    assert (ask.method, ask.target, ask.body) == ("POST", "/", BODY)
    assert ask.headers["Host"] == "sts.us-east-1.amazonaws.com"


def test_the_operator_may_be_a_whole_arn_if_a_proof_comes_with_it(staff: Staff, event: Event):
    named = {**event, "operator": OPERATOR.ljust(256, "x")}
    assert staff.send(named)["errors"][0]["field"] == "operator"
    assert staff.send(staff.sign({**named, "operator": named["operator"] + "x"}))["outcome"] == "invalid"
    assert staff.send(staff.sign(named))["outcome"] == "unbound"


def test_every_function_takes_a_proof_by_its_alias_too(staff: Staff, event: Event, sts: Sts):
    outcomes = []
    for name in ("lookup", "unlock", "unbind"):
        arn = function_arn(f"totp-binding-test-{name}", REGION)
        outcomes.append(staff.send(staff.sign(event, arn + ":live"), arn + ":live")["outcome"])
    assert outcomes == ["found", "not_locked", "unbound"]
    assert len(sts.asked) == 3


def test_an_event_without_proof_asks_nobody_and_is_refused_only_if_one_is_required(
    staff: Staff, event: Event, sts: Sts, user: User, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPERATOR_PROOF", "required")
    wiring.reset()
    assert refused(staff.send(event)) == "is required"
    assert refused(staff.send({**event, "proof": None})) == "is required"
    assert user.look().json["state"] == "bound"
    monkeypatch.delenv("OPERATOR_PROOF")
    wiring.reset()
    assert staff.send(event)["outcome"] == "unbound"
    assert sts.asked == []


def test_with_a_proof_required_the_holder_of_one_is_served(
    staff: Staff, event: Event, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPERATOR_PROOF", "required")
    wiring.reset()
    assert staff.send(staff.sign(event))["outcome"] == "unbound"


# Another caller.


@pytest.mark.parametrize(
    "arn",
    [
        session("totp-binding-test-support-us-east-1", "mei.chan", account="999999999999"),
        session("totp-binding-test-support-us-east-1", "mei.chan", partition="aws-cn"),
        session("totp-binding-test-auditor-us-east-1", "mei.chan"),
        session("totp-binding-test-unbind-us-east-1", "totp-binding-test-unbind"),
        session("AWSReservedSSO_Support_0123456789abcdef", "mei.chan"),
        support_session("prod", "mei.chan"),
        support_session("test", "mei.chan", "ap-east-1"),
        "arn:aws:iam::123456789012:user/mei.chan",
        "arn:aws:iam::123456789012:root",
    ],
)
@pytest.mark.usefixtures("still_bound")
def test_another_account_role_stage_or_region_is_refused(staff: Staff, event: Event, sts: Sts, arn: str):
    other = replace(staff, credentials=sts.knows(arn))
    assert refused(staff.send(other.sign(event))) == (
        "the caller must be in the role totp-binding-test-support-us-east-1 of this account"
    )
    assert len(sts.asked) == 1


@pytest.mark.usefixtures("still_bound")
def test_credentials_that_sts_does_not_know_are_refused(staff: Staff, event: Event):
    stranger = replace(staff, credentials=Credentials("ASIASTRANGER", "guessed", "token"))
    assert refused(staff.send(stranger.sign(event))) == UNKNOWN


@pytest.mark.usefixtures("still_bound")
def test_another_secret_key_or_session_token_is_refused(staff: Staff, event: Event):
    known = staff.credentials
    guess = replace(staff, credentials=Credentials(known.access_key, "guessed", known.token))
    assert refused(staff.send(guess.sign(event))) == WRONG_SIGNATURE
    for token in (None, "another"):
        ended = replace(staff, credentials=Credentials(known.access_key, known.secret_key, token))
        assert refused(staff.send(ended.sign(event))) == UNKNOWN


# Another request.


@pytest.mark.parametrize(
    "change",
    [
        {"account": "88000009"},
        {"operator": "amy"},
        {"ticket": "T-2"},
        {"reason": "other"},
        {"more": 1},
        {"more": None},
    ],
)
@pytest.mark.usefixtures("still_bound")
def test_a_proof_holds_for_no_other_event(staff: Staff, event: Event, change: Event):
    signed = staff.sign(event)
    assert refused(staff.send(signed | change)) == WRONG_SIGNATURE


@pytest.mark.parametrize(
    "other",
    [
        UNBIND.replace("unbind", "lookup"),
        UNBIND.replace("-test-", "-prod-"),
        UNBIND.replace("123456789012", "999999999999"),
        UNBIND.replace("arn:aws:", "arn:aws-us-gov:"),
    ],
)
@pytest.mark.usefixtures("still_bound")
def test_a_proof_holds_for_no_other_function(staff: Staff, event: Event, other: str):
    assert refused(staff.send(staff.sign(event, other))) == WRONG_SIGNATURE


@pytest.mark.usefixtures("still_bound")
def test_a_proof_holds_in_no_other_region(staff: Staff, event: Event, sts: Sts):
    elsewhere = UNBIND.replace("us-east-1", "ap-east-1")
    assert refused(staff.send(staff.sign(event, elsewhere))) == WRONG_SIGNATURE
    assert sts.asked[-1].headers["Host"] == "sts.us-east-1.amazonaws.com"


def signed_by_hand(
    staff: Staff,
    event: Event,
    *,
    url: str = f"https://sts.{REGION}.amazonaws.com/",
    method: str = "POST",
    body: bytes = BODY,
    region: str = REGION,
    service: str = "sts",
    **headers: str | None,
) -> Event:
    """An event whose proof signs another request than ours; a header of None is left out."""
    usual: dict[str, str | None] = {
        "Content-Type": CONTENT_TYPE,
        REQUEST_HEADER: request_hash(UNBIND, event),
    }
    sent = {name: value for name, value in (usual | headers).items() if value is not None}
    request = AWSRequest(method, url, headers=sent, data=body)
    SigV4Auth(staff.credentials, service, region).add_auth(request)
    parts = {
        "access_key_id": staff.credentials.access_key,
        "date": request.headers["X-Amz-Date"],
        "session_token": staff.credentials.token,
        "signature": request.headers["Authorization"].rpartition("=")[2],
    }
    return {**event, "proof": parts}


def test_the_request_that_is_signed_by_hand_is_ours(staff: Staff, event: Event):
    assert staff.send(signed_by_hand(staff, event))["outcome"] == "unbound"


@pytest.mark.parametrize(
    "how",
    [
        {"url": "https://sts.amazonaws.com/"},
        {"url": "https://sts.ap-east-1.amazonaws.com/"},
        {"url": "https://sts.us-east-1.amazonaws.com.evil.example/"},
        {"url": "https://sts.us-east-1.amazonaws.com/path"},
        {"url": "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity"},
        {"method": "GET"},
        {"body": b"Action=GetSessionToken&Version=2011-06-15"},
        {"body": b""},
        {"region": "ap-east-1"},
        {"service": "iam"},
        {REQUEST_HEADER: None},
        {REQUEST_HEADER: "0" * 64},
        {"Content-Type": "application/json"},
        {"X-More": "signed"},
    ],
    ids=str,
)
@pytest.mark.usefixtures("still_bound")
def test_a_signature_of_another_host_request_or_set_of_headers_is_refused(
    staff: Staff, event: Event, how: dict[str, Any]
):
    assert refused(staff.send(signed_by_hand(staff, event, **how))) == WRONG_SIGNATURE


@pytest.mark.usefixtures("still_bound")
def test_sts_itself_refuses_our_header_if_it_came_unsigned(staff: Staff, event: Event, sts: Sts):
    """The stand-in judges as STS does: a header of ours that is not signed says nothing."""
    proof = signed_by_hand(staff, event, **{REQUEST_HEADER: None})["proof"]
    headers = aws_sts._headers(aws_sts.host("aws", REGION), REGION, Signature(**proof), "0" * 64)
    headers["authorization"] = headers["authorization"].replace(f";{REQUEST_HEADER}", "")
    answer = urllib3.request("POST", sts.server.url, headers=headers, body=BODY)
    assert answer.status == 200, "STS accepts what is signed without our header"
    assert refused(staff.send({**event, "proof": proof})) == WRONG_SIGNATURE


# Tampering.


@pytest.mark.usefixtures("still_bound")
def test_a_signature_with_one_other_digit_is_refused(staff: Staff, event: Event):
    signed = staff.sign(event)
    right = signed["proof"]["signature"]
    for place in (0, 31, 63):
        digit = "0" if right[place] != "0" else "1"
        wrong = right[:place] + digit + right[place + 1 :]
        assert refused(staff.send({**event, "proof": signed["proof"] | {"signature": wrong}})) == (
            WRONG_SIGNATURE
        )


@pytest.mark.usefixtures("still_bound")
def test_a_date_that_was_not_signed_is_refused(staff: Staff, event: Event, clock: Clock):
    stale = staff.sign(event)["proof"]
    clock.advance(301)
    fresh = staff.sign(event)["proof"]
    assert "date" in refused(staff.send({**event, "proof": stale}))
    assert refused(staff.send({**event, "proof": stale | {"date": fresh["date"]}})) == WRONG_SIGNATURE


@pytest.mark.parametrize("age", [-86_400, -31, 301, 86_400])
def test_a_stale_or_a_future_date_is_refused(
    staff: Staff, event: Event, clock: Clock, sts: Sts, age: int
):
    signed = staff.sign(event)
    clock.advance(age)
    assert refused(staff.send(signed)) == "date must be at most 300 s old and 30 s ahead"
    assert sts.asked == []


@pytest.mark.parametrize("age", [-30, 300])
def test_a_date_within_the_limits_is_taken(staff: Staff, event: Event, clock: Clock, age: int):
    signed = staff.sign(event)
    clock.advance(age)
    assert staff.send(signed)["outcome"] == "unbound"


@pytest.mark.parametrize("name", ["access_key_id", "date", "signature", "session_token"])
@pytest.mark.parametrize(
    "text", ["\r\nHost: sts.evil.example", "\nx-totp-binding-request: 0", "\r", "\0"]
)
@pytest.mark.usefixtures("still_bound")
def test_a_line_break_reaches_no_header(staff: Staff, event: Event, sts: Sts, name: str, text: str):
    proof = staff.sign(event)["proof"]
    assert refused(staff.send({**event, "proof": proof | {name: proof[name] + text}})) == (
        f"{name} is malformed"
    )
    assert sts.asked == []


# STS in trouble.


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Server]:
    """Another server. Each test sets the answers."""
    server = Server(0, lambda: HttpResponse(400))
    server.serve(lambda ask: HttpResponse(503))
    yield server
    server.stop()


def reply_of(arn: str) -> HttpResponse:
    name = "GetCallerIdentity"
    text = f"<{name}Response><{name}Result><Arn>{arn}</Arn></{name}Result></{name}Response>"
    return HttpResponse(200, {"Content-Type": "text/xml"}, text.encode())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.usefixtures("still_bound")
def test_a_redirect_is_not_followed(
    staff: Staff, event: Event, sts: Sts, elsewhere: Server, status: int
):
    seen = []
    elsewhere.respond = lambda ask: seen.append(ask) or reply_of(OPERATOR)
    answer = reply_of(OPERATOR)
    sts.instead = lambda ask: HttpResponse(status, {"Location": elsewhere.url}, answer.body)
    assert staff.send(staff.sign(event)) == {"outcome": "unavailable"}
    assert (seen, len(sts.asked)) == ([], 1)


def fault(status: int, code: str) -> HttpResponse:
    error = f"<Error><Code>{code}</Code><Message>secret words</Message></Error>"
    return HttpResponse(status, {}, f"<ErrorResponse>{error}</ErrorResponse>".encode())


ENTITY = b'<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "reply",
    [
        HttpResponse(200, {}, b""),
        HttpResponse(204),
        HttpResponse(200, {}, b"garbage"),
        HttpResponse(200, {}, b'{"Arn": "' + OPERATOR.encode() + b'"}'),
        HttpResponse(200, {}, b"<a>" * 3000),
        HttpResponse(200, {}, b"<GetCallerIdentityResponse/>"),
        HttpResponse(200, {}, f"<Arn>{OPERATOR}</Arn>".encode()),
        HttpResponse(200, {}, ENTITY + reply_of(OPERATOR).body),
        HttpResponse(200, {}, reply_of(OPERATOR).body + b" " * 16 * 1024),
        HttpResponse(200, {}, b"\xff\xfe" + reply_of(OPERATOR).body.decode().encode("utf-16-le")),
        HttpResponse(200, {}, b"\xff" + reply_of(OPERATOR).body),
        fault(200, "SignatureDoesNotMatch"),
        HttpResponse(201, {}, reply_of(OPERATOR).body),
        HttpResponse(403, {}, reply_of(OPERATOR).body),
        HttpResponse(403, {}, b"<html>a proxy</html>"),
        fault(403, "\n{injected}"),
        fault(400, "Throttling"),
        fault(403, "RequestLimitExceeded"),
        fault(404, "NotFound"),
        fault(429, "TooManyRequests"),
        fault(500, "InternalFailure"),
        HttpResponse(503, {}, reply_of(OPERATOR).body),
    ],
    ids=itertools.count(),
)
@pytest.mark.usefixtures("still_bound")
def test_an_answer_that_is_none_is_unavailable_and_not_asked_for_again(
    staff: Staff, event: Event, sts: Sts, reply: HttpResponse
):
    sts.instead = lambda ask: reply
    assert staff.send(staff.sign(event)) == {"outcome": "unavailable"}
    assert len(sts.asked) == 1


def test_the_answer_of_this_form_would_have_named_the_operator(staff: Staff, event: Event, sts: Sts):
    sts.instead = lambda ask: reply_of(OPERATOR)
    assert staff.send(staff.sign(event))["outcome"] == "unbound"


@pytest.mark.parametrize(
    "code", ["ExpiredToken", "IncompleteSignature", "RequestExpired", "AccessDenied"]
)
@pytest.mark.usefixtures("still_bound")
def test_the_reason_of_sts_is_told_without_its_words(staff: Staff, event: Event, sts: Sts, code: str):
    sts.instead = lambda ask: fault(403 if code != "IncompleteSignature" else 400, code)
    assert refused(staff.send(staff.sign(event))) == f"STS does not accept the signature: {code}"


@pytest.mark.usefixtures("still_bound")
def test_an_sts_that_hangs_is_given_up(
    staff: Staff, event: Event, sts: Sts, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("chalicelib.aws.single_request._TIMEOUT", urllib3.Timeout(connect=1, read=0.2))
    released = threading.Event()
    sts.instead = lambda ask: released.wait(20) and reply_of(OPERATOR)
    began = time.monotonic()
    assert staff.send(staff.sign(event)) == {"outcome": "unavailable"}
    assert time.monotonic() - began < 5
    released.set()
    assert len(sts.asked) == 1


@pytest.mark.usefixtures("still_bound")
def test_an_sts_that_drips_is_given_up(
    staff: Staff, event: Event, monkeypatch: pytest.MonkeyPatch, service: Any
):
    monkeypatch.setattr("chalicelib.aws.single_request.SECONDS", 0.3)
    body = reply_of(OPERATOR).body
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    began = time.monotonic()
    with raw_server(head + body[:-40], body[-40:]) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
        wiring.reset()
        assert staff.send(staff.sign(event)) == {"outcome": "unavailable"}
    assert time.monotonic() - began < 3


@pytest.mark.usefixtures("still_bound")
def test_an_sts_that_is_not_there_is_tried_once(
    staff: Staff, event: Event, monkeypatch: pytest.MonkeyPatch
):
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{port}")
    wiring.reset()
    tried = []
    connect = urllib3.util.connection.create_connection
    monkeypatch.setattr(
        urllib3.util.connection,
        "create_connection",
        lambda *how, **more: tried.append(how) or connect(*how, **more),
    )
    assert staff.send(staff.sign(event)) == {"outcome": "unavailable"}
    assert len(tried) == 1


@pytest.mark.usefixtures("still_bound")
def test_no_proxy_of_the_environment_sees_a_proof(
    staff: Staff, event: Event, elsewhere: Server, monkeypatch: pytest.MonkeyPatch, sts: Sts
):
    seen = []
    elsewhere.respond = lambda ask: seen.append(ask) or reply_of(OPERATOR)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, elsewhere.url)
    wrong = staff.sign(event)
    wrong["proof"]["signature"] = "0" * 64
    assert refused(staff.send(wrong)) == WRONG_SIGNATURE
    assert (seen, len(sts.asked)) == ([], 1)


# The request on the wire, and the log.


def test_our_request_is_the_one_that_botocores_client_signs(sts: Sts):
    """The SDK's own client makes the request, with our header added, and ours agrees to the byte."""
    credentials = sts.knows(OPERATOR)
    theirs: list[Any] = []
    client = boto3.session.Session().client(
        "sts",
        region_name=REGION,
        endpoint_url=f"https://{aws_sts.host('aws', REGION)}",
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.token,
    )

    def add_our_header(request: AWSRequest, **_: Any) -> None:
        request.headers[REQUEST_HEADER] = "ab" * 32

    def capture(request: Any, **_: Any) -> Any:
        theirs.append(request)
        raise InterruptedError

    client.meta.events.register("before-sign.sts.GetCallerIdentity", add_our_header)
    client.meta.events.register_first("before-send.sts.GetCallerIdentity", capture)
    with pytest.raises(InterruptedError):
        client.get_caller_identity()
    (signed,) = theirs
    sent = {name.lower(): text(value) for name, value in signed.headers.items()}
    proof = Signature(
        access_key_id=credentials.access_key,
        date=sent["x-amz-date"],
        signature=sent["authorization"].rpartition("=")[2],
        session_token=sent["x-amz-security-token"],
    )
    assert SecurityTokenService(sts.server.url).caller("aws", REGION, proof, "ab" * 32) == OPERATOR
    (ours,) = sts.asked
    assert f"https://{ours.headers['Host']}{ours.target}" == signed.url
    assert (ours.method, ours.body) == (signed.method, signed.body.encode())
    names = sent["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert names == [
        "content-type",
        "host",
        "x-amz-date",
        "x-amz-security-token",
        "x-totp-binding-request",
    ]
    for name in ("authorization", *(name for name in names if name != "host")):
        assert ours.headers.get_all(name) == [sent[name]]


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def test_our_signer_makes_the_same_signature(sts: Sts, staff: Staff, event: Event):
    assert staff.sign(event)["proof"] == signed_by_hand(staff, event)["proof"]


def test_a_caller_without_a_session_token_is_signed_without_one(service: Any, sts: Sts, event: Event):
    staff = Staff(service, sts.knows(OPERATOR, token=None))
    signed = staff.sign(event)
    assert set(signed["proof"]) == {"access_key_id", "date", "signature"}
    assert staff.send(signed)["outcome"] == "unbound"
    assert "x-amz-security-token" not in sts.asked[0].headers


def test_no_part_of_a_proof_is_in_log_row_or_notification(
    staff: Staff,
    event: Event,
    sts: Sts,
    log_lines: LogLines,
    delivery: Delivery,
    desk: Any,
    subscriber: Any,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level("DEBUG", logger="chalicelib")
    held = staff.sign(event)
    wrong = {**event, "proof": held["proof"] | {"signature": "1" * 64}}
    malformed = {**event, "proof": held["proof"] | {"date": "soon"}}
    refused(staff.send(wrong))
    refused(staff.send(malformed))
    sts.instead = lambda ask: HttpResponse(500, {}, str(ask.headers).encode())
    assert staff.send(held) == {"outcome": "unavailable"}
    sts.instead = None
    assert staff.send(held)["outcome"] == "unbound"
    delivery.deliver()
    written = "\n".join(
        [*log_lines.text, caplog.text, str(desk.history(event["account"])), str(subscriber.received())]
    )
    assert OPERATOR in written
    for part in ("access_key_id", "signature", "session_token"):
        assert held["proof"][part] not in written
    assert "1" * 64 not in written
    (answered,) = (line for line in log_lines.json if line.get("outcome") == "unbound")
    assert (answered["operator"], answered["operator_proved"]) == (OPERATOR, True)


# The page for those who sign by themselves.

PAGE = (ROOT / "docs" / "proof.md").read_text("utf-8")


def shown(language: str) -> list[str]:
    """The page's blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)\n```", PAGE, re.DOTALL)


def test_the_code_of_the_page_makes_a_proof_that_holds(staff: Staff, event: Event):
    (code,) = shown("python")
    names: dict[str, Any] = {}
    exec(code, names)
    made = names["prove"](staff.credentials.get_frozen_credentials(), UNBIND, event)
    assert made == staff.sign(event)["proof"]
    assert staff.send({**event, "proof": made})["outcome"] == "unbound"


def test_the_example_of_the_page_is_right(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    canonical, proof = shown("json")
    (request,) = shown("text")
    signed = json.loads(canonical)
    hashed = request_hash(signed["function"], signed["event"])
    assert hashed == sha256(canonical.encode()).hexdigest()
    made = json.loads(proof)
    secret = re.search(r"secret key `(\S+)`", PAGE)
    assert secret is not None
    credentials = Credentials(made["access_key_id"], secret[1], made["session_token"])
    clock.time = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()
    sign_by(clock, monkeypatch)
    assert prove(credentials, signed["function"], signed["event"]) == made
    endpoint = aws_sts.host("aws", "ap-east-1")
    headers = aws_sts._headers(endpoint, "ap-east-1", Signature(**made), hashed)
    del headers["authorization"]
    ours = AWSRequest("POST", f"https://{endpoint}/", headers=headers, data=BODY)
    assert SigV4Auth(credentials, "sts", "ap-east-1").canonical_request(ours) == request


# Servers that are no STS.


class raw_server:  # noqa: N801 - a context manager
    """Sends bytes one by one, a tenth of a second apart, to whoever connects."""

    def __init__(self, at_once: bytes, slowly: bytes) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._at_once, self._slowly = at_once, slowly
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.sendall(self._at_once)
            for byte in self._slowly:
                if self._stopped.wait(0.1):
                    return
                try:
                    connection.sendall(bytes([byte]))
                except OSError:
                    return

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._socket.close()
