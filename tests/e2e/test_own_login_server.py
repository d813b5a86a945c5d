"""A login server of one's own, tried on this machine by settings in the environment."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

from chalicelib.settings import read_settings
from infra.environment import ROOT
from infra.local.launch import launched
from infra.local.stack import UserPool, login_settings, own_login_settings
from tests.kit.login import SETTINGS
from tests.kit.stack import Stack, StackClock

KEY = generate_private_key(SECP256R1())
PUBLIC = ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {
    "kid": "own",
    "alg": "ES256",
    "use": "sig",
}

OWN = {
    "LOGIN_ISSUER": "https://login.broker.example",
    "LOGIN_KEY_SET": json.dumps({"keys": [PUBLIC]}),
    "LOGIN_CLIENTS": json.dumps({"terminal": {"channel": "desktop", "may_bind": True}}),
    "LOGIN_AUDIENCE": "totp",
    "LOGIN_ACCOUNT_CLAIM": "preferred_username",
    "LOGIN_ACCOUNT_CASE": "lower",
    "LOGIN_CLIENT_CLAIM": "azp",
    "LOGIN_REQUIRED_CLAIMS": json.dumps({"typ": "Bearer"}),
    "LOGIN_PASSWORD_TIME": "iat",
    "LOGIN_AGE": "60",
    "LOGIN_AGE_TO_CONFIRM": "120",
}
"""Each setting of a login server with a value that the stand-in does not have."""


RESOURCES = ("BINDINGS_TABLE", "AUDIT_TABLE", "WITNESS_BUCKET", "KEYS_TABLE", "KMS_KEY", "EVENTS_TOPIC")


def token(**changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": OWN["LOGIN_ISSUER"], "aud": "totp", "azp": "terminal", "typ": "Bearer"}
    claims |= {"preferred_username": "TRADER-1", "iat": now, "exp": now + 900} | changes
    return jwt.encode(claims, KEY, "ES256", headers={"kid": "own"})


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    log = tmp_path_factory.mktemp("own") / "log"
    with launched(log, environment=OWN) as it:
        yield Stack(it.url, it.aws_url, StackClock(time.time(), it.process), log)


def test_a_token_of_the_own_login_server_binds(own: Stack):
    assert own.api("GET", "/binding", token()).json["account"] == "trader-1"
    assert own.api("POST", "/bind", token()).json["account"] == "trader-1"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://another.example"}, "login_invalid"),
        ({"aud": "another"}, "login_invalid"),
        ({"azp": "another"}, "login_invalid"),
        ({"typ": "ID"}, "login_invalid"),
        ({"preferred_username": None, "username": "trader-1"}, "login_invalid"),
        ({"iat": int(time.time()) - 65}, "login_expired"),
    ],
    ids=str,
)
def test_each_setting_of_the_own_login_server_counts(own: Stack, changes: dict[str, Any], code: str):
    assert own.api("GET", "/binding", token(**changes)).json["code"] == code


def test_the_age_to_confirm_is_ones_own(own: Stack):
    older = token(iat=int(time.time()) - 90)
    assert own.api("POST", "/bind", older).json["code"] == "login_expired"
    assert own.api("POST", "/bind/confirm", older, {"code": "1"}).json["code"] == "malformed_code"
    oldest = token(iat=int(time.time()) - 125)
    assert own.api("POST", "/bind/confirm", oldest, {"code": "1"}).json["code"] == "login_expired"


def test_a_token_of_the_stand_in_is_refused(own: Stack):
    stand_in = own.token("88000001")
    assert own.api("GET", "/binding", stand_in).json["code"] == "login_invalid"


def test_every_login_setting_is_tried_here():
    environment = Mock()
    environment.get.side_effect = {**SETTINGS, **OWN, **dict.fromkeys(RESOURCES, "any")}.get
    read_settings(environment)
    asked = {call.args[0] for call in environment.get.call_args_list}
    assert {name for name in asked if name.startswith("LOGIN_")} == {*OWN, "LOGIN_KEY_SET_URL"}


def test_a_key_set_is_given_by_its_address_or_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    pool = UserPool("us-east-1_x", {"desktop": "d", "mobile": "m"})
    address = {
        "LOGIN_KEY_SET_URL": "https://login.broker.example/keys",
        "LOGIN_AGE": " ",
        "PATH": "/bin",
    }
    given = own_login_settings(address)
    assert given == {"LOGIN_KEY_SET_URL": address["LOGIN_KEY_SET_URL"]}
    assert login_settings(pool, "http://127.0.0.1:1", given).items() >= given.items()
    itself = login_settings(pool, "http://127.0.0.1:1", {"LOGIN_KEY_SET": "{}"})
    assert "LOGIN_KEY_SET_URL" not in itself


def test_an_invalid_setting_is_refused_in_one_sentence():
    ended = subprocess.run(
        [sys.executable, "-m", "infra.local"],
        cwd=ROOT,
        env=os.environ | {"PORT": "0", "LOGIN_CLIENTS": "{"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    [line] = ended.stderr.splitlines()
    assert "LOGIN_CLIENTS" in line
