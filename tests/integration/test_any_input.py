"""Anything at all into every parser: no exception comes out, and no answer beside the contract."""

import json
import string
from types import SimpleNamespace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from chalicelib.core.errors import ErrorCode
from tests.kit.figures import SOAK, record
from tests.kit.log_lines import LogLines
from tests.kit.user import Answer, User
from tests.unit.logins import RS256, crafted, segment, usual_claims

CASES = 3_000 if SOAK else 100
CODES = {code.value for code in ErrorCode} - {"unavailable"}
OUTCOMES = {
    "unbound",
    "not_bound",
    "waiting",
    "invited",
    "already_bound",
    "nothing_to_approve",
    "unlocked",
    "not_locked",
    "found",
    "invalid",
}
many = settings(
    max_examples=CASES,
    deadline=None,
    database=None,
    derandomize=not SOAK,
    suppress_health_check=list(HealthCheck),
)

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=80)
    | st.text(alphabet="0123456789 -０１９١①\u3000", max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
visible = st.text(alphabet=[chr(number) for number in range(0x20, 0x7F)], max_size=120)
url_safe = st.text(alphabet=string.ascii_letters + string.digits + "-_.", max_size=200)
header_names = st.sampled_from(["alg", "kid", "typ", "crit", "jku", "x5u", "jwk", "b64", "cty", "zip"])
claim_names = st.sampled_from(
    ["iss", "aud", "exp", "iat", "nbf", "auth_time", "username", "client_id", "token_use"]
)


@pytest.fixture
def checked(user: User, log_lines: LogLines) -> Any:
    """Hold an answer of the API to the contract."""

    def check(answer: Answer) -> None:
        got = answer.json
        assert answer.status < 500, got
        assert got.get("code", "wrong_code") in CODES
        assert answer.headers["x-request-id"]
        assert not [line for line in log_lines.json if line["message"] == "unexpected failure"]
        log_lines.text.clear()

    yield check
    record("any input", cases_each=CASES, parsers=9, exceptions=0)


@many
@given(token=url_safe | visible)
def test_any_text_for_a_login_token(user: User, checked: Any, token: str):
    checked(user.look(token=token))


@many
@given(
    header=st.dictionaries(header_names | st.text(max_size=8), anything, max_size=3),
    claims=st.dictionaries(claim_names | st.text(max_size=8), anything, max_size=4),
    payload=st.none() | st.binary(max_size=60),
)
def test_any_header_and_claims_under_the_login_servers_key(
    user: User, checked: Any, header: Any, claims: Any, payload: bytes | None
):
    claimed = usual_claims(user.clock) | claims if payload is None else payload
    checked(user.look(token=crafted(RS256 | header, claimed)))
    checked(user.look(token=crafted(RS256, claimed)))
    checked(user.look(token=f"{segment(header).decode()}.{segment(claims).decode()}."))


@many
@given(
    body=st.binary(max_size=200)
    | anything.map(lambda value: json.dumps(value).encode())
    | st.text(max_size=60).map(lambda text: text.encode("utf-16")),
    path=st.sampled_from(["/bind", "/bind/confirm", "/verify"]),
)
def test_any_body(user: User, checked: Any, body: bytes, path: str):
    checked(user.call("POST", path, body))


@many
@given(code=anything, path=st.sampled_from(["/bind/confirm", "/verify"]))
def test_any_code(user: User, checked: Any, code: Any, path: str):
    checked(user.call("POST", path, {"code": code}))


@many
@given(key=visible | st.text(alphabet=[chr(number) for number in range(0x21, 0x100)], max_size=80))
def test_any_idempotency_key(user: User, checked: Any, key: str):
    checked(user.verify("123456", headers={"Idempotency-Key": key}))


@many
@given(
    wanted=visible
    | st.lists(
        st.tuples(
            st.sampled_from(["zh", "zh-HK", "en", "*", "zh-Hant", "x", ""]),
            st.text("0123456789.;=q-", max_size=8),
        ),
        max_size=5,
    ).map(lambda parts: ",".join(f"{tag};q={quality}" for tag, quality in parts))
)
def test_any_accept_language(user: User, checked: Any, wanted: str):
    answer = user.verify("x", headers={"Accept-Language": wanted})
    checked(answer)
    assert answer.headers["Content-Language"] in ("en", "zh-CN", "zh-HK")


@many
@given(code=anything)
def test_any_bind_code(user: User, service: Any, checked: Any, code: Any):
    context = SimpleNamespace(aws_request_id="r")
    service.invite({"account": user.account, "operator": "amy", "ticket": "T"}, context)
    checked(user.call("POST", "/bind", {"bind_code": code}))


fields = st.sampled_from(["account", "operator", "ticket", "reason", "before", "limit"])
events = anything | st.dictionaries(fields | st.text(max_size=8), anything, max_size=6)


@many
@given(event=events, function=st.sampled_from(["unbind", "invite", "approve", "unlock", "lookup"]))
def test_any_support_event(service: Any, event: Any, function: str):
    got = getattr(service, function)(event, SimpleNamespace(aws_request_id="r"))
    assert got["outcome"] in OUTCOMES
    json.dumps(got)


proofs = anything | st.dictionaries(
    st.sampled_from(["access_key_id", "date", "session_token", "signature"]), anything, max_size=4
)


@many
@given(proof=proofs)
def test_any_proof(service: Any, user: User, proof: Any, monkeypatch: pytest.MonkeyPatch):
    # Nobody listens there: a proof that looks right ends in `unavailable`.
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    event = {"account": user.account, "operator": "amy", "ticket": "T", "proof": proof}
    got = service.unlock(event, SimpleNamespace(aws_request_id="r", invoked_function_arn="x"))
    assert got["outcome"] in {*OUTCOMES, "unavailable"}


names = st.sampled_from(
    ["eventID", "eventName", "eventSource", "dynamodb", "userIdentity", "NewImage", "OldImage", "Keys"]
)


@many
@given(records=st.lists(st.dictionaries(names | st.text(max_size=8), anything, max_size=6), max_size=3))
def test_any_stream_record(service: Any, records: Any):
    service.record_events({"Records": records}, SimpleNamespace(aws_request_id="r"))
