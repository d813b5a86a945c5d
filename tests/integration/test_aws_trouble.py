"""AWS throttles, fails, does not answer, or holds what cannot be read."""

import socket
import threading
import time
from collections.abc import Iterator

import boto3
import pytest

from chalicelib import wiring
from tests.kit.clock import Clock
from tests.kit.user import User
from tests.kit.wire import Wire


def failures(service, user: User) -> int:
    class Context:
        aws_request_id = "look"

    found: int = service.lookup({"account": user.account, "operator": "t"}, Context)["failures"]
    return found


def test_a_right_code_whose_write_got_no_answer_still_yields_its_pass(user: User, wire: Wire):
    phone = user.bound_phone()
    wire.drop_answer("UpdateItem")
    wire.calls.clear()
    answer = user.verify(phone.code())
    assert answer.status == 200
    assert answer.json["pass"]
    assert wire.calls == ["GetItem", "UpdateItem", "GetItem"]
    assert user.verify(phone.code()).code == "code_used"


def test_a_wrong_code_whose_write_got_no_answer_counts_once(user: User, wire: Wire, service):
    phone = user.bound_phone()
    wire.drop_answer("UpdateItem")
    assert user.verify(phone.wrong()).json["attempts_left"] == 4
    assert failures(service, user) == 1


def test_a_bind_and_a_confirm_whose_writes_got_no_answer_stand(user: User, wire: Wire):
    wire.drop_answer("UpdateItem")
    phone = user.phone()
    wire.drop_answer("UpdateItem")
    assert user.confirm(phone.code()).json["state"] == "bound"


def test_a_write_that_never_arrived_is_sent_again(user: User, wire: Wire, service):
    from botocore.exceptions import ReadTimeoutError

    phone = user.bound_phone()
    wire.next("UpdateItem", lambda really: (None, ReadTimeoutError(endpoint_url="aws")))
    assert user.verify(phone.wrong()).json["attempts_left"] == 4
    assert failures(service, user) == 1


def test_a_lost_answer_meets_its_own_write_by_the_refused_condition(user: User, wire: Wire, service):
    """The write lands late: after the look at the item, before it is sent again."""
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


def test_a_write_in_doubt_that_others_have_written_over_is_not_sent_again(
    user: User, wire: Wire, service
):
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
def test_trouble_that_lasts_is_unavailable_and_lets_nobody_in(
    user: User, wire: Wire, operation: str, code: str, status: int, times: int
):
    phone = user.bound_phone()
    wire.refuse(operation, code, status, times)
    answer = user.verify(phone.code())
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "unavailable", "5")
    assert "pass" not in answer.json
    assert user.verify(phone.code()).status == 200


@pytest.mark.parametrize(("operation", "times"), [("GetItem", 1), ("UpdateItem", 3)])
def test_throttling_that_passes_is_not_noticed(user: User, wire: Wire, operation: str, times: int):
    phone = user.bound_phone()
    wire.refuse(operation, "ThrottlingException", 400, times)
    assert user.verify(phone.code()).status == 200


@pytest.mark.parametrize("operation", ["Query", "Decrypt"])
def test_keys_that_cannot_be_had_make_it_unavailable(user: User, wire: Wire, operation: str):
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


def test_a_sealed_secret_that_is_moved_to_another_account_does_not_open(new_user, aws):
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


def test_too_many_writers_on_one_account_make_it_busy(user: User, wire: Wire):
    from itertools import count

    phone = user.bound_phone()
    rounds = count(1)

    def lose(really):
        """Somebody else's right code is always a moment faster."""
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
    """An AWS that takes connections and never answers."""
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


def test_an_aws_that_never_answers_is_given_up_well_within_29_seconds(user: User, deaf_aws):
    begun = time.monotonic()
    answer = user.verify("123456")
    assert answer.code == "unavailable"
    assert time.monotonic() - begun < 12
