"""Variations of login servers: audiences, listed claims, PS256, further claims, password time, case."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import RSAAlgorithm, RSAPSSAlgorithm

from chalicelib.core.account import AccountCase, read_account
from chalicelib.core.errors import Refused
from chalicelib.core.login_rules import PasswordTime, read_required_claims
from chalicelib.settings import InvalidSetting, read_settings
from chalicelib.tokens.login_keys import LoginKeySet, usable_keys
from tests.kit.clock import Clock
from tests.kit.login import DESKTOP, LOGIN_KEY, MOBILE
from tests.unit.logins import RSA_ENTRY, Door, crafted, key_set, segment, usual_claims
from tests.unit.test_settings import GIVEN


@pytest.fixture
def claims(clock: Clock) -> dict[str, Any]:
    return usual_claims(clock)


# Audiences


@pytest.mark.parametrize("aud", ["one", "two", ["one"], ["two"], ["other", "two"], [1, None, "one"]])
def test_each_audience_of_the_list_is_accepted(clock: Clock, claims: dict[str, Any], aud: Any):
    door = Door(clock, audiences={"one", "two"})
    assert door.verdict(crafted({"alg": "RS256"}, claims | {"aud": aud})) == "fine"


@pytest.mark.parametrize("aud", ["three", ["three"], [["one"]], {"one": 1}, [{"one": 1}], "one two", []])
def test_an_audience_beside_the_list_is_refused(clock: Clock, claims: dict[str, Any], aud: Any):
    door = Door(clock, audiences={"one", "two"})
    assert door.verdict(crafted({"alg": "RS256"}, claims | {"aud": aud})) == "login_invalid"


@pytest.mark.parametrize(
    ("value", "audiences"),
    [
        ("totp-binding", {"totp-binding"}),
        ("one two", {"one two"}),
        ('["one"]', {"one"}),
        (' ["one", "two"] ', {"one", "two"}),
    ],
)
def test_the_setting_is_one_audience_or_a_list(value: str, audiences: set[str]):
    assert read_settings(GIVEN | {"LOGIN_AUDIENCE": value}).login.audiences == audiences


def test_a_client_that_is_read_from_the_audience_needs_the_list_of_audiences():
    with pytest.raises(InvalidSetting, match="LOGIN_AUDIENCE is missing"):
        read_settings(GIVEN | {"LOGIN_CLIENT_CLAIM": "aud"})


# Claims that are a list of one


def test_a_client_claim_may_be_a_list_of_one(clock: Clock, claims: dict[str, Any]):
    door = Door(clock, client_claim="aud", audiences={DESKTOP, MOBILE})
    for client in (DESKTOP, MOBILE):
        token = crafted({"alg": "RS256"}, claims | {"aud": [client]})
        assert door.caller(token).may_bind is (client == DESKTOP)


def test_an_account_claim_may_be_a_list_of_one(clock: Clock):
    door = Door(clock)
    assert door.caller(door.token(username=["88000001"])).account == "88000001"


@pytest.mark.parametrize("claim", ["username", "client_id"])
@pytest.mark.parametrize("extra", [["88000001"], [DESKTOP], [None], [[]]])
def test_a_list_of_any_other_length_is_no_value(clock: Clock, claim: str, extra: list[Any]):
    door = Door(clock)
    right = {"username": "88000001", "client_id": DESKTOP}[claim]
    for listed in ([], [right, *extra], [*extra, right], [[right]], [right, right]):
        assert door.verdict(door.token(**{claim: listed})) == "login_invalid"


# PS256, and each key its own algorithm


def signed(algorithm: str, claims: dict[str, Any]) -> str:
    """A token under the RSA key of the login server, by that algorithm."""
    message = segment({"alg": algorithm, "kid": "rsa"}) + b"." + segment(claims)
    kind = RSAPSSAlgorithm if algorithm == "PS256" else RSAAlgorithm
    return (message + b"." + segment(kind(kind.SHA256).sign(message, LOGIN_KEY))).decode()


@pytest.mark.parametrize("named", ["RS256", "PS256", None])
@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_an_rsa_key_verifies_the_algorithm_that_it_names_and_rs256_if_it_names_none(
    clock: Clock, claims: dict[str, Any], named: str | None, algorithm: str
):
    entry = RSA_ENTRY | ({} if named is None else {"alg": named})
    door = Door(clock, LoginKeySet(None, key_set(entry), clock))
    expected = "fine" if algorithm == (named or "RS256") else "login_invalid"
    assert door.verdict(signed(algorithm, claims)) == expected


def test_a_header_that_says_ps256_over_an_rs256_signature_is_refused(
    clock: Clock, claims: dict[str, Any]
):
    door = Door(clock, LoginKeySet(None, key_set(RSA_ENTRY | {"alg": "PS256"}), clock))
    assert door.verdict(crafted({"alg": "PS256", "kid": "rsa"}, claims)) == "login_invalid"


def test_a_ps256_signature_with_a_salt_of_another_length_is_refused(
    clock: Clock, claims: dict[str, Any]
):
    door = Door(clock, LoginKeySet(None, key_set(RSA_ENTRY | {"alg": "PS256"}), clock))
    message = segment({"alg": "PS256", "kid": "rsa"}) + b"." + segment(claims)
    signature = LOGIN_KEY.sign(message, padding.PSS(padding.MGF1(SHA256()), 20), SHA256())
    assert door.verdict((message + b"." + segment(signature)).decode()) == "login_invalid"


@pytest.mark.parametrize("named", ["PS384", "PS512", "RS384", "ES256", "HS256", "", None, ["PS256"], 1])
def test_an_rsa_key_of_any_other_algorithm_is_passed_over(named: Any):
    (key,) = usable_keys(key_set(RSA_ENTRY | {"alg": named, "kid": "other"}, RSA_ENTRY))
    assert key.key_id == "rsa"


@pytest.mark.parametrize("alg", [["RS256"], {"RS256": 1}, {}])
def test_an_algorithm_that_is_no_string_is_refused(clock: Clock, claims: dict[str, Any], alg: Any):
    assert Door(clock).verdict(crafted({"alg": alg}, claims)) == "login_invalid"


# Further claims


OTHERS = [
    "Bearer", "bearer", "", 0, 1, 1.0, 2, 1.5, True, False, None, [], ["a"], ["a", True], ["a", 1],
    ["a", 1, 1], [[]], {}, {"a": {"b": [True]}}, {"a": {"b": [1]}}, {"a": {"b": [1]}, "c": 1},
]  # fmt: skip


@pytest.mark.parametrize(
    "wanted", ["Bearer", 1, 1.5, True, False, None, [], ["a", 1], {"a": {"b": [1]}}]
)
def test_a_required_claim_must_have_exactly_its_value(clock: Clock, wanted: Any):
    door = Door(clock, required_claims={"typ": wanted})
    assert door.verdict(door.token(typ=wanted)) == "fine"
    written = json.dumps(wanted)
    for other in OTHERS:
        if json.dumps(other) != written:
            assert door.verdict(door.token(typ=other)) == "login_invalid", other
    assert door.verdict(door.token()) == "login_invalid"


def test_every_required_claim_is_required(clock: Clock):
    door = Door(clock, required_claims={"typ": "Bearer", "realm": "clients"})
    assert door.verdict(door.token(typ="Bearer", realm="clients")) == "fine"
    assert door.verdict(door.token(typ="Bearer")) == "login_invalid"
    assert door.verdict(door.token(realm="clients")) == "login_invalid"


def test_a_required_claim_nested_deep_does_no_harm(clock: Clock, claims: dict[str, Any]):
    door = Door(clock, required_claims=read_required_claims('{"typ": [[1]]}'))
    deep = json.dumps(claims)[:-1] + ', "typ": ' + "[" * 900 + "1" + "]" * 900 + "}"
    assert door.verdict(crafted({"alg": "RS256"}, deep.encode())) == "login_invalid"


def test_a_refresh_token_under_the_same_key_is_no_login(clock: Clock):
    door = Door(clock, required_claims={"tokenType": "access-token"}, password_time=PasswordTime.IAT)
    assert door.verdict(door.token(tokenType="access-token", auth_time=...)) == "fine"
    assert door.verdict(door.token(tokenType="refresh-token", auth_time=...)) == "login_invalid"


# Password time


@pytest.mark.parametrize("auth_time", [..., 0, 0.0])
def test_iat_stands_in_for_a_missing_or_zero_auth_time_only_if_set(clock: Clock, auth_time: Any):
    strict, lenient = Door(clock), Door(clock, password_time=PasswordTime.IAT)
    now = int(clock())
    for age, verdict in ((0, "fine"), (300, "fine"), (301, "login_expired")):
        token = strict.token(auth_time=auth_time, iat=now - age)
        assert strict.verdict(token) == "login_invalid"
        assert lenient.verdict(token) == verdict


def test_an_auth_time_that_is_there_counts_whatever_the_setting(clock: Clock):
    door, now = Door(clock, password_time=PasswordTime.IAT), int(clock())
    assert door.verdict(door.token(auth_time=now - 301, iat=now)) == "login_expired"
    assert door.verdict(door.token(auth_time=now, iat=now - 301)) == "fine"
    assert door.verdict(door.token(auth_time=1, iat=now)) == "login_expired"
    assert door.verdict(door.token(auth_time=-1, iat=now)) == "login_expired"


@pytest.mark.parametrize("auth_time", [False, None, "", "0", []])
def test_an_auth_time_that_is_no_time_is_not_a_missing_one(clock: Clock, auth_time: Any):
    door = Door(clock, password_time=PasswordTime.IAT)
    assert door.verdict(door.token(auth_time=auth_time)) == "login_invalid"


def test_without_any_time_even_the_lenient_setting_refuses(clock: Clock):
    door = Door(clock, password_time=PasswordTime.IAT)
    assert door.verdict(door.token(auth_time=..., iat=...)) == "login_invalid"
    assert door.verdict(door.token(auth_time=..., iat=int(clock()) + 31)) == "login_invalid"


def test_the_log_says_how_old_the_password_is(clock: Clock):
    door = Door(clock)
    with pytest.raises(Refused) as caught:
        door.caller(door.token(auth_time=int(clock()) - 301))
    assert caught.value.why == "the password was typed 301 s ago, and 300 s are allowed"


# Case


@pytest.mark.parametrize(
    ("case", "account"),
    [
        (AccountCase.EXACT, "Acc.Z_0-9"),
        (AccountCase.LOWER, "acc.z_0-9"),
        (AccountCase.UPPER, "ACC.Z_0-9"),
    ],
)
def test_an_account_has_the_spelling_of_the_deployment(clock: Clock, case: AccountCase, account: str):
    door = Door(clock, account_case=case)
    assert door.caller(door.token(username="Acc.Z_0-9")).account == account
    assert read_account("Acc.Z_0-9", case) == account


@pytest.mark.parametrize("case", AccountCase)
@pytest.mark.parametrize("value", ["", "é", "ſ", "\u212a", "ı", "a" * 65, "a b", "a\n", None, 1, ["a"]])
def test_no_spelling_makes_an_account_of_what_is_none(case: AccountCase, value: Any):
    assert read_account(value, case) is None


def test_the_clients_are_never_spelt_otherwise(clock: Clock):
    door = Door(clock, account_case=AccountCase.LOWER)
    assert door.verdict(door.token(client_id=DESKTOP.upper())) == "login_invalid"


def test_a_token_of_pyjwt_itself_is_read(clock: Clock, claims: dict[str, Any]):
    door = Door(clock, LoginKeySet(None, key_set(RSA_ENTRY | {"alg": "PS256"}), clock))
    assert door.verdict(jwt.encode(claims, LOGIN_KEY, "PS256", headers={"kid": "rsa"})) == "fine"
