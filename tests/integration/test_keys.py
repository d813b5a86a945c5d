"""Keys in the table: what KMS opens of them, and what rotation does."""

from typing import Any

import boto3
import jwt
import pytest

from chalicelib import wiring
from tests.conftest import Clock, User

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
def no_other_keys(aws: dict[str, str], service) -> None:
    """Begin with the keys of a first deployment."""
    dynamodb = boto3.client("dynamodb")
    for purpose in ("pass",):
        for row in rows(aws, purpose):
            dynamodb.delete_item(
                TableName=aws["KEYS_TABLE"], Key={"purpose": row["purpose"], "key_id": row["key_id"]}
            )
    wiring.parts().rotation.run()


def test_signing_keys_hand_over_without_a_pause(user: User, clock: Clock):
    phone = user.bound_phone()
    first = kid(user, phone)
    announced_at = None
    for _ in range(40):
        clock.advance(DAY)
        wiring.parts().rotation.run()
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
    wiring.parts().rotation.run()
    assert published(user) == {in_use}


def test_a_secret_is_sealed_anew_under_a_newer_data_key_in_the_write_made_anyway(
    user: User, clock: Clock, aws
):
    phone = user.bound_phone()

    def item() -> dict[str, Any]:
        return boto3.client("dynamodb").get_item(
            TableName=aws["BINDINGS_TABLE"], Key={"account": {"S": user.account}}
        )["Item"]

    before = item()
    clock.advance(92 * DAY)
    wiring.parts().rotation.run()
    assert user.verify(phone.code()).status == 200
    after = item()
    assert after["secret_key"] != before["secret_key"]
    assert after["secret"] != before["secret"]
    assert int(after["version"]["N"]) == int(before["version"]["N"]) + 1
    assert user.verify(phone.wrong()).code == "wrong_code"
    assert item()["secret"] == after["secret"]
    assert len(rows(aws, "secret")) >= 2


@pytest.mark.parametrize("change", ["key_id", "not_before", "not_after", "purpose"])
def test_whoever_can_write_the_table_cannot_add_or_stretch_a_key(
    user: User, aws, change: str, clock: Clock
):
    row = rows(aws, "secret" if change == "purpose" else "pass")[0]
    now = int(clock())
    forged = {
        "key_id": {"key_id": {"S": "forged"}},
        "not_before": {"key_id": {"S": "forged"}, "not_before": {"N": str(now)}},
        "not_after": {"not_after": {"N": str(now + 10**6)}},
        "purpose": {"purpose": {"S": "pass"}, "not_after": {"N": str(now + 10**6)}},
    }[change]
    boto3.client("dynamodb").put_item(TableName=aws["KEYS_TABLE"], Item=row | forged)
    wiring.forget()
    answer = user.call("GET", "/.well-known/jwks.json")
    if change == "not_after":
        assert answer.code == "unavailable"
    else:
        assert "forged" not in {key["kid"] for key in answer.json["keys"]}
        assert len(answer.json["keys"]) == 1


def test_a_row_that_cannot_be_read_harms_no_other(user: User, aws):
    boto3.client("dynamodb").put_item(
        TableName=aws["KEYS_TABLE"], Item={"purpose": {"S": "pass"}, "key_id": {"S": "x"}}
    )
    wiring.forget()
    assert len(published(user)) == 1


def test_the_first_keys_are_found_at_once(user: User, aws):
    dynamodb = boto3.client("dynamodb")
    (row,) = rows(aws, "pass")
    dynamodb.delete_item(
        TableName=aws["KEYS_TABLE"], Key={"purpose": row["purpose"], "key_id": row["key_id"]}
    )
    wiring.forget()
    phone = user.phone()
    assert user.confirm(phone.code()).code == "unavailable"
    dynamodb.put_item(TableName=aws["KEYS_TABLE"], Item=row)
    assert user.confirm(phone.code()).status == 200


def test_rotate_keys_is_an_entry_point_of_its_own(service, clock: Clock):
    from infra.local.stack import SCHEDULED_EVENT

    clock.advance(29 * DAY)
    done = service.rotate_keys(SCHEDULED_EVENT, None)
    assert len(done["pass"]["created"]) == 1
    assert service.rotate_keys(SCHEDULED_EVENT, None)["pass"] == {"created": [], "retired": []}
