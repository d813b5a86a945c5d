"""AWS throttles, fails, does not answer, or holds an unreadable item."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from chalicelib import wiring
from chalicelib.aws.bindings import MOST_WRITES
from tests.kit.clock import Clock
from tests.kit.desk import Desk
from tests.kit.user import User
from tests.kit.wire import Wire


def failures(service, user: User) -> int:
    class Context:
        aws_request_id = "look"

    found: int = service.lookup({"account": user.account, "operator": "t"}, Context)["failures"]
    return found


def test_a_right_code_gets_its_pass_if_the_answer_to_its_write_is_lost(user: User, wire: Wire):
    phone = user.bound_phone()
    wire.drop_answer("UpdateItem")
    wire.calls.clear()
    answer = user.verify(phone.code())
    assert answer.status == 200
    assert answer.json["pass"]
    assert wire.calls == ["GetItem", "UpdateItem", "GetItem"]
    assert user.verify(phone.code()).code == "code_used"


def test_a_wrong_code_counts_once_if_the_answer_to_its_write_is_lost(user: User, wire: Wire, service):
    phone = user.bound_phone()
    wire.drop_answer("UpdateItem")
    assert user.verify(phone.wrong()).json["attempts_left"] == 4
    assert failures(service, user) == 1


def test_bind_and_confirm_succeed_if_the_answers_to_their_writes_are_lost(user: User, wire: Wire):
    wire.drop_answer("UpdateItem")
    phone = user.phone()
    wire.drop_answer("UpdateItem")
    assert user.confirm(phone.code()).json["state"] == "bound"


def test_a_write_that_never_arrived_is_repeated(user: User, wire: Wire, service):
    from botocore.exceptions import ReadTimeoutError

    phone = user.bound_phone()
    wire.next("UpdateItem", lambda really: (None, ReadTimeoutError(endpoint_url="aws")))
    assert user.verify(phone.wrong()).json["attempts_left"] == 4
    assert failures(service, user) == 1


def test_a_failed_condition_recognises_the_calls_own_late_write(user: User, wire: Wire, service):
    """The write lands after the item is read again and before it is repeated."""
    from botocore.exceptions import ReadTimeoutError

    phone = user.bound_phone()
    late = []

    def lands_late(really):
        late.append(really)
        return None, ReadTimeoutError(endpoint_url="aws")

    def read_then_land(really):
        seen = really()
        if late:
            late.pop()()
        return seen

    wire.next("UpdateItem", lands_late)
    wire.next("GetItem", lambda really: really())
    wire.next("GetItem", read_then_land)
    wire.calls.clear()
    assert user.verify(phone.code()).status == 200
    assert wire.calls == ["GetItem", "UpdateItem", "GetItem", "UpdateItem"]
    assert user.verify(phone.code()).code == "code_used"


def test_an_unanswered_write_is_not_repeated_after_others_have_written(user: User, wire: Wire, service):
    from botocore.exceptions import ReadTimeoutError

    phone = user.bound_phone()

    def others_come_first(really):
        really()
        user.verify(phone.wrong())
        return None, ReadTimeoutError(endpoint_url="aws")

    wire.next("UpdateItem", others_come_first)
    answer = user.verify(phone.wrong())
    assert (answer.status, answer.code) == (503, "unavailable")
    assert failures(service, user) == 2


@pytest.mark.parametrize(
    ("operation", "code", "status", "times"),
    [
        ("GetItem", "ProvisionedThroughputExceededException", 400, 2),
        ("GetItem", "InternalServerError", 500, 2),
        ("GetItem", "ResourceNotFoundException", 400, 1),
        ("GetItem", "AccessDeniedException", 400, 1),
        ("UpdateItem", "ThrottlingException", 400, 8),
        ("UpdateItem", "InternalServerError", 500, 8),
        ("UpdateItem", "AccessDeniedException", 400, 1),
    ],
)
def test_a_lasting_failure_of_aws_is_unavailable_and_lets_nobody_in(
    user: User, wire: Wire, operation: str, code: str, status: int, times: int
):
    phone = user.bound_phone()
    wire.refuse(operation, code, status, times)
    answer = user.verify(phone.code())
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "unavailable", "5")
    assert "pass" not in answer.json
    assert user.verify(phone.code()).status == 200


@pytest.mark.parametrize(("operation", "times"), [("GetItem", 1), ("UpdateItem", 3)])
def test_brief_throttling_does_not_show(user: User, wire: Wire, operation: str, times: int):
    phone = user.bound_phone()
    wire.refuse(operation, "ThrottlingException", 400, times)
    assert user.verify(phone.code()).status == 200


@pytest.mark.parametrize("operation", ["Query", "Decrypt"])
def test_a_login_is_unavailable_if_the_keys_are(user: User, wire: Wire, operation: str):
    phone = user.bound_phone()
    wiring.reset()
    wire.refuse(operation, "InternalServerError", 500, 2)
    assert user.verify(phone.code()).code == "unavailable"
    assert user.verify(phone.code()).status == 200


def test_disabling_the_kms_key_stops_the_service_within_five_minutes(user: User, aws, clock: Clock):
    kms = boto3.client("kms")
    phone = user.bound_phone()
    user.verify(phone.code())
    kms.disable_key(KeyId=aws["KMS_KEY"].rpartition("/")[2])
    try:
        clock.advance(301)
        assert user.verify(phone.code()).code == "unavailable"
        assert user.call("GET", "/.well-known/jwks.json").code == "unavailable"
        assert user.look().json["state"] == "bound"
    finally:
        kms.enable_key(KeyId=aws["KMS_KEY"].rpartition("/")[2])
    assert user.verify(phone.code()).status == 200


def test_a_clock_set_back_keeps_no_key_longer(user: User, aws, clock: Clock):
    kms, key = boto3.client("kms"), aws["KMS_KEY"].rpartition("/")[2]
    # The term of the keys has begun by the earlier time.
    clock.advance(3_600)
    phone, keys_read_at = user.bound_phone(), clock() - 60
    kms.disable_key(KeyId=key)
    clock.time = keys_read_at - 1
    try:
        assert user.verify(phone.code()).code == "unavailable"
        assert user.call("GET", "/.well-known/jwks.json").code == "unavailable"
    finally:
        kms.enable_key(KeyId=key)
    clock.time = keys_read_at + 60
    assert user.verify(phone.code()).status == 200


@pytest.mark.parametrize(
    "damage",
    [
        {"version": {"S": "x"}},
        {"state": {"S": "half-bound"}},
        {"failures": {"N": "1.5"}},
        {"bound_at": None},
        {"last_step": None},
        {"secret": None},
        {"secret": {"B": b"short"}},
        {"secret": {"B": b"x" * 60}},
        {"secret_key": {"S": "no-such-key"}},
        {"event": {"S": "x"}},
    ],
)
def test_an_item_that_cannot_be_read_is_unavailable(user: User, aws, damage: dict):
    phone = user.bound_phone()
    table, key = aws["BINDINGS_TABLE"], {"account": {"S": user.account}}
    dynamodb = boto3.client("dynamodb")
    item = dynamodb.get_item(TableName=table, Key=key)["Item"]
    for name, value in damage.items():
        if value is None:
            del item[name]
        else:
            item[name] = value
    dynamodb.put_item(TableName=table, Item=item)
    assert user.verify(phone.code()).code == "unavailable"


def test_a_sealed_secret_of_another_account_does_not_open(new_user, aws):
    victim, thief = new_user(), new_user()
    victim.bound_phone()
    phone = thief.bound_phone()
    dynamodb, table = boto3.client("dynamodb"), aws["BINDINGS_TABLE"]

    def item(user: User):
        return dynamodb.get_item(TableName=table, Key={"account": {"S": user.account}})["Item"]

    stolen = item(thief)
    dynamodb.put_item(
        TableName=table,
        Item=item(victim) | {name: stolen[name] for name in ("secret", "secret_key")},
    )
    assert victim.verify(phone.code()).code == "unavailable"
    assert thief.verify(phone.code()).status == 200


def test_a_sealed_secret_of_an_earlier_binding_does_not_open(user: User, aws, desk: Desk):
    dynamodb, table = boto3.client("dynamodb"), aws["BINDINGS_TABLE"]

    def item() -> dict[str, Any]:
        return dynamodb.get_item(TableName=table, Key={"account": {"S": user.account}})["Item"]

    lost_phone, lost = user.bound_phone(), item()
    desk.unbind(user.account)
    user.clock.advance(1)
    phone = user.bound_phone()
    kept = {name: lost[name] for name in ("secret", "secret_key")}
    dynamodb.put_item(TableName=table, Item=item() | kept)
    assert user.verify(lost_phone.code()).code == "unavailable"
    assert user.verify(phone.code()).code == "unavailable"


def test_after_the_last_lost_race_the_newest_item_is_judged_once_more(user: User, wire: Wire):
    phone = user.bound_phone()

    def lose_to_a_right_code(really):
        user.clock.advance(30)
        assert user.verify(phone.code()).status == 200
        return really()

    def lose_to_a_wrong_code(really):
        assert user.verify(phone.wrong()).code == "wrong_code"
        return really()

    for lose in [lose_to_a_right_code] * (MOST_WRITES - 5) + [lose_to_a_wrong_code] * 5:
        wire.next("UpdateItem", lose)
        wire.next("UpdateItem", lambda really: really())
    assert user.verify(phone.wrong()).code == "locked"


def test_too_many_writers_on_one_account_are_busy(user: User, wire: Wire):
    from itertools import count

    phone = user.bound_phone()
    rounds = count(1)

    def lose(really):
        """Lose to a right code that is a moment faster."""
        user.clock.advance(30)
        winner.pop()
        assert user.verify(phone.code(1)).status == 200
        next(rounds)
        return really()

    winner = list(range(8))
    for _ in range(8):
        wire.next("UpdateItem", lose)
        wire.next("UpdateItem", lambda really: really())
    answer = user.verify(phone.wrong())
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "busy", "1")
    assert next(rounds) == 9


@pytest.fixture
def deaf_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS that accepts connections and never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                held.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    from moto.core import models

    monkeypatch.setattr(models.botocore_stubber, "enabled", False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
    wiring.reset()
    yield
    listener.close()
    for connection in held:
        connection.close()


def test_a_silent_aws_is_given_up_well_within_29_seconds(user: User, deaf_aws):
    begun = time.monotonic()
    answer = user.verify("123456")
    assert answer.code == "unavailable"
    assert time.monotonic() - begun < 12
