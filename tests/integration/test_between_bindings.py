"""Between an unbinding and the next binding: who gets in, and who gets how far."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from chalicelib import wiring
from tests.kit.clock import Clock
from tests.kit.desk import Desk
from tests.kit.login import MOBILE
from tests.kit.phone import Phone
from tests.kit.user import Answer, User
from tests.kit.wire import Wire

COMPROMISE = {"reason": "suspected_compromise"}


@pytest.fixture
def staff(service: Any) -> Desk:
    return Desk(service)


@pytest.fixture
def setting(service: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change settings as a new deployment would."""

    def change(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        wiring.reset()

    return change


def bind(user: User, bind_code: str | None = None, **how: Any) -> Answer:
    body = b"" if bind_code is None else {"bind_code": bind_code}
    return user.call("POST", "/bind", body, **how)


def bind_anew(user: User, bind_code: str | None = None) -> Phone:
    begun = bind(user, bind_code)
    assert begun.status == 201, begun.json
    phone = Phone(begun.json["secret"], user.clock)
    assert user.confirm(phone.code()).status == 200
    user.clock.advance(60)
    return phone


# The cutoff


def test_a_login_from_before_the_unbinding_does_not_bind_after_it(user: User, staff: Desk):
    user.bound_phone()
    stolen = user.token()
    user.clock.advance(10)
    staff.unbind(user.account)
    assert (bind(user, token=stolen).status, bind(user, token=stolen).code) == (401, "login_expired")
    assert bind(user).code == "login_expired"
    user.clock.advance(1)
    assert bind(user).status == 201
    assert user.confirm("000000", token=stolen).code == "login_expired"


def test_a_compromise_moves_the_cutoff_of_an_unbound_account_too(user: User, staff: Desk):
    answer = staff.unbind(user.account, **COMPROMISE)
    assert (answer["outcome"], len(answer["bind_code"])) == ("not_bound", 8)
    assert bind(user, answer["bind_code"]).code == "login_expired"
    user.clock.advance(1)
    assert bind(user, answer["bind_code"]).status == 201


# The bind code


@pytest.fixture
def invited(user: User, staff: Desk) -> str:
    """The bind code of an account that was unbound for a suspected compromise."""
    user.bound_phone()
    answer = staff.unbind(user.account, **COMPROMISE)
    assert answer["bind_code_expires_at"] == "2027-01-16T08:01:00Z"
    user.clock.advance(1)
    code: str = answer["bind_code"]
    return code


def test_after_a_compromise_a_qr_code_needs_the_bind_code(user: User, invited: str):
    assert user.look().json["bind_code_required"] is True
    refused = bind(user)
    assert (refused.status, refused.code) == (403, "bind_code_required")
    assert refused.json["attempts_left"] == 5
    phone = bind_anew(user, f"{invited[:4]} {invited[4:]}")
    assert user.look().json["bind_code_required"] is False
    assert user.verify(phone.code()).status == 200


def test_the_owner_may_ask_for_a_second_qr_code_with_the_same_bind_code(user: User, invited: str):
    assert bind(user, invited).status == 201
    assert bind(user).code == "bind_code_required"
    assert bind(user, invited).json["superseded"] is True


def test_five_wrong_bind_codes_void_it_and_the_need_for_one_stays(user: User, staff: Desk, invited: str):
    wrong = f"{(int(invited) + 1) % 10**8:08}"
    assert [bind(user, wrong).json["attempts_left"] for _ in range(5)] == [4, 3, 2, 1, 0]
    gone = bind(user, invited)
    assert (gone.status, gone.code) == (410, "bind_code_expired")
    assert bind(user).json["attempts_left"] is None
    fresh = staff.call("invite", user.account)["bind_code"]
    assert bind(user, fresh).status == 201


def test_a_bind_code_ends_after_a_day(user: User, invited: str):
    user.clock.advance(86_400)
    assert bind(user, invited).code == "bind_code_expired"


@pytest.mark.parametrize("body", [{"bind_code": 12345678}, {"bind_code": "1234567"}, {"code": "x"}, {}])
def test_a_malformed_bind_code_costs_nothing(user: User, invited: str, body: Any):
    assert user.call("POST", "/bind", body).json["attempts_left"] == 5


def test_a_body_that_is_no_object_is_malformed_only_if_a_bind_code_is_required(
    user: User, invited: str, new_user: Callable[[], User]
):
    assert user.call("POST", "/bind", b"[1").code == "malformed_request"
    assert new_user().call("POST", "/bind", b"[1").status == 201


def test_five_wrong_bind_codes_are_judged_and_the_next_ones_are_not(user: User, invited: str):
    wrong = f"{(int(invited) + 1) % 10**8:08}"
    codes = [bind(user, wrong).code for _ in range(8)]
    assert codes == ["bind_code_required"] * 5 + ["bind_code_expired"] * 3


def test_with_always_a_new_account_needs_an_invitation(user: User, staff: Desk, setting: Any):
    setting(BIND_CODE="always")
    assert bind(user, "12345678").json["attempts_left"] is None
    answer = staff.call("invite", user.account)
    assert answer["outcome"] == "invited"
    bind_anew(user, answer["bind_code"])
    assert staff.call("invite", user.account)["outcome"] == "already_bound"


def test_with_after_unbind_each_unbinding_issues_a_code(user: User, staff: Desk, setting: Any):
    setting(BIND_CODE="after_unbind")
    user.bound_phone()
    answer = staff.unbind(user.account)
    user.clock.advance(1)
    assert bind(user).code == "bind_code_required"
    assert bind(user, answer["bind_code"]).status == 201


def test_the_bind_code_is_in_no_log_and_no_item(
    user: User, invited: str, log_lines: Any, aws: dict[str, str]
):
    bind(user, invited)
    bind(user, f"{(int(invited) + 1) % 10**8:08}")
    key = {"account": {"S": user.account}}
    item = boto3.client("dynamodb").get_item(TableName=aws["BINDINGS_TABLE"], Key=key)["Item"]
    assert invited not in "".join(log_lines.text) + str(item)


# One ticket, one unbinding


def test_the_same_unbinding_delivered_twice_leaves_the_new_binding(user: User, staff: Desk):
    user.bound_phone()
    first = staff.unbind(user.account)
    user.clock.advance(1)
    phone = user.bound_phone()
    again = staff.unbind(user.account)
    assert again == first | {
        "repeated": True,
        "state": "bound",
        "bind_code": None,
        "bind_code_expires_at": None,
    }
    assert user.verify(phone.code()).status == 200


def test_asking_again_after_a_lost_answer_leaves_the_new_binding(user: User, staff: Desk, wire: Wire):
    from botocore.exceptions import ReadTimeoutError

    user.bound_phone()
    wire.drop_answer("UpdateItem")
    wire.next("GetItem", lambda really: really())
    for _ in range(2):
        wire.next("GetItem", lambda really: (None, ReadTimeoutError(endpoint_url="aws")))
    assert staff.unbind(user.account) == {"outcome": "unavailable"}
    assert user.look().json["state"] == "unbound"
    user.clock.advance(1)
    phone = user.bound_phone()
    assert staff.unbind(user.account)["repeated"] is True
    assert user.verify(phone.code()).status == 200


# An item that cannot be read


@pytest.fixture
def damaged(user: User, aws: dict[str, str]) -> Callable[..., None]:
    def damage(**attributes: Any) -> None:
        item = {"account": {"S": user.account}} | attributes
        boto3.client("dynamodb").put_item(TableName=aws["BINDINGS_TABLE"], Item=item)

    return damage


@pytest.mark.parametrize(
    ("attributes", "version"),
    [
        ({"version": {"N": "7"}, "state": {"S": "half"}, "secret": {"B": b"x"}}, "8"),
        ({"version": {"S": "x"}}, "1800000060"),
        (
            {
                "version": {"N": "3"},
                "state": {"S": "bound"},
                "event": {"S": "x"},
                "failures": {"S": "y"},
            },
            "4",
        ),
    ],
)
def test_support_brings_an_unreadable_item_back(
    user: User, staff: Desk, damaged: Any, aws: dict[str, str], attributes: Any, version: str
):
    user.clock.advance(60)
    damaged(**attributes)
    assert user.verify("123456").code == "unavailable"
    found = staff.call("lookup", user.account)
    assert (found["state"], found["known"], found["suspended"]) == ("unreadable", True, False)
    answer = staff.unbind(user.account)
    assert (answer["outcome"], answer["binding"], answer["bound_at"]) == ("unbound", None, None)
    key = {"account": {"S": user.account}}
    item = boto3.client("dynamodb").get_item(TableName=aws["BINDINGS_TABLE"], Key=key)["Item"]
    assert item["version"] == {"N": version}
    assert not {"secret", "failures"} & set(item)
    user.clock.advance(1)
    user.bound_phone()


def test_a_recovery_does_not_overwrite_what_came_in_between(
    user: User, staff: Desk, damaged: Any, wire: Wire
):
    damaged(version={"N": "7"}, state={"S": "half"})

    def damage_again(really: Any) -> Any:
        damaged(version={"N": "9"}, state={"S": "other"})
        return really()

    wire.next("UpdateItem", damage_again)
    assert staff.unbind(user.account)["outcome"] == "unbound"
    assert wire.calls.count("UpdateItem") == 2


def test_an_account_that_nobody_has_seen_is_not_known(user: User, staff: Desk):
    found = staff.call("lookup", user.account)
    assert (found["known"], found["state"], found["history"]) == (False, "unbound", [])
    user.bind()
    assert staff.call("lookup", user.account)["known"] is True


# Retrying safely

KEY = {"Idempotency-Key": "0123456789abcdef"}


def claims(answer: Answer) -> dict[str, Any]:
    import jwt

    read = jwt.decode(answer.json["pass"], options={"verify_signature": False})
    return {name: read[name] for name in ("jti", "iat", "exp")}


def test_a_lost_answer_is_given_again(user: User, wire: Wire):
    phone = user.bound_phone()
    token = user.token(MOBILE)
    first = user.verify(phone.code(), token=token, headers=KEY)
    user.clock.advance(5)
    wire.calls.clear()
    again = user.verify(phone.code(), token=token, headers=KEY)
    assert wire.calls == ["GetItem"]
    assert (again.status, claims(again)) == (200, claims(first))
    assert again.json["channel_first_use"] is True
    assert user.verify(phone.code(), headers=KEY).code == "code_used"


def test_a_lost_confirmation_is_given_again(user: User):
    phone, token = user.phone(), user.token()
    first = user.confirm(phone.code(), token=token, headers=KEY)
    again = user.confirm(phone.code(), token=token, headers=KEY)
    assert (again.json["state"], claims(again)) == ("bound", claims(first))
    assert user.confirm(phone.code(), headers={"Idempotency-Key": "f" * 16}).code == "already_bound"


@pytest.mark.parametrize("key", ["short", "x" * 65, "with a blank in it", "umlaut-äöü-0123456"])
def test_a_malformed_key_is_refused_before_aws_is_called(user: User, wire: Wire, key: str):
    answer = user.verify("123456", headers={"Idempotency-Key": key})
    assert (answer.status, answer.code, answer.json["field"]) == (
        400,
        "malformed_request",
        "Idempotency-Key",
    )
    assert wire.calls == []


def test_a_malformed_code_comes_before_a_malformed_key(user: User):
    assert user.verify("12", headers={"Idempotency-Key": "short"}).code == "malformed_code"


# Others


def test_a_byte_order_mark_before_a_body_is_ignored(user: User):
    phone = user.bound_phone()
    body = b"\xef\xbb\xbf" + json.dumps({"code": phone.code()}).encode()
    assert user.call("POST", "/verify", body).status == 200


# Who gets how far, with each setting


def thief_with_old_token(user: User, staff: Desk, clock: Clock) -> str:
    user.bound_phone()
    stolen = user.token()
    clock.advance(1)
    staff.unbind(user.account, **COMPROMISE)
    clock.advance(1)
    return bind(user, token=stolen).code or "binds"


def thief_with_password(user: User, staff: Desk, clock: Clock) -> str:
    """The password was not changed: the thief logs in anew after the unbinding."""
    user.bound_phone()
    staff.unbind(user.account, **COMPROMISE)
    clock.advance(1)
    return bind(user).code or "binds"


def thief_after_a_lost_phone(user: User, staff: Desk, clock: Clock) -> str:
    user.bound_phone()
    staff.unbind(user.account)
    clock.advance(1)
    return bind(user).code or "binds"


def thief_with_seen_code(user: User, staff: Desk, clock: Clock) -> str:
    phone = user.bound_phone()
    owner, thief = user.token(MOBILE), user.token()
    seen = phone.code()
    user.verify(seen, token=owner, headers=KEY)
    return user.verify(seen, token=thief, headers=KEY).code or "logs in"


def insider_without_password(user: User, staff: Desk, clock: Clock) -> str:
    user.bound_phone()
    code = staff.unbind(user.account, **COMPROMISE).get("bind_code")
    clock.advance(1)
    return bind(user, code, token="none").code or "binds"


def operator_who_presses_twice(user: User, staff: Desk, clock: Clock) -> str:
    user.bound_phone()
    code = staff.unbind(user.account).get("bind_code")
    clock.advance(1)
    phone = bind_anew(user, code) if bind(user, code).status == 201 else user.bound_phone()
    staff.unbind(user.account)
    return user.verify(phone.code()).code or "owner stays bound"


def forgetful_client(user: User, staff: Desk, clock: Clock) -> str:
    """The token was deleted in the authenticator, and support has not been called."""
    user.bound_phone()
    return bind(user).code or "binds"


def phone_in_a_tunnel(user: User, staff: Desk, clock: Clock) -> str:
    phone = user.bound_phone()
    token = user.token(MOBILE)
    user.verify(phone.code(), token=token, headers=KEY)
    clock.advance(20)
    return user.verify(phone.code(), token=token, headers=KEY).code or "owner logs in"


FAR = {
    thief_with_old_token: ["login_expired"] * 3,
    thief_with_password: ["bind_code_required"] * 3,
    thief_after_a_lost_phone: ["binds", "bind_code_required", "bind_code_required"],
    thief_with_seen_code: ["code_used"] * 3,
    insider_without_password: ["login_invalid"] * 3,
    operator_who_presses_twice: ["owner stays bound"] * 3,
    forgetful_client: ["already_bound"] * 3,
    phone_in_a_tunnel: ["owner logs in"] * 3,
}


def invitation(staff: Desk, user: User) -> str:
    """A bind code for a binding that no unbinding came before."""
    code: str = staff.call("invite", user.account)["bind_code"]
    return code


@pytest.mark.parametrize("who", FAR, ids=lambda who: who.__name__)
def test_who_gets_how_far(
    who: Callable[[User, Desk, Clock], str],
    new_user: Callable[[], User],
    staff: Desk,
    setting: Any,
    clock: Clock,
):
    reached = []
    for policy in ("compromise", "after_unbind", "always"):
        user = new_user()
        setting(BIND_CODE=policy)
        if policy == "always":
            user.bind = lambda user=user, **how: bind(user, invitation(staff, user), **how)
        reached.append(who(user, staff, clock))
    print(f"{who.__name__:28} {reached}")
    assert reached == FAR[who]
