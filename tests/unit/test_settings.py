"""The environment: what a deployment must say, and how it is told what is wrong."""

import json
import traceback
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from chalicelib.core.channel import Channel
from chalicelib.core.errors import ErrorCode
from chalicelib.settings import Client, InvalidSetting, LoginRules, Settings, read_settings
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
    """What is said of a wrong environment, and all that Python would print of it."""
    with pytest.raises(InvalidSetting) as caught:
        login_keys(read_settings(environment), lambda: 0)
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert caught.value.why == str(caught.value)
    return caught.value.why + "".join(traceback.format_exception(caught.value))


def test_a_whole_environment_is_read():
    assert read_settings(GIVEN) == Settings(
        bindings_table="bindings",
        audit_table="audit",
        witness_bucket="witness",
        keys_table="keys",
        events_topic="arn:aws:sns:us-east-1:123456789012:events",
        kms_key="alias/key",
        otp_issuer="极星期货",
        pass_issuer="https://2fa.broker.example",
        pass_audience="trading-gateway",
        login=LoginRules(
            issuer=LOGIN_ISSUER,
            audience=None,
            account_claim="username",
            client_claim="client_id",
            clients={
                DESKTOP: Client(Channel.DESKTOP, may_bind=True),
                OLD_DESKTOP: Client(Channel.DESKTOP, may_bind=False),
                MOBILE: Client(Channel.MOBILE, may_bind=False),
            },
        ),
        login_key_set=json.dumps(KEY_SET).encode(),
        login_key_set_url=None,
        login_age=300,
        login_age_to_confirm=900,
        trail_kept_years=7,
    )


def test_what_may_be_left_out_may_be_said():
    settings = read_settings(
        FETCHED
        | {
            "LOGIN_AUDIENCE": "totp-binding",
            "LOGIN_ACCOUNT_CLAIM": "sub",
            "LOGIN_CLIENT_CLAIM": "azp",
            "LOGIN_AGE": "60",
            "LOGIN_AGE_TO_CONFIRM": "86400",
            "TRAIL_KEPT_YEARS": "10",
            "UNKNOWN": "ignored",
        }
    )
    assert settings.login.audience == "totp-binding"
    assert (settings.login.account_claim, settings.login.client_claim) == ("sub", "azp")
    assert (settings.login_age, settings.login_age_to_confirm) == (60, 86_400)
    assert settings.trail_kept_years == 10
    assert (settings.login_key_set, settings.login_key_set_url) == (None, URL)


def test_space_around_a_value_does_not_count():
    spaced = {name: f" {value}\n" for name, value in GIVEN.items()}
    assert read_settings(spaced) == read_settings(GIVEN)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_setting_that_is_missing_or_empty_is_named(name: str, value: str | None):
    environment = {key: kept for key, kept in GIVEN.items() if key != name}
    environment |= {} if value is None else {name: value}
    assert f"the setting {name} is missing" in complaint(environment)


@pytest.mark.parametrize(
    "name", ["LOGIN_AUDIENCE", "LOGIN_ACCOUNT_CLAIM", "LOGIN_CLIENT_CLAIM", "LOGIN_AGE"]
)
def test_an_empty_value_is_the_same_as_none(name: str):
    assert read_settings(GIVEN | {name: " "}) == read_settings(GIVEN)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTP_ISSUER", "mark:1"),
        ("OTP_ISSUER", "mark\x001"),
        ("OTP_ISSUER", "mark\n1"),
        ("OTP_ISSUER", "mark\ud8001"),
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
def test_either_the_key_set_or_its_address_is_given_never_both_or_neither(environment: dict[str, str]):
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
