"""Settings in the environment: required ones, optional ones, and errors that name them."""

import json
import traceback
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from chalicelib.core.account import AccountCase
from chalicelib.core.bind_code import Policy
from chalicelib.core.channel import Channel
from chalicelib.core.errors import ErrorCode
from chalicelib.core.login_rules import Client, LoginRules, PasswordTime
from chalicelib.settings import InvalidSetting, Settings, read_settings
from chalicelib.tokens.login_keys import login_keys
from tests.kit.login import (
    CLIENTS,
    DESKTOP,
    KEY_SET,
    LOGIN_ISSUER,
    LOGIN_KEY,
    MOBILE,
    OLD_DESKTOP,
    SETTINGS,
)

URL = "https://login.broker.example/keys"

GIVEN = SETTINGS | {
    "BINDINGS_TABLE": "bindings",
    "AUDIT_TABLE": "audit",
    "WITNESS_BUCKET": "witness",
    "KEYS_TABLE": "keys",
    "KMS_KEY": "alias/key",
    "EVENTS_TOPIC": "arn:aws:sns:us-east-1:123456789012:events",
}
"""An environment with the key set itself."""

FETCHED = {name: value for name, value in GIVEN.items() if name != "LOGIN_KEY_SET"} | {
    "LOGIN_KEY_SET_URL": URL
}
"""The same with the key set's address."""

REQUIRED = [
    "BINDINGS_TABLE",
    "AUDIT_TABLE",
    "WITNESS_BUCKET",
    "KEYS_TABLE",
    "KMS_KEY",
    "EVENTS_TOPIC",
    "OTP_ISSUER",
    "PASS_ISSUER",
    "PASS_AUDIENCE",
    "LOGIN_ISSUER",
    "LOGIN_CLIENTS",
]


def complaint(environment: dict[str, str]) -> str:
    """Return the error of an invalid environment, with the traceback that Python would print."""
    with pytest.raises(InvalidSetting) as caught:
        login_keys(read_settings(environment), lambda: 0)
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert caught.value.why == str(caught.value)
    return caught.value.why + "".join(traceback.format_exception(caught.value))


def test_a_complete_environment_is_read():
    assert read_settings(GIVEN) == Settings(
        bindings_table="bindings",
        audit_table="audit",
        witness_bucket="witness",
        keys_table="keys",
        events_topic="arn:aws:sns:us-east-1:123456789012:events",
        kms_key="alias/key",
        revoked_keys=frozenset(),
        otp_issuer="极星期货",
        pass_issuer="https://2fa.broker.example",
        pass_audience="trading-gateway",
        login=LoginRules(
            issuer=LOGIN_ISSUER,
            audiences=frozenset(),
            required_claims={},
            account_claim="username",
            account_case=AccountCase.EXACT,
            client_claim="client_id",
            clients={
                DESKTOP: Client(Channel.DESKTOP, may_bind=True),
                OLD_DESKTOP: Client(Channel.DESKTOP, may_bind=False),
                MOBILE: Client(Channel.MOBILE, may_bind=False),
            },
            password_time=PasswordTime.AUTH_TIME,
        ),
        login_key_set=json.dumps(KEY_SET).encode(),
        login_key_set_url=None,
        login_age=300,
        login_age_to_confirm=900,
        trail_kept_years=7,
        bind_code=Policy.COMPROMISE,
        two_operators=False,
        operator_proof_required=False,
        sts_stand_in=None,
    )


def test_optional_settings_are_read():
    settings = read_settings(
        FETCHED
        | {
            "LOGIN_AUDIENCE": "totp-binding",
            "LOGIN_REQUIRED_CLAIMS": '{"typ": "Bearer"}',
            "LOGIN_ACCOUNT_CLAIM": "sub",
            "LOGIN_ACCOUNT_CASE": "lower",
            "LOGIN_CLIENT_CLAIM": "azp",
            "LOGIN_PASSWORD_TIME": "iat",
            "LOGIN_AGE": "60",
            "LOGIN_AGE_TO_CONFIRM": "86400",
            "TRAIL_KEPT_YEARS": "10",
            "BIND_CODE": "after_unbind",
            "UNBIND_APPROVALS": "2",
            "REVOKED_KEYS": '["2026-11-22-0a1b2c3d", "other"]',
            "UNKNOWN": "ignored",
        }
    )
    assert settings.revoked_keys == {"2026-11-22-0a1b2c3d", "other"}
    assert settings.login.audiences == {"totp-binding"}
    assert settings.login.required_claims == {"typ": "Bearer"}
    assert settings.login.account_case is AccountCase.LOWER
    assert settings.login.password_time is PasswordTime.IAT
    assert (settings.login.account_claim, settings.login.client_claim) == ("sub", "azp")
    assert (settings.login_age, settings.login_age_to_confirm) == (60, 86_400)
    assert settings.trail_kept_years == 10
    assert (settings.bind_code, settings.two_operators) == (Policy.AFTER_UNBIND, True)
    assert (settings.login_key_set, settings.login_key_set_url) == (None, URL)


@pytest.mark.parametrize(("name", "value"), [("BIND_CODE", "mark"), ("UNBIND_APPROVALS", "3")])
def test_a_choice_that_is_not_offered_is_refused(name: str, value: str):
    said = complaint(GIVEN | {name: value})
    assert f"the setting {name} must be one of" in said
    assert "mark" not in said


def test_space_around_a_value_is_ignored():
    spaced = {name: f" {value}\n" for name, value in GIVEN.items()}
    assert read_settings(spaced) == read_settings(GIVEN)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_missing_or_empty_setting_is_named(name: str, value: str | None):
    environment = {key: kept for key, kept in GIVEN.items() if key != name}
    environment |= {} if value is None else {name: value}
    assert f"the setting {name} is missing" in complaint(environment)


@pytest.mark.parametrize(
    "name",
    ["REVOKED_KEYS", "LOGIN_AUDIENCE", "LOGIN_REQUIRED_CLAIMS", "LOGIN_ACCOUNT_CLAIM",
     "LOGIN_ACCOUNT_CASE", "LOGIN_CLIENT_CLAIM", "LOGIN_PASSWORD_TIME", "LOGIN_AGE"],
)  # fmt: skip
def test_an_empty_optional_setting_is_not_set(name: str):
    assert read_settings(GIVEN | {name: " "}) == read_settings(GIVEN)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTP_ISSUER", "mark:1"),
        ("OTP_ISSUER", "mark\x001"),
        ("OTP_ISSUER", "mark\n1"),
        ("OTP_ISSUER", "mark\ud8001"),
        ("LOGIN_AUDIENCE", "[mark"),
        ("LOGIN_AUDIENCE", "[]"),
        ("LOGIN_AUDIENCE", '["mark", ""]'),
        ("LOGIN_AUDIENCE", '["mark", 1]'),
        ("LOGIN_AUDIENCE", "[" * 100_000),
        ("LOGIN_REQUIRED_CLAIMS", "mark"),
        ("LOGIN_REQUIRED_CLAIMS", '["mark"]'),
        ("LOGIN_REQUIRED_CLAIMS", '{"mark":' * 100_000),
        ("LOGIN_ACCOUNT_CASE", "mark"),
        ("LOGIN_ACCOUNT_CASE", "Lower"),
        ("LOGIN_PASSWORD_TIME", "mark"),
        ("LOGIN_PASSWORD_TIME", "nbf"),
        ("REVOKED_KEYS", "mark"),
        ("REVOKED_KEYS", '"mark"'),
        ("REVOKED_KEYS", '["mark", 1]'),
        ("LOGIN_AGE", "mark"),
        ("LOGIN_AGE", "0"),
        ("LOGIN_AGE", "-300"),
        ("LOGIN_AGE", "300.5"),
        ("LOGIN_AGE", "３００"),
        ("LOGIN_AGE", "²"),
        ("LOGIN_AGE", "86401"),
        ("LOGIN_AGE", "9" * 5_000),
        ("LOGIN_AGE_TO_CONFIRM", "mark"),
        ("LOGIN_AGE_TO_CONFIRM", "86401"),
        ("TRAIL_KEPT_YEARS", "mark"),
        ("TRAIL_KEPT_YEARS", "0"),
        ("TRAIL_KEPT_YEARS", "101"),
        ("LOGIN_KEY_SET", "mark"),
        ("LOGIN_KEY_SET", "[]"),
        ("LOGIN_KEY_SET", '{"keys": []}'),
        ("LOGIN_KEY_SET", '{"keys": [{"kty": "oct", "k": "mark"}]}'),
        ("LOGIN_KEY_SET", "[" * 100_000),
    ],
)
def test_a_malformed_setting_is_named_and_its_value_is_not_quoted(name: str, value: str):
    said = complaint(GIVEN | {name: value})
    assert f"the setting {name} must" in said
    assert "mark" not in said


def test_a_private_key_is_no_key_set():
    private = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048), as_dict=True)
    said = complaint(GIVEN | {"LOGIN_KEY_SET": json.dumps({"keys": [private]})})
    assert "the setting LOGIN_KEY_SET must" in said
    assert private["d"] not in said


def test_one_usable_key_makes_a_key_set():
    public = RSAAlgorithm.to_jwk(LOGIN_KEY.public_key(), as_dict=True)
    document = json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0"}, public]})
    assert read_settings(GIVEN | {"LOGIN_KEY_SET": document}).login_key_set == document.encode()


@pytest.mark.parametrize(
    "environment", [GIVEN | {"LOGIN_KEY_SET_URL": URL}, FETCHED | {"LOGIN_KEY_SET_URL": ""}]
)
def test_exactly_one_of_the_key_set_and_its_address_is_given(environment: dict[str, str]):
    assert "LOGIN_KEY_SET_URL or LOGIN_KEY_SET must be set, and only one" in complaint(environment)


@pytest.mark.parametrize(
    "url",
    [
        "https://login.broker.example/.well-known/jwks.json",
        "HTTPS://login.broker.example:8443/keys?a=b",
        "http://127.0.0.1:5000/keys",
        "http://localhost/keys",
        "http://[::1]:5000/keys",
    ],
)
def test_a_key_set_is_fetched_over_https_or_from_this_machine(url: str):
    assert read_settings(FETCHED | {"LOGIN_KEY_SET_URL": url}).login_key_set_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://mark.example/keys",
        "http://127.0.0.1.mark.example/keys",
        "http://localhost@mark.example/keys",
        "http://mark.localhost/keys",
        "http://127.0.0.2/mark",
        "http://0.0.0.0/mark",
        "http://169.254.169.254/mark",
        "ftp://mark.example/keys",
        "file:///mark",
        "//mark.example/keys",
        "mark.example/keys",
        "https:///mark",
        "https://",
        "https://[mark/keys",
        "https://mark.example:port/keys",
        "https://mark.example:99999/keys",
        "https://mark example/keys",
        "mark",
    ],
)
def test_a_key_set_is_fetched_from_nowhere_else(url: str):
    said = complaint(FETCHED | {"LOGIN_KEY_SET_URL": url})
    assert "the setting LOGIN_KEY_SET_URL must be an https URL" in said
    assert "mark" not in said


@pytest.mark.parametrize(
    "clients",
    [
        "mark",
        "[]",
        "{}",
        "null",
        '"mark"',
        "[" * 100_000,
        {"mark": None},
        {"mark": "desktop"},
        {"mark": []},
        {"mark": {}},
        {"mark": {"channel": "desktop"}},
        {"mark": {"may_bind": True}},
        {"mark": {"channel": "mark", "may_bind": False}},
        {"mark": {"channel": "Desktop", "may_bind": False}},
        {"mark": {"channel": None, "may_bind": False}},
        {"mark": {"channel": ["desktop"], "may_bind": False}},
        {"mark": {"channel": "desktop", "may_bind": "true"}},
        {"mark": {"channel": "desktop", "may_bind": 1}},
        {"mark": {"channel": "desktop", "may_bind": None}},
        CLIENTS | {"mark": {"channel": "desktop"}},
    ],
)
def test_a_malformed_map_of_clients_is_refused(clients: Any):
    value = clients if isinstance(clients, str) else json.dumps(clients)
    said = complaint(GIVEN | {"LOGIN_CLIENTS": value})
    assert "the setting LOGIN_CLIENTS must map client ids" in said
    assert "mark" not in said


def test_a_phone_that_may_bind_is_refused():
    clients = CLIENTS | {"mark": {"channel": "mobile", "may_bind": True}}
    said = complaint(GIVEN | {"LOGIN_CLIENTS": json.dumps(clients)})
    assert "mobile ones never bind" in said
    assert "mark" not in said


@pytest.mark.parametrize("name", ["LOGIN_KEY_SET", "PASS_ISSUER", "BINDINGS_TABLE"])
def test_a_value_that_is_not_utf_8_is_refused(name: str):
    given = {key: value for key, value in GIVEN.items() if key != "LOGIN_KEY_SET_URL"}
    assert f"the setting {name} must be UTF-8" in complaint(given | {name: "mark\udcff"})


def test_a_proof_of_the_operator_is_optional_unless_required():
    for value in ("", "optional"):
        assert read_settings(GIVEN | {"OPERATOR_PROOF": value}).operator_proof_required is False
    assert read_settings(GIVEN | {"OPERATOR_PROOF": "required"}).operator_proof_required is True
    assert read_settings(GIVEN | {"UNBIND_APPROVALS": "2"}).operator_proof_required is True


@pytest.mark.parametrize("value", ["mark", "Required", "true", "1", "required mark"])
def test_another_word_for_the_proof_is_refused(value: str):
    said = complaint(GIVEN | {"OPERATOR_PROOF": value})
    assert "the setting OPERATOR_PROOF must be one of optional, required" in said
    assert "mark" not in said


@pytest.mark.parametrize(
    "url",
    [
        "https://mark.example",
        "http://mark.example",
        "https://sts.amazonaws.com",
        "https://127.0.0.1:8000",
        "http://127.0.0.1",
        "http://127.0.0.1:8000/mark",
        "http://127.0.0.1:8000@mark.example",
        "http://127.0.0.1.mark.example:80",
        "http://localhost:8000",
        "http://127.0.0.1:８０００",
        "mark",
    ],
)
def test_sts_is_asked_nowhere_but_at_home_or_on_this_machine(url: str):
    said = complaint(GIVEN | {"AWS_ENDPOINT_URL_STS": url})
    assert "the setting AWS_ENDPOINT_URL_STS must be http://127.0.0.1:<port>, or not be set" in said
    assert "mark" not in said


def test_no_other_endpoint_of_the_sdk_moves_sts():
    given = GIVEN | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://x"}
    assert read_settings(given).sts_stand_in is None
    given = GIVEN | {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"}
    assert read_settings(given).sts_stand_in == "http://127.0.0.1:1"
