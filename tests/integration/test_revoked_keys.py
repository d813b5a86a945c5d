"""A signing key that was withdrawn: it stays withdrawn, whatever the table has."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import jwt
import pytest

from chalicelib import wiring
from infra.local.stack import SCHEDULED_EVENT
from tests.integration.test_keys import DAY, first_keys_only, kid, published, remove, rows  # noqa: F401
from tests.kit.clock import Clock
from tests.kit.user import User

Revoke = Callable[..., None]


@pytest.fixture
def revoke(monkeypatch: pytest.MonkeyPatch) -> Iterator[Revoke]:
    """Deploys with these key ids revoked; the processes begin anew."""

    def deploy(*key_ids: str) -> None:
        monkeypatch.setenv("REVOKED_KEYS", json.dumps(key_ids))
        wiring.reset()

    yield deploy
    wiring.reset()


def rotate(service: Any) -> dict[str, list[str]]:
    done: dict[str, list[str]] = service.rotate_keys(SCHEDULED_EVENT, None)["pass"]
    return done


def handed_over(user: User, phone: Any, clock: Clock) -> tuple[str, str]:
    """Let the signing key hand over; the ids of the one before and of the one that signs now."""
    before = kid(user, phone)
    for _ in range(40):
        clock.advance(DAY)
        wiring.components().rotation.run()
        now = kid(user, phone)
        if now != before:
            return before, now
    raise AssertionError("no key handed over")


def test_a_revoked_key_is_neither_used_nor_published_and_its_replacement_signs_at_once(
    user: User, service: Any, revoke: Revoke, clock: Clock
):
    phone = user.bound_phone()
    withdrawn = kid(user, phone)
    clock.advance(30)
    revoke(withdrawn)
    assert user.verify(phone.code()).code == "unavailable"
    assert user.call("GET", "/.well-known/jwks.json").code == "unavailable"
    (replacement,) = rotate(service)["created"]
    assert kid(user, phone) == replacement
    assert published(user) == {replacement}


def test_a_restore_does_not_bring_a_revoked_key_back(
    user: User, service: Any, revoke: Revoke, aws: dict[str, str], clock: Clock
):
    phone = user.bound_phone()
    withdrawn = kid(user, phone)
    (backup,) = rows(aws, "pass")
    revoke(withdrawn)
    rotate(service)
    remove(aws, backup)
    for row in rows(aws, "pass"):
        remove(aws, row)
    boto3.client("dynamodb").put_item(TableName=aws["KEYS_TABLE"], Item=backup)
    wiring.reset()
    (replacement,) = rotate(service)["created"]
    for _ in range(70):
        clock.advance(DAY)
        done = rotate(service)
        assert withdrawn not in published(user)
        assert withdrawn not in (*done["created"], *done["retired"])
        assert kid(user, phone) != withdrawn
    assert replacement != withdrawn


def test_a_pass_under_a_revoked_key_is_verified_by_no_published_key(
    user: User, service: Any, revoke: Revoke
):
    phone = user.bound_phone()
    forged = user.verify(phone.code()).json["pass"]
    revoke(jwt.get_unverified_header(forged)["kid"])
    rotate(service)
    keys = jwt.PyJWKSet.from_dict(user.call("GET", "/.well-known/jwks.json").json).keys
    assert len(keys) == 1
    for key in keys:
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(forged, key, ["ES256"], options={"verify_exp": False, "verify_aud": False})


def test_a_successor_that_is_announced_keeps_its_turn(
    user: User, service: Any, revoke: Revoke, clock: Clock
):
    phone = user.bound_phone()
    withdrawn = kid(user, phone)
    while len(published(user)) < 2:
        clock.advance(DAY)
        wiring.components().rotation.run()
    (successor,) = published(user) - {withdrawn}
    revoke(withdrawn)
    (replacement,) = rotate(service)["created"]
    assert published(user) == {successor, replacement}
    assert kid(user, phone) == replacement
    clock.advance(3 * DAY)
    rotate(service)
    assert kid(user, phone) == successor


def test_the_key_before_signs_again_if_it_still_may_and_nobody_waits(
    user: User, service: Any, revoke: Revoke, clock: Clock
):
    phone = user.bound_phone()
    before, withdrawn = handed_over(user, phone, clock)
    clock.advance(30)
    revoke(withdrawn)
    assert kid(user, phone) == before
    assert withdrawn not in published(user)


def test_both_keys_may_be_revoked(user: User, service: Any, revoke: Revoke, clock: Clock):
    phone = user.bound_phone()
    both = handed_over(user, phone, clock)
    clock.advance(30)
    revoke(*both)
    (replacement,) = rotate(service)["created"]
    assert (kid(user, phone), published(user)) == (replacement, {replacement})


def test_an_id_that_no_key_has_changes_nothing(user: User, service: Any, revoke: Revoke, clock: Clock):
    phone = user.bound_phone()
    signer = kid(user, phone)
    clock.advance(30)
    revoke("unknown")
    assert rotate(service) == {"created": [], "retired": []}
    assert kid(user, phone) == signer


def test_a_data_key_is_not_revoked_so(user: User, revoke: Revoke, aws: dict[str, str], clock: Clock):
    phone = user.bound_phone()
    revoke(*(row["key_id"]["S"] for row in rows(aws, "secret")))
    assert user.verify(phone.code()).status == 200
