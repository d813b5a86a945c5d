"""The preset accounts behave as such accounts do in production."""

import boto3
import jwt
import pytest
from moto.utilities.utils import load_resource

from chalicelib.core.lockout import lock_seconds
from chalicelib.documents import rfc3339
from infra.local import presets
from infra.local.presets import Presets, aged
from infra.local.stack import PRESET_ACCOUNTS, create_user_pool
from tests.kit.login import MOBILE
from tests.kit.phone import Phone
from tests.kit.user import User


@pytest.fixture
def made(service, aws) -> Presets:
    """The preset accounts, newly made."""
    for account in PRESET_ACCOUNTS:
        key = {"account": {"S": account}}
        boto3.client("dynamodb").delete_item(TableName=aws["BINDINGS_TABLE"], Key=key)
    made = Presets()
    made.create()
    return made


@pytest.fixture
def preset(made, clock, new_user):
    """A preset account's owner, and the phone that has scanned the published secret."""

    def of(account: str) -> tuple[User, Phone]:
        return User(account, clock, new_user().http), Phone(presets.SECRET, clock)

    return of


def test_a_suspended_account_was_bound_before_its_wrong_codes(preset, clock):
    user, phone = preset(presets.SUSPENDED)
    assert user.verify(phone.code()).code == "suspended"
    first_wrong_code = int(clock()) - sum(map(lock_seconds, range(1, 100)))
    assert user.look().json["bound_at"] < rfc3339(first_wrong_code)


def test_a_right_code_is_accepted_after_the_lock(preset, clock):
    user, phone = preset(presets.LOCKED)
    refused = user.verify(phone.code())
    assert (refused.code, refused.json["retry_after"]) == ("locked", 4 * 3600)
    clock.advance(4 * 3600)
    assert user.verify(phone.code()).status == 200


def test_one_more_wrong_code_locks_for_the_same_time(preset, clock):
    user, phone = preset(presets.LOCKED)
    clock.advance(4 * 3600)
    assert user.verify(phone.wrong()).json["attempts_left"] == 0
    assert user.verify(phone.code()).json["retry_after"] == 4 * 3600


def test_a_pending_account_is_pending_at_the_next_login(made, preset, clock):
    user, phone = preset(presets.PENDING)
    clock.advance(601)
    assert user.confirm(phone.code()).code == "bind_expired"
    made.at_login(presets.PENDING, "")
    assert user.confirm(phone.code()).status == 200
    made.at_login(presets.PENDING, "")
    assert user.look().json["state"] == "bound"


def test_a_used_code_is_used_at_every_login_and_the_next_one_is_not(made, preset, clock):
    user, phone = preset(presets.CODE_USED)
    for _ in range(2):
        made.at_login(presets.CODE_USED, "")
        for steps in (-1, 0, 1):
            assert user.verify(phone.code(steps)).code == "code_used"
        clock.advance(user.verify(phone.code()).json["retry_after"])
        assert user.verify(phone.code(), client=MOBILE).status == 200
        clock.advance(300)


def test_an_item_that_cannot_be_read_lets_nobody_in(preset):
    user, phone = preset(presets.UNAVAILABLE)
    assert user.look().code == user.verify(phone.code()).code == user.bind().code == "unavailable"


def test_an_aged_token_has_a_valid_signature(aws):
    pool = create_user_pool()
    answer = boto3.client("cognito-idp").initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=pool.client_ids["desktop"],
        AuthParameters={"USERNAME": presets.LOGIN_TOO_OLD, "PASSWORD": "Demo-Pass-1"},
    )
    token = answer["AuthenticationResult"]["AccessToken"]
    older = aged(token, 3600)
    assert jwt.get_unverified_header(older)["kid"] == jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWK(load_resource("cognitoidp/resources/jwks-public.json")["keys"][0], "RS256").key
    now, then = (jwt.decode(each, key, algorithms=["RS256"]) for each in (token, older))
    assert now["auth_time"] - then["auth_time"] == now["iat"] - then["iat"] == 3600
    assert (then["exp"], then["username"]) == (now["exp"], presets.LOGIN_TOO_OLD)
