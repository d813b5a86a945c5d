"""Keys in the table: KMS must open them, and the rotation replaces them."""

from collections.abc import Iterator
from typing import Any

import boto3
import jwt
import pytest

from chalicelib import wiring
from tests.kit.clock import Clock
from tests.kit.user import User
from tests.kit.wire import Wire

DAY = 86_400


def kid(user: User, phone: Any) -> str:
    issued = user.verify(phone.code()).json["pass"]
    return str(jwt.get_unverified_header(issued)["kid"])


def published(user: User) -> set[str]:
    return {key["kid"] for key in user.call("GET", "/.well-known/jwks.json").json["keys"]}


def rows(aws: dict[str, str], purpose: str) -> list[dict[str, Any]]:
    return boto3.client("dynamodb").query(
        TableName=aws["KEYS_TABLE"],
        KeyConditionExpression="purpose = :purpose",
        ExpressionAttributeValues={":purpose": {"S": purpose}},
    )["Items"]


@pytest.fixture(autouse=True)
def first_keys_only(aws: dict[str, str], service) -> Iterator[None]:
    """Begin with the signing key of a first deployment, and leave no forged one behind."""

    def clear() -> None:
        for row in rows(aws, "pass"):
            remove(aws, row)
        wiring.reset()

    clear()
    wiring.components().rotation.run()
    yield
    clear()


def remove(aws: dict[str, str], row: dict[str, Any]) -> None:
    key = {name: row[name] for name in ("purpose", "key_id")}
    boto3.client("dynamodb").delete_item(TableName=aws["KEYS_TABLE"], Key=key)


def test_signing_keys_change_without_a_pause(user: User, clock: Clock):
    phone = user.bound_phone()
    first = kid(user, phone)
    announced_at = None
    for _ in range(40):
        clock.advance(DAY)
        wiring.components().rotation.run()
        in_use, in_set = kid(user, phone), published(user)
        assert in_use in in_set
        if announced_at is None and len(in_set) == 2:
            announced_at = clock()
        if in_use != first:
            break
    assert in_use != first
    assert announced_at is not None
    assert clock() - announced_at >= DAY
    clock.advance(DAY)
    wiring.components().rotation.run()
    assert published(user) == {in_use}


def test_a_verification_seals_the_secret_under_a_newer_data_key(user: User, clock: Clock, aws):
    phone = user.bound_phone()

    def item() -> dict[str, Any]:
        return boto3.client("dynamodb").get_item(
            TableName=aws["BINDINGS_TABLE"], Key={"account": {"S": user.account}}
        )["Item"]

    before = item()
    clock.advance(92 * DAY)
    wiring.components().rotation.run()
    assert user.verify(phone.code()).status == 200
    after = item()
    assert after["secret_key"] != before["secret_key"]
    assert after["secret"] != before["secret"]
    assert int(after["version"]["N"]) == int(before["version"]["N"]) + 1
    assert user.verify(phone.wrong()).code == "wrong_code"
    assert item()["secret"] == after["secret"]
    assert len(rows(aws, "secret")) >= 2


@pytest.mark.parametrize("change", ["key_id", "not_before", "not_after", "purpose"])
def test_a_writer_of_the_table_cannot_add_or_extend_a_key(user: User, aws, change: str, clock: Clock):
    row = rows(aws, "secret" if change == "purpose" else "pass")[0]
    now = int(clock())
    forged = {
        "key_id": {"key_id": {"S": "forged"}},
        "not_before": {"key_id": {"S": "forged"}, "not_before": {"N": str(now)}},
        "not_after": {"not_after": {"N": str(now + 10**6)}},
        "purpose": {"purpose": {"S": "pass"}, "not_after": {"N": str(now + 10**6)}},
    }[change]
    boto3.client("dynamodb").put_item(TableName=aws["KEYS_TABLE"], Item=row | forged)
    wiring.reset()
    answer = user.call("GET", "/.well-known/jwks.json")
    if change == "not_after":
        assert answer.code == "unavailable"
    else:
        assert "forged" not in {key["kid"] for key in answer.json["keys"]}
        assert len(answer.json["keys"]) == 1


@pytest.mark.parametrize("begins_in", [0, 3_650 * DAY])
def test_rotation_ignores_a_key_that_kms_does_not_open(user: User, aws, clock: Clock, begins_in: int):
    phone = user.bound_phone()
    genuine = kid(user, phone)
    sealed = rows(aws, "pass")[0]["sealed"]["B"]
    forged = {
        "purpose": {"S": "pass"},
        "key_id": {"S": "forged"},
        "not_before": {"N": str(int(clock()) + begins_in)},
        "not_after": {"N": str(int(clock()) + begins_in + 60 * DAY)},
        "sealed": {"B": sealed[:-1] + bytes([sealed[-1] ^ 1])},
    }
    boto3.client("dynamodb").put_item(TableName=aws["KEYS_TABLE"], Item=forged)
    for _ in range(35):
        clock.advance(DAY)
        done = wiring.components().rotation.run()["pass"]
        assert "forged" not in done["retired"]
        in_use = kid(user, phone)
    assert in_use != genuine


def test_rotation_makes_new_keys_after_the_kms_key_is_replaced(user: User, aws, wire: Wire):
    wiring.reset()
    wire.refuse("Decrypt", "IncorrectKeyException", times=len(rows(aws, "secret")))
    done = wiring.components().rotation.run()
    assert len(done["secret"]["created"]) == 1


def test_a_row_that_kms_refuses_affects_no_other(user: User, wire: Wire, aws):
    phone = user.bound_phone()
    wiring.reset()
    clock_now = int(user.clock())
    boto3.client("dynamodb").put_item(
        TableName=aws["KEYS_TABLE"],
        Item={
            "purpose": {"S": "pass"},
            "key_id": {"S": "zz-newest"},
            "not_before": {"N": str(clock_now)},
            "sealed": {"B": b"x"},
        },
    )
    wire.next("Decrypt", lambda really: really())
    wire.refuse("Decrypt", "ValidationException")
    assert user.verify(phone.code()).status == 200


def test_the_key_set_has_the_first_keys_at_once(user: User, aws):
    (row,) = rows(aws, "pass")
    remove(aws, row)
    wiring.reset()
    assert user.call("GET", "/.well-known/jwks.json").code == "unavailable"
    boto3.client("dynamodb").put_item(TableName=aws["KEYS_TABLE"], Item=row)
    assert len(published(user)) == 1


def test_a_missing_data_key_is_read_once_in_five_minutes(user: User, aws, wire: Wire):
    phone = user.bound_phone()
    boto3.client("dynamodb").update_item(
        TableName=aws["BINDINGS_TABLE"],
        Key={"account": {"S": user.account}},
        UpdateExpression="SET secret_key = :gone",
        ExpressionAttributeValues={":gone": {"S": "gone"}},
    )
    assert user.verify(phone.code()).code == "unavailable"
    wire.calls.clear()
    assert user.verify(phone.code()).code == "unavailable"
    assert wire.calls == ["GetItem"]


def test_an_unreadable_row_affects_no_other(user: User, aws):
    boto3.client("dynamodb").put_item(
        TableName=aws["KEYS_TABLE"], Item={"purpose": {"S": "pass"}, "key_id": {"S": "x"}}
    )
    wiring.reset()
    assert len(published(user)) == 1


def test_a_confirmation_uses_the_first_keys_at_once(user: User, aws):
    (row,) = rows(aws, "pass")
    remove(aws, row)
    wiring.reset()
    phone = user.phone()
    assert user.confirm(phone.code()).code == "unavailable"
    boto3.client("dynamodb").put_item(TableName=aws["KEYS_TABLE"], Item=row)
    assert user.confirm(phone.code()).status == 200


def test_rotate_keys_is_an_entry_point(service, clock: Clock):
    from infra.local.stack import SCHEDULED_EVENT

    clock.advance(29 * DAY)
    done = service.rotate_keys(SCHEDULED_EVENT, None)
    assert len(done["pass"]["created"]) == 1
    assert service.rotate_keys(SCHEDULED_EVENT, None)["pass"] == {"created": [], "retired": []}
