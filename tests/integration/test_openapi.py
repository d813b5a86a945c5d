"""docs/openapi.yaml describes all that the handlers do, and nothing else."""

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import boto3
import jwt
import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from openapi_spec_validator import validate

import app
from chalicelib import wiring
from chalicelib.aws.bindings import MOST_WRITES
from chalicelib.core.errors import ErrorCode
from infra.gateway_answers import both_languages
from tests.kit.desk import Desk
from tests.kit.login import DESKTOP, MOBILE
from tests.kit.openapi import (
    DOCUMENT,
    PATH,
    documented_codes,
    documented_refusals,
    operations,
    problem_code,
    resolved,
)
from tests.kit.user import Answer, User
from tests.kit.wire import Wire

SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
BIND, CONFIRM, VERIFY, LOOK = "/bind", "/bind/confirm", "/verify", "/binding"
KEY_SET = "/.well-known/jwks.json"
TAKES_CODE = (CONFIRM, VERIFY)


def closed(schema: Any) -> Any:
    """A schema that allows only the fields that it names, unless it says otherwise.

    Clients must accept new fields, so the document leaves objects open. This test must not:
    an undescribed field would pass unseen.
    """
    schema = dict(schema)
    if "oneOf" in schema:
        schema["oneOf"] = [closed(part) for part in schema["oneOf"]]
    if "allOf" in schema:
        schema["unevaluatedProperties"] = False
    if "items" in schema:
        schema["items"] = closed(schema["items"])
    if "pattern" in schema:
        # The patterns are ECMAScript's. There a final $ does not match before a line's end.
        schema["pattern"] = re.sub(r"\$$", r"\\Z", schema["pattern"])
    if "properties" in schema:
        schema["properties"] = {name: closed(part) for name, part in schema["properties"].items()}
        if "additionalProperties" not in schema:
            schema["unevaluatedProperties"] = False
    return schema


def check(schema: Any, value: Any) -> None:
    """Raise ValidationError if a value or one of its fields is not as the schema describes."""
    Draft202012Validator(closed(resolved(schema)), format_checker=FormatChecker()).validate(value)


def check_against(described: Any, status: int, headers: dict[str, str], body: Any) -> None:
    """Check that the document describes an answer: its status, headers and body."""
    response = resolved(described[str(status)])
    sent = {name.lower(): value for name, value in headers.items()}
    kind = sent.pop("content-type")
    [(documented_kind, content)] = response["content"].items()
    assert kind == documented_kind
    check(content["schema"], body)
    documented = {name.lower(): header for name, header in response["headers"].items()}
    assert set(sent) <= set(documented)
    for name, header in documented.items():
        assert name in sent or not header.get("required"), name
        if name in sent:
            check(header["schema"], sent[name])


def check_answer(method: str, path: str, answer: Answer) -> None:
    [described] = [found["responses"] for m, p, found in operations() if (m, p) == (method, path)]
    check_against(described, answer.status, answer.headers, answer.json)


# The calls that lead to each error code.


def body_for(path: str) -> Any:
    return {"code": "000000"} if path in TAKES_CODE else b""


def without_token(user: User, method: str, path: str) -> Answer:
    return user.call(method, path, token="")


def with_nonsense_for_a_token(user: User, method: str, path: str) -> Answer:
    return user.call(method, path, token="a.b.c")


def long_after_the_password(user: User, method: str, path: str) -> Answer:
    return user.call(method, path, token=user.token(auth_time=int(user.clock()) - 901))


def from_the_phone(user: User, method: str, path: str) -> Answer:
    return user.call(method, path, body_for(path), client=MOBILE)


def without_a_code(user: User, method: str, path: str) -> Answer:
    return user.call(method, path, {"pin": "123456"})


def with_five_digits(user: User, method: str, path: str) -> Answer:
    return user.call(method, path, {"code": "12345"})


def on_a_bound_account(user: User, method: str, path: str) -> Answer:
    user.bound_phone()
    return user.call(method, path, body_for(path))


def wanting_a_bind_code(user: User) -> str:
    """Unbind for a suspected compromise. Returns the bind code."""
    code: str = Desk(app).unbind(user.account, reason="suspected_compromise")["bind_code"]
    user.clock.advance(1)
    return code


def without_the_bind_code(user: User, method: str, path: str) -> Answer:
    wanting_a_bind_code(user)
    return user.call(method, path)


def a_day_after_the_bind_code(user: User, method: str, path: str) -> Answer:
    code = wanting_a_bind_code(user)
    user.clock.advance(86_400)
    return user.call(method, path, {"bind_code": code})


def on_an_untouched_account(user: User, method: str, path: str) -> Answer:
    return user.call(method, path, body_for(path))


def after_the_term(user: User, method: str, path: str) -> Answer:
    phone = user.phone()
    user.clock.advance(601)
    return user.call(method, path, {"code": phone.code()})


def phone_for(user: User, path: str) -> Any:
    """A phone with codes for the call: of a pending binding, or of a bound one."""
    return user.phone() if path == CONFIRM else user.bound_phone()


def with_a_wrong_code(user: User, method: str, path: str) -> Answer:
    return user.call(method, path, {"code": phone_for(user, path).wrong()})


def with_a_late_code(user: User, method: str, path: str) -> Answer:
    return user.call(method, path, {"code": phone_for(user, path).code(-2)})


def with_a_spent_code(user: User, method: str, path: str) -> Answer:
    code = user.bound_phone().code()
    assert user.verify(code).status == 200
    return user.call(method, path, {"code": code})


def after_five_wrong_codes(user: User, method: str, path: str) -> Answer:
    phone = user.bound_phone()
    for _ in range(5):
        user.verify(phone.wrong())
    return user.call(method, path, {"code": phone.code()})


def after_a_hundred_wrong_codes(user: User, method: str, path: str) -> Answer:
    phone = user.bound_phone()
    for _ in range(100):
        user.verify(phone.wrong())
        user.clock.advance(240 * 60)
    return user.call(method, path, {"code": phone.code()})


def while_others_write(user: User, wire: Wire, method: str, path: str) -> Answer:
    if path in TAKES_CODE:
        phone_for(user, path)
    table, key = wiring.components().settings.bindings_table, {"account": {"S": user.account}}
    item = boto3.client("dynamodb").get_item(TableName=table, Key=key).get("Item")
    wire.refuse("UpdateItem", "ConditionalCheckFailedException", times=MOST_WRITES, Item=item)
    return user.call(method, path, body_for(path))


PROVOKE: dict[str, Callable[[User, str, str], Answer]] = {
    "login_required": without_token,
    "login_invalid": with_nonsense_for_a_token,
    "login_expired": long_after_the_password,
    "desktop_only": from_the_phone,
    "malformed_request": without_a_code,
    "malformed_code": with_five_digits,
    "already_bound": on_a_bound_account,
    "bind_code_required": without_the_bind_code,
    "bind_code_expired": a_day_after_the_bind_code,
    "bind_not_started": on_an_untouched_account,
    "bind_expired": after_the_term,
    "not_bound": on_an_untouched_account,
    "wrong_code": with_a_wrong_code,
    "code_expired": with_a_late_code,
    "code_used": with_a_spent_code,
    "locked": after_five_wrong_codes,
    "suspended": after_a_hundred_wrong_codes,
}


def by_the_gateway(path: str, code: str) -> bool:
    """Return true if API Gateway answers so by itself, and our handler never does."""
    return code == "too_many_requests" or (code == "malformed_request" and path not in TAKES_CODE)


def test_the_document_is_openapi_3_1():
    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_paths_and_methods_are_those_of_the_app(service: Any):
    routes = {(method, path) for path, methods in service.app.routes.items() for method in methods}
    assert routes == {(method, path) for method, path, _ in operations()}


def test_only_the_key_set_needs_no_login_token():
    assert DOCUMENT["security"] == [{"loginToken": []}]
    assert [path for _, path, operation in operations() if operation.get("security") == []] == [KEY_SET]


def test_the_documented_codes_are_the_error_codes():
    codes = {problem_code(schema): name for name, schema in SCHEMAS.items() if "allOf" in schema}
    assert set(codes) == set(ErrorCode)
    assert all(code == name for code, name in codes.items()), "a discriminator goes by these names"
    everywhere = {code for *_, code in documented_refusals()}
    everywhere |= documented_codes(DOCUMENT["components"]["responses"]["NotFound"])
    assert everywhere == set(ErrorCode)


def test_the_whole_story_is_as_described(user: User):
    check_answer("GET", LOOK, user.look())
    begun = user.bind()
    assert begun.status == 201
    check_answer("POST", BIND, begun)
    again = user.bind()
    assert again.json["superseded"] is True
    check_answer("POST", BIND, again)
    check_answer("GET", LOOK, user.look())
    phone = user.phone()
    confirmed = user.confirm(phone.code())
    assert (confirmed.status, confirmed.json["channel_first_use"]) == (200, True)
    check_answer("POST", CONFIRM, confirmed)
    user.clock.advance(30)
    for client in (MOBILE, DESKTOP):
        verified = user.verify(phone.code(), client=client)
        assert verified.status == 200
        check_answer("POST", VERIFY, verified)
        user.clock.advance(30)
    for _ in range(5):
        user.verify(phone.wrong())
    look = user.look()
    assert look.json["locked_until"] is not None
    check_answer("GET", LOOK, look)


def test_the_key_set_is_as_described_and_needs_no_login(user: User):
    answer = user.call("GET", KEY_SET, token="")
    assert answer.status == 200
    check_answer("GET", KEY_SET, answer)


def test_a_pass_is_as_described(user: User):
    phone = user.phone()
    issued = user.confirm(phone.code()).json["pass"]
    check({"$ref": "#/components/schemas/PassHeader"}, jwt.get_unverified_header(issued))
    claims = jwt.decode(issued, options={"verify_signature": False})
    check({"$ref": "#/components/schemas/PassClaims"}, claims)
    assert claims["exp"] - claims["iat"] == 60


@pytest.mark.parametrize(("method", "path", "code"), documented_refusals())
def test_every_documented_error_happens_as_described(
    user: User, wire: Wire, method: str, path: str, code: str
):
    if by_the_gateway(path, code):
        status, headers, document = both_languages(ErrorCode(code), str(uuid4()))
        headers |= {"Content-Type": "application/problem+json"}
        answer = Answer(status, headers, json.dumps(document).encode())
    elif code == "busy":
        answer = while_others_write(user, wire, method, path)
    elif code == "unavailable":
        wiring.reset()
        wire.refuse("*", "ThrottlingException")
        answer = user.call(method, path, body_for(path))
    else:
        answer = PROVOKE[code](user, method, path)
    assert answer.code == code
    check_answer(method, path, answer)
    assert answer.json["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("language", ["zh-CN", "zh-HK", "en"])
def test_the_languages_are_those_described(user: User, language: str):
    answer = user.verify("000000", headers={"Accept-Language": language})
    assert answer.headers["Content-Language"] == language
    check_answer("POST", VERIFY, answer)


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", LOOK), ("GET", VERIFY), ("PATCH", BIND), ("POST", KEY_SET)]
)
def test_a_method_that_is_not_described_is_not_found(user: User, method: str, path: str):
    answer = user.call(method, path)
    assert answer.code == "not_found"
    described = {"404": DOCUMENT["components"]["responses"]["NotFound"]}
    check_against(described, answer.status, answer.headers, answer.json)


def test_the_service_accepts_the_codes_that_the_schema_accepts(user: User):
    right = ["123456", "１２３ ４５６", "123-456", " 1 2 3 4 5 6 ", "123\u3000456", "１２３－４５６"]
    wrong = ["12345", "1234567", "12345a", "١٢٣٤٥٦", "123456\n", "①23456", "", "123\u00a0456", "123.456"]
    for code in right:
        check({"$ref": "#/components/schemas/Code"}, {"code": code, "remark": "others may be there"})
        assert user.verify(code).code == "not_bound"
    for code in wrong:
        with pytest.raises(ValidationError):
            check({"$ref": "#/components/schemas/Code"}, {"code": code})
        assert user.verify(code).code == "malformed_code"


@pytest.mark.parametrize("sent", [1, "12 34-56\uff17\uff18"])
def test_a_refusal_with_a_bind_code_that_is_live_is_as_described(user: User, sent: Any):
    wanting_a_bind_code(user)
    answer = user.call("POST", BIND, {"bind_code": sent})
    assert answer.json["attempts_left"] == (5 if sent == 1 else 4)
    check_answer("POST", BIND, answer)


def test_a_refusal_before_any_bind_code_was_issued_is_as_described(
    user: User, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BIND_CODE", "always")
    wiring.reset()
    answer = user.bind()
    assert answer.json["attempts_left"] is None
    check_answer("POST", BIND, answer)


def test_an_idempotency_key_is_described_as_what_is_accepted(user: User):
    schema = DOCUMENT["components"]["parameters"]["IdempotencyKey"]["schema"]
    for key in ("x" * 16, "!~" * 32, str(uuid4())):
        check(schema, key)
        assert user.verify("000000", headers={"Idempotency-Key": key}).code == "not_bound"
    for key in ("x" * 15, "x" * 65, "with a blank in it"):
        with pytest.raises(ValidationError):
            check(schema, key)
        refused = user.verify("000000", headers={"Idempotency-Key": key})
        assert refused.json["field"] == "Idempotency-Key"
        check_answer("POST", VERIFY, refused)


def test_the_document_is_yaml_1_2_and_kind_to_generators():
    """YAML 1.2 has no merge keys, and generators stumble over ``const``."""
    keys = set()

    def walk(node: Any) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                keys.add(key.value)
                walk(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                walk(value)

    walk(yaml.compose(PATH.read_text("utf-8")))
    assert not keys & {"<<", "const"}


def examples() -> list[tuple[str, Any, Any]]:
    """Every example of a body: its path, its schema and itself."""
    return [
        (path, content["schema"], content["example"])
        for _, path, operation in operations()
        for part in [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in resolved(part).get("content", {}).values()
        if "example" in content
    ]


@pytest.mark.parametrize(("path", "schema", "example"), examples())
def test_every_example_is_as_described(path: str, schema: Any, example: Any):
    check(schema, example)


def test_an_undescribed_field_fails_the_check(user: User):
    look = user.look()
    with pytest.raises(ValidationError, match="Unevaluated properties"):
        check({"$ref": "#/components/schemas/Binding"}, look.json | {"extra": 1})
    channels = look.json | {"channels": look.json["channels"] | {"fax": None}}
    with pytest.raises(ValidationError, match="Unevaluated properties"):
        check({"$ref": "#/components/schemas/Binding"}, channels)
    problem = user.verify("000000").json
    with pytest.raises(ValidationError, match="Unevaluated properties"):
        check({"$ref": "#/components/schemas/not_bound"}, problem | {"extra": 1})
