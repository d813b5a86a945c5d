"""The rules of a login token, the first factor."""

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from chalicelib.core.channel import Channel
from chalicelib.core.errors import Refused
from chalicelib.tokens.login import Caller
from chalicelib.tokens.login_keys import LoginKeySet
from tests.kit.clock import Clock
from tests.kit.login import DESKTOP, LOGIN_EC_KEY, LOGIN_ISSUER, LOGIN_KEY, MOBILE, OLD_DESKTOP
from tests.unit.logins import (
    EC_ENTRY,
    OTHER_EC_KEY,
    OTHER_KEY,
    RS256,
    RSA_ENTRY,
    Door,
    crafted,
    key_set,
    segment,
    usual_claims,
)


@pytest.fixture
def door(clock: Clock) -> Door:
    return Door(clock)


@pytest.fixture
def claims(clock: Clock) -> dict[str, Any]:
    return usual_claims(clock)


# Caller


@pytest.mark.parametrize("key", [LOGIN_KEY, LOGIN_EC_KEY])
@pytest.mark.parametrize(
    ("client", "channel", "may_bind"),
    [
        (DESKTOP, Channel.DESKTOP, True),
        (OLD_DESKTOP, Channel.DESKTOP, False),
        (MOBILE, Channel.MOBILE, False),
    ],
)
def test_a_good_token_gives_the_account_the_channel_and_the_right_to_bind(
    door: Door,
    key: Any,
    client: str,
    channel: Channel,
    may_bind: bool,  # noqa: FBT001
):
    token = door.token(client, key=key)
    assert door.caller(token) == Caller("88000001", channel, may_bind, door.clock(), token)


def test_account_and_client_are_read_from_the_claims_that_the_settings_name(clock: Clock):
    door = Door(clock, account_claim="sub", client_claim="azp")
    token = door.token(sub="77000001", azp=MOBILE)
    assert door.caller(token) == Caller(
        "77000001", Channel.MOBILE, may_bind=False, typed_at=clock(), token=token
    )
    assert door.verdict(door.token()) == "login_invalid"


@pytest.mark.parametrize("account", ["a", "a" * 64, "A.z_0-9", "...", "88000001"])
def test_an_account_id_is_up_to_64_of_its_characters(door: Door, account: str):
    assert door.caller(door.token(username=account)).account == account


@pytest.mark.parametrize(
    "account",
    ["", "a" * 65, "88000001\n", "\n88000001", "8800 0001", "88000001\x00", "８８００００００１", "a/b",
     "a#b", "a@b", "é", None, 88000001, True, {"id": "88000001"}, ...],
)  # fmt: skip
def test_anything_else_is_no_account_id(door: Door, account: Any):
    assert door.verdict(door.token(username=account)) == "login_invalid"


@pytest.mark.parametrize(
    "client",
    ["", "unknown", DESKTOP.upper(), f"{DESKTOP} ", None, 1, True, {"id": DESKTOP}, ...],
)  # fmt: skip
def test_an_unknown_client_is_refused(door: Door, client: Any):
    assert door.verdict(door.token(client_id=client)) == "login_invalid"


# Signatures


@pytest.mark.parametrize("key", [OTHER_KEY, OTHER_EC_KEY])
def test_a_token_signed_by_an_unknown_key_is_refused(door: Door, key: Any):
    assert door.verdict(door.token(key=key)) == "login_invalid"


@pytest.mark.parametrize("key", [LOGIN_KEY, LOGIN_EC_KEY])
def test_a_token_changed_after_it_was_signed_is_refused(door: Door, claims: dict[str, Any], key: Any):
    header, _, signature = door.token(key=key).split(".")
    forged = segment(claims | {"username": "88000002"}).decode()
    assert door.verdict(f"{header}.{forged}.{signature}") == "login_invalid"
    assert door.verdict(f"{header}.{forged}.") == "login_invalid"


@pytest.mark.parametrize("kid", ["rsa", "ec", None])
@pytest.mark.parametrize(
    "algorithm", ["HS256", "HS384", "none", "None", "NONE", "", None, ["RS256"], 256]
)
def test_a_public_key_is_no_hmac_secret_and_an_unsigned_token_is_refused(
    door: Door, claims: dict[str, Any], algorithm: Any, kid: str | None
):
    header = {"alg": algorithm} | ({"kid": kid} if kid else {})
    for public in (LOGIN_KEY.public_key(), LOGIN_EC_KEY.public_key()):
        for encoding in (Encoding.PEM, Encoding.DER):
            secret = public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
            assert door.verdict(crafted(header, claims, secret)) == "login_invalid"
    unsigned = crafted(header, claims).rsplit(".", 1)[0] + "."
    assert door.verdict(unsigned) == "login_invalid"


@pytest.mark.parametrize(
    ("algorithm", "kid", "key"),
    [
        ("RS256", "ec", LOGIN_KEY),
        ("ES256", "rsa", LOGIN_EC_KEY),
        ("RS256", "ec", LOGIN_EC_KEY),
        ("ES256", "rsa", LOGIN_KEY),
        ("ES256", None, LOGIN_KEY),
        ("RS256", None, LOGIN_EC_KEY),
        ("RS512", "rsa", LOGIN_KEY),
        ("PS256", "rsa", LOGIN_KEY),
        ("ES384", "ec", LOGIN_EC_KEY),
        ("rs256", "rsa", LOGIN_KEY),
    ],
)
def test_each_key_verifies_only_its_own_algorithm(
    door: Door, claims: dict[str, Any], algorithm: str, kid: str | None, key: Any
):
    header = {"alg": algorithm} | ({"kid": kid} if kid else {})
    assert door.verdict(crafted(header, claims, key)) == "login_invalid"


def test_a_signature_by_another_hash_is_refused(door: Door, claims: dict[str, Any]):
    signed = segment({"alg": "RS256", "kid": "rsa"}) + b"." + segment(claims)
    signature = RSAAlgorithm(RSAAlgorithm.SHA512).sign(signed, LOGIN_KEY)
    assert door.verdict((signed + b"." + segment(signature)).decode()) == "login_invalid"


@pytest.mark.parametrize("signature", [b"", b"\0" * 64, b"\0" * 256, hashlib.sha256(b"").digest()])
@pytest.mark.parametrize(("algorithm", "kid"), [("RS256", "rsa"), ("ES256", "ec")])
def test_an_empty_signature_is_refused(
    door: Door, claims: dict[str, Any], algorithm: str, kid: str, signature: bytes
):
    signed = segment({"alg": algorithm, "kid": kid}) + b"." + segment(claims)
    assert door.verdict((signed + b"." + segment(signature)).decode()) == "login_invalid"


@pytest.mark.parametrize(("algorithm", "key"), [("RS256", LOGIN_KEY), ("ES256", LOGIN_EC_KEY)])
def test_a_token_without_a_kid_is_tried_with_every_key_of_its_algorithm(
    clock: Clock, claims: dict[str, Any], algorithm: str, key: Any
):
    others = [
        RSAAlgorithm.to_jwk(OTHER_KEY.public_key(), as_dict=True) | {"kid": "other"},
        ECAlgorithm.to_jwk(OTHER_EC_KEY.public_key(), as_dict=True),
    ]
    door = Door(clock, LoginKeySet(None, key_set(*others, RSA_ENTRY, EC_ENTRY), clock))
    assert door.verdict(crafted({"alg": algorithm}, claims, key)) == "fine"


@pytest.mark.parametrize("kid", ["strange", "", "RSA", "rsa ", None, 1, ["rsa"], {"kid": "rsa"}])
def test_a_kid_that_the_key_set_does_not_have_is_refused(door: Door, claims: dict[str, Any], kid: Any):
    assert door.verdict(crafted({"alg": "RS256", "kid": kid}, claims)) == "login_invalid"


# Headers


@pytest.mark.parametrize(
    "typ", ["JWT", "jwt", "Jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+JWT"]
)
def test_a_token_may_state_its_type(door: Door, claims: dict[str, Any], typ: str):
    assert door.verdict(crafted({"alg": "RS256", "kid": "rsa", "typ": typ}, claims)) == "fine"


def test_a_token_may_omit_its_type(door: Door, claims: dict[str, Any]):
    assert door.verdict(crafted(RS256, claims)) == "fine"


@pytest.mark.parametrize(
    "typ",
    ["totp-pass+jwt", "JWS", "id+jwt", "application/jwt", "JWT ", "ｊｗｔ", "", None, True, 1, ["JWT"]],
)
def test_a_token_of_another_type_is_refused(door: Door, claims: dict[str, Any], typ: Any):
    token = crafted({"alg": "RS256", "kid": "rsa", "typ": typ}, claims)
    assert door.verdict(token) == "login_invalid"


@pytest.mark.parametrize(
    "further",
    [
        {"crit": ["b64"], "b64": True},
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": None},
        {"b64": True},
        {"b64": False},
        {"crit": ["b64"], "b64": False},
    ],
)
def test_a_header_that_changes_how_a_token_is_read_is_refused(
    door: Door, claims: dict[str, Any], further: dict[str, Any]
):
    token = crafted(RS256 | further, claims)
    assert door.verdict(token) == "login_invalid"


def test_a_key_inside_a_token_is_ignored(door: Door, claims: dict[str, Any]):
    own = RSAAlgorithm.to_jwk(OTHER_KEY.public_key(), as_dict=True)
    for further in ({"jwk": own}, {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example"}):
        token = crafted(RS256 | further, claims, OTHER_KEY)
        assert door.verdict(token) == "login_invalid"


# Issuer, use and audience


@pytest.mark.parametrize("iss", ["", f"{LOGIN_ISSUER}/", LOGIN_ISSUER.upper(), None, 1, [LOGIN_ISSUER]])
def test_a_token_of_another_issuer_is_refused(door: Door, claims: dict[str, Any], iss: Any):
    assert door.verdict(crafted(RS256, claims | {"iss": iss})) == "login_invalid"


def test_a_token_of_no_issuer_is_refused(door: Door):
    assert door.verdict(door.token(iss=...)) == "login_invalid"


@pytest.mark.parametrize("use", ["id", "refresh", "ACCESS", "", None, True, ["access"]])
def test_only_an_access_token_is_a_login_token(door: Door, use: Any):
    assert door.verdict(door.token(token_use=use)) == "login_invalid"


def test_a_token_may_omit_its_use(door: Door):
    assert door.verdict(door.token(token_use=...)) == "fine"


@pytest.mark.parametrize("aud", ["totp-binding", "", None, [], ["totp-binding"], 1])
def test_a_token_with_an_audience_is_refused_if_none_is_set(
    door: Door, claims: dict[str, Any], aud: Any
):
    assert door.verdict(crafted(RS256, claims | {"aud": aud})) == "login_invalid"


@pytest.mark.parametrize("aud", ["totp-binding", ["totp-binding"], ["other", "totp-binding"]])
def test_a_token_must_name_the_audience_that_is_set(clock: Clock, claims: dict[str, Any], aud: Any):
    token = crafted(RS256, claims | {"aud": aud})
    assert Door(clock, audiences={"totp-binding"}).verdict(token) == "fine"


@pytest.mark.parametrize(
    "aud",
    ["other", "totp-binding-2", "totp", "", None, [], ["other"], [["totp-binding"]],
     {"totp-binding": 1}, 1, ...],
)  # fmt: skip
def test_another_audience_or_none_is_refused_if_one_is_set(
    clock: Clock, claims: dict[str, Any], aud: Any
):
    named = {} if aud is ... else {"aud": aud}
    token = crafted(RS256, claims | named)
    assert Door(clock, audiences={"totp-binding"}).verdict(token) == "login_invalid"


def test_a_pass_is_never_a_login_token(clock: Clock, claims: dict[str, Any]):
    # Even if login server and service share a key.
    like_a_login = {"sub": "88000001", "aud": "trading-gateway", "amr": ["pwd", "otp", "mfa"]}
    header = {"alg": "ES256", "kid": "ec", "typ": "totp-pass+jwt"}
    for audiences in (set(), {"trading-gateway"}):
        token = crafted(header, claims | like_a_login, LOGIN_EC_KEY)
        assert Door(clock, audiences=audiences).verdict(token) == "login_invalid"


# Times


def test_exp_has_no_grace(door: Door, clock: Clock):
    now = int(clock())
    assert door.verdict(door.token(exp=now + 1)) == "fine"
    assert door.verdict(door.token(exp=now)) == "login_expired"
    token = door.token(exp=now + 1)
    clock.advance(0.999)
    assert door.verdict(token) == "fine"
    clock.advance(0.001)
    assert door.verdict(token) == "login_expired"


@pytest.mark.parametrize("name", ["iat", "nbf", "auth_time"])
def test_the_login_servers_clock_may_run_thirty_seconds_ahead(door: Door, clock: Clock, name: str):
    now = int(clock())
    assert door.verdict(door.token(**{name: now + 30})) == "fine"
    assert door.verdict(door.token(**{name: now + 31})) == "login_invalid"
    assert door.verdict(door.token(**{name: now + 30.5})) == "login_invalid"


@pytest.mark.parametrize("greatest_age", [300, 900])
@pytest.mark.parametrize("without", [{}, {"iat": ...}])
def test_a_password_typed_too_long_ago_has_expired(
    door: Door, clock: Clock, greatest_age: int, without: dict[str, Any]
):
    token = door.token(**without)
    clock.advance(greatest_age)
    assert door.verdict(token, greatest_age) == "fine"
    clock.advance(1)
    assert door.verdict(token, greatest_age) == "login_expired"


def test_the_age_of_a_login_counts_from_auth_time_and_not_from_iat(door: Door, clock: Clock):
    now = int(clock())
    assert door.verdict(door.token(auth_time=now - 301, iat=now)) == "login_expired"
    assert door.verdict(door.token(auth_time=now, iat=now - 301)) == "fine"


@pytest.mark.parametrize("auth_time", [..., 0, 0.0])
def test_a_token_without_auth_time_is_refused(door: Door, auth_time: Any):
    assert door.verdict(door.token(auth_time=auth_time)) == "login_invalid"


def test_a_token_without_exp_is_refused(door: Door):
    assert door.verdict(door.token(exp=...)) == "login_invalid"


@pytest.mark.parametrize("name", ["exp", "iat", "nbf", "auth_time"])
@pytest.mark.parametrize(
    "time",
    ["true", "false", "null", '"1800000000"', "[1800000000]", "{}", "NaN", "Infinity", "-Infinity",
     "1e999", "1e15", "-1e300", "9" * 400, "9" * 5_000],
)  # fmt: skip
def test_a_malformed_time_is_refused(door: Door, claims: dict[str, Any], name: str, time: str):
    text = json.dumps({key: value for key, value in claims.items() if key != name})
    payload = f'{text[:-1]}, "{name}": {time}}}'.encode()
    assert door.verdict(crafted(RS256, payload)) == "login_invalid"


def test_a_time_may_have_a_fraction(door: Door, clock: Clock):
    now = clock()
    token = door.token(exp=now + 0.5, iat=now - 299.5, auth_time=now - 299.5, nbf=now - 0.5)
    assert door.verdict(token) == "fine"


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"},
        {"aud": "other"},
        {"token_use": "id"},
        {"username": "88000001\n"},
        {"client_id": "unknown"},
        {"nbf": 9_999_999_999},
        {"iat": 9_999_999_999},
        {"nbf": "now"},
        {"key": OTHER_KEY},
        {"headers": {"kid": "unknown"}},
        {"headers": {"typ": "id+jwt"}},
    ],
)
def test_a_token_both_invalid_and_expired_is_invalid(door: Door, clock: Clock, wrong: dict[str, Any]):
    now = int(clock())
    assert door.verdict(door.token(exp=now - 1)) == "login_expired"
    assert door.verdict(door.token(auth_time=now - 301)) == "login_expired"
    assert door.verdict(door.token(**{"exp": now - 1} | wrong)) == "login_invalid"
    assert door.verdict(door.token(**{"auth_time": now - 301} | wrong)) == "login_invalid"


# Malformed tokens


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "bm8.bm8.bm8", "é.é.é", "令牌", "\ud800.a.b",
     "\x00", "eyJhbGciOiJSUzI1NiJ9..", "=.=.=", "a" * 1_000_000, "." * 100_000],
)  # fmt: skip
def test_a_malformed_token_is_refused(door: Door, token: str):
    assert door.verdict(token) == "login_invalid"


@pytest.mark.parametrize(
    "header",
    [b"", b"[]", b'"RS256"', b"null", b"1", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000,
     b'{"alg":"RS256","n":' + b"9" * 5_000 + b"}"],
)  # fmt: skip
def test_a_malformed_header_is_refused(door: Door, claims: dict[str, Any], header: bytes):
    assert door.verdict(crafted(header, claims)) == "login_invalid"


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b'"claims"', b"null", b"1", b"{", b"\xff\xfe\xfd", b"[" * 100_000, b'{"a":' * 100_000,
     b"{}", b"{" + b'"a":1,' * 100_000 + b'"b":1}'],
)  # fmt: skip
def test_malformed_claims_are_refused_despite_a_good_signature(door: Door, payload: bytes):
    assert door.verdict(crafted(RS256, payload)) == "login_invalid"


def test_other_claims_are_ignored(door: Door):
    token = door.token(scope="openid", nested={"a": [{"b": None}]}, **{"cognito:groups": ["极星"]})
    assert door.verdict(token) == "fine"


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "mark-1"},
        {"aud": "mark-1"},
        {"token_use": "mark-1"},
        {"username": "mark-1\n"},
        {"client_id": "mark-1"},
        {"exp": "mark-1"},
        {"headers": {"kid": "mark-1"}},
        {"headers": {"typ": "mark-1"}},
    ],
)
def test_no_error_repeats_any_part_of_the_token(door: Door, wrong: dict[str, Any]):
    with pytest.raises(Refused) as caught:
        door.caller(door.token(**wrong))
    assert "mark-1" not in f"{caught.value} {caught.value.why} {caught.value.fields}"
