"""The login server's keys: their use, their time in memory and the next fetch."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from chalicelib.core.errors import ErrorCode, Unavailable
from chalicelib.tokens.login_keys import LoginKeySet, usable_keys
from tests.kit.clock import Clock
from tests.kit.login import KEY_SET, LOGIN_EC_KEY, LOGIN_KEY
from tests.unit.logins import (
    EC_ENTRY,
    OTHER_KEY,
    RS256,
    RSA_ENTRY,
    Door,
    crafted,
    key_set,
    usual_claims,
)


@pytest.fixture
def door(clock: Clock) -> Door:
    return Door(clock)


@pytest.fixture
def claims(clock: Clock) -> dict[str, Any]:
    return usual_claims(clock)


class LoginServer:
    """Serves a key set and counts the requests. It may be down."""

    def __init__(self, clock: Clock) -> None:
        self.serves = json.dumps(KEY_SET).encode()
        self.down: Exception | None = None
        self.fetches = 0
        self.door = Door(clock, LoginKeySet(self.fetch, None, clock))

    def fetch(self) -> bytes:
        self.fetches += 1
        if self.down is not None:
            raise self.down
        return self.serves

    def stop(self) -> None:
        self.down = ValueError("status 502")

    def restart(self) -> None:
        self.down = None

    def serve(self, *entries: Any) -> None:
        self.serves = key_set(*entries)


@pytest.fixture
def server(clock: Clock) -> LoginServer:
    return LoginServer(clock)


def test_the_key_set_is_fetched_when_it_is_needed_and_kept_an_hour(server: LoginServer, clock: Clock):
    assert server.fetches == 0
    for _ in range(3):
        assert server.door.verdict(server.door.token()) == "fine"
    clock.advance(3_599)
    assert server.door.verdict(server.door.token()) == "fine"
    assert server.fetches == 1
    clock.advance(1)
    assert server.door.verdict(server.door.token()) == "fine"
    assert server.fetches == 2


def test_a_key_removed_from_the_set_is_good_for_an_hour_at_most(server: LoginServer, clock: Clock):
    assert server.door.verdict(server.door.token()) == "fine"
    server.serve(EC_ENTRY)
    clock.advance(3_600)
    assert server.door.verdict(server.door.token()) == "login_invalid"


def test_a_new_key_is_fetched_at_once_if_the_set_is_a_minute_old(server: LoginServer, clock: Clock):
    server.serve(RSA_ENTRY)
    assert server.door.verdict(server.door.token()) == "fine"
    server.serve(RSA_ENTRY, EC_ENTRY)
    clock.advance(59)
    assert server.door.verdict(server.door.token(key=LOGIN_EC_KEY)) == "login_invalid"
    clock.advance(1)
    assert server.door.verdict(server.door.token(key=LOGIN_EC_KEY)) == "fine"
    assert server.fetches == 2


def test_a_new_key_without_an_id_is_fetched_too(
    server: LoginServer, clock: Clock, claims: dict[str, Any]
):
    nameless = RSAAlgorithm.to_jwk(OTHER_KEY.public_key(), as_dict=True)
    server.serve(nameless)
    assert server.door.verdict(crafted({"alg": "RS256"}, claims, OTHER_KEY)) == "fine"
    server.serve(RSA_ENTRY)
    clock.advance(60)
    assert server.door.verdict(crafted({"alg": "RS256"}, claims)) == "fine"
    assert server.fetches == 2


@pytest.mark.parametrize("down", [False, True])
def test_forged_key_ids_fetch_the_set_once_a_minute_at_most(
    server: LoginServer,
    clock: Clock,
    down: bool,  # noqa: FBT001
):
    assert server.door.verdict(server.door.token()) == "fine"
    if down:
        server.stop()
    for second in range(1, 601):
        clock.advance(1)
        verdict = server.door.verdict(server.door.token(headers={"kid": f"forged-{second}"}))
        assert verdict in ("login_invalid", "unavailable")
    assert server.fetches == 1 + 10


def test_a_forged_signature_under_a_known_key_id_fetches_nothing(server: LoginServer, clock: Clock):
    assert server.door.verdict(server.door.token()) == "fine"
    clock.advance(3_599)
    forged = server.door.token(key=OTHER_KEY)
    assert server.door.verdict(forged) == "login_invalid"
    assert server.fetches == 1


def test_known_keys_serve_while_the_server_is_down_and_unknown_ones_are_unavailable(
    server: LoginServer, clock: Clock
):
    assert server.door.verdict(server.door.token()) == "fine"
    server.stop()
    clock.advance(60)
    for _ in range(2):
        assert server.door.verdict(server.door.token(headers={"kid": "new"})) == "unavailable"
        assert server.door.verdict(server.door.token()) == "fine"


def test_a_set_older_than_an_hour_is_unavailable_while_the_server_is_down(
    server: LoginServer, clock: Clock
):
    assert server.door.verdict(server.door.token()) == "fine"
    server.stop()
    clock.advance(3_600)
    assert server.door.verdict(server.door.token()) == "unavailable"
    server.restart()
    clock.advance(5)
    assert server.door.verdict(server.door.token()) == "fine"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"keys": 1}', b'{"keys": null}', b"null", b"\xff", b"[" * 100_000],
)  # fmt: skip
def test_a_malformed_key_set_is_unavailable(server: LoginServer, clock: Clock, body: bytes):
    served, server.serves = server.serves, body
    assert server.door.verdict(server.door.token()) == "unavailable"
    server.serves = served
    clock.advance(5)
    assert server.door.verdict(server.door.token()) == "fine"


def test_a_server_that_is_down_is_asked_again_after_five_seconds_and_not_before(
    server: LoginServer, clock: Clock
):
    server.stop()
    for _ in range(5):
        assert server.door.verdict(server.door.token()) == "unavailable"
        clock.advance(1)
    assert server.fetches == 1
    server.restart()
    assert server.door.verdict(server.door.token()) == "fine"


def test_a_clock_set_back_keeps_no_set_longer(server: LoginServer, clock: Clock):
    assert server.door.verdict(server.door.token()) == "fine"
    clock.advance(-1_000_000)
    assert server.door.verdict(server.door.token()) == "fine"
    assert server.fetches == 2


def test_a_clock_set_back_keeps_no_failure_longer(server: LoginServer, clock: Clock):
    server.stop()
    assert server.door.verdict(server.door.token()) == "unavailable"
    server.restart()
    clock.advance(-1_000_000)
    assert server.door.verdict(server.door.token()) == "fine"


def test_the_logged_reason_does_not_quote_the_server(server: LoginServer):
    server.down = ValueError("mark-1")
    with pytest.raises(Unavailable) as caught:
        server.door.caller(server.door.token())
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert "key set" in caught.value.why
    assert "mark-1" not in caught.value.why


def test_a_set_given_as_a_setting_is_never_fetched(door: Door, clock: Clock):
    for _ in range(3):
        assert door.verdict(door.token()) == "fine"
        assert door.verdict(door.token(headers={"kid": "unknown"})) == "login_invalid"
        clock.advance(100_000)


def jwk_of(key: Any, **changes: Any) -> dict[str, Any]:
    algorithm = {
        rsa.RSAPublicKey: RSAAlgorithm,
        ec.EllipticCurvePublicKey: ECAlgorithm,
        ed25519.Ed25519PublicKey: OKPAlgorithm,
    }
    kind = next(algorithm[kind] for kind in algorithm if isinstance(key, kind))
    entry = kind.to_jwk(key, as_dict=True) | {"kid": "key"} | changes
    return {name: value for name, value in entry.items() if value is not ...}


RSA_1024 = rsa.generate_private_key(65537, 1024).public_key()


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "key", "alg": "HS256"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "key", "alg": "RS256"},
        jwk_of(RSA_1024),
        jwk_of(ec.generate_private_key(ec.SECP384R1()).public_key()),
        jwk_of(ec.generate_private_key(ec.SECP384R1()).public_key(), crv="P-256"),
        jwk_of(ec.generate_private_key(ec.SECP256K1()).public_key()),
        jwk_of(ed25519.Ed25519PrivateKey.generate().public_key()),
        jwk_of(LOGIN_KEY.public_key(), use="enc"),
        jwk_of(LOGIN_KEY.public_key(), alg="RS512"),
        jwk_of(LOGIN_KEY.public_key(), alg="RSA-OAEP"),
        jwk_of(LOGIN_KEY.public_key(), kty="EC"),
        jwk_of(LOGIN_KEY.public_key(), kty=["RSA"]),
        jwk_of(LOGIN_KEY.public_key(), n=...),
        jwk_of(LOGIN_KEY.public_key(), n=1),
        jwk_of(LOGIN_KEY.public_key(), n="***"),
        jwk_of(LOGIN_KEY.public_key(), e=""),
        jwk_of(LOGIN_EC_KEY.public_key(), use="enc"),
        jwk_of(LOGIN_EC_KEY.public_key(), alg="RS256"),
        jwk_of(LOGIN_EC_KEY.public_key(), crv=...),
        jwk_of(LOGIN_EC_KEY.public_key(), x="AAAA"),
        jwk_of(LOGIN_EC_KEY.public_key(), x=base64.urlsafe_b64encode(bytes(32)).decode()),
        jwk_of(LOGIN_EC_KEY.public_key(), y=None),
        RSAAlgorithm.to_jwk(LOGIN_KEY, as_dict=True),
        ECAlgorithm.to_jwk(LOGIN_EC_KEY, as_dict=True),
        {},
        {"kty": "RSA"},
        {"kty": "EC"},
        None,
        1,
        "key",
        [],
    ],
)
def test_keys_of_other_kinds_are_ignored(entry: Any):
    document = key_set(entry, RSA_ENTRY, entry, EC_ENTRY)
    assert [key.key_id for key in usable_keys(document)] == ["rsa", "ec"]


@pytest.mark.parametrize(
    "changes", [{}, {"use": "sig"}, {"alg": "RS256"}, {"x5t": "ignored"}, {"kid": ...}]
)
def test_a_key_with_more_or_fewer_members_is_usable(changes: dict[str, Any]):
    (key,) = usable_keys(key_set(jwk_of(LOGIN_KEY.public_key(), **changes)))
    assert key.algorithm_name == "RS256"


def test_two_keys_with_one_id_are_both_tried(clock: Clock, claims: dict[str, Any]):
    twins = key_set(jwk_of(OTHER_KEY.public_key(), kid="rsa"), jwk_of(LOGIN_KEY.public_key(), kid="rsa"))
    door = Door(clock, LoginKeySet(None, twins, clock))
    assert door.verdict(crafted(RS256, claims)) == "fine"


@pytest.mark.parametrize("document", [b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "AA"}]}'])
def test_a_set_without_a_usable_key_is_no_set(clock: Clock, claims: dict[str, Any], document: bytes):
    with pytest.raises(ValueError, match="no key"):
        usable_keys(document)
    door = Door(clock, LoginKeySet(lambda: document, None, clock))
    assert door.verdict(crafted(RS256, claims)) == "unavailable"


def test_a_key_without_an_id_verifies_a_token_that_names_one(
    server: LoginServer, claims: dict[str, Any]
):
    nameless = {name: value for name, value in RSA_ENTRY.items() if name != "kid"}
    server.serve(nameless)
    assert server.door.verdict(crafted({"alg": "RS256", "kid": "any"}, claims)) == "fine"
    assert (
        server.door.verdict(crafted({"alg": "RS256", "kid": "any"}, claims, OTHER_KEY))
        == "login_invalid"
    )
