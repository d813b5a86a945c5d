"""One account that too many calls write to at once is busy, and no trouble of the service."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from chalice.test import Client

from chalicelib import wiring
from chalicelib.aws import bindings
from chalicelib.aws.bindings import MOST_WRITES, PATIENCE_SECONDS
from infra.environment import ROOT
from tests.integration.test_metrics import counts, in_lambda, lines  # noqa: F401
from tests.kit.user import User
from tests.kit.wire import Wire
from tests.templates import resources

Lost = Callable[..., None]


@pytest.fixture
def lost(user: User, wire: Wire, aws: dict[str, str]) -> Lost:
    """Has the next writes of the account lose against others'."""

    def lose(times: int = MOST_WRITES) -> None:
        wire.refuse("UpdateItem", "ConditionalCheckFailedException", times=times, Item=item(user, aws))

    return lose


def item(user: User, aws: dict[str, str]) -> Any:
    key = {"account": {"S": user.account}}
    return boto3.client("dynamodb").get_item(TableName=aws["BINDINGS_TABLE"], Key=key)["Item"]


def test_a_call_that_loses_every_race_is_busy_and_spends_nothing(
    user: User, lost: Lost, aws: dict[str, str]
):
    phone = user.bound_phone()
    before = item(user, aws)
    lost()
    answer = user.verify(phone.code())
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "busy", "1")
    assert item(user, aws) == before
    assert user.verify(phone.code()).status == 200


def test_a_call_that_wins_the_last_race_is_answered(user: User, lost: Lost):
    phone = user.bound_phone()
    lost(MOST_WRITES - 1)
    assert user.verify(phone.code()).status == 200


def test_binding_may_be_busy_too(user: User, lost: Lost):
    user.bind()
    lost()
    assert user.bind().code == "busy"


def test_busy_is_counted_apart_from_trouble_and_is_no_error_in_the_log(
    user: User,
    lost: Lost,
    lines: Any,  # noqa: F811
):
    phone = user.bound_phone()
    lines()
    lost()
    user.verify(phone.code())
    (line,) = lines()
    assert counts(line) == {("Refusals", "totp-binding-prod"), ("Refusals", "totp-binding-prod", "busy")}
    assert (line["level"], line["why"]) == (
        "WARNING",
        "one account is written to by too many calls at once",
    )


def test_no_alarm_looks_at_busy():
    looked_at = [
        dimension["Value"]
        for resource in resources("service").values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
        for dimension in resource["Properties"].get("Dimensions", [])
    ]
    assert "unavailable" in looked_at
    assert "busy" not in looked_at
    assert "`busy` is not counted here" in (ROOT / "docs" / "operations.md").read_text("utf-8")


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_a_last_write_that_aws_refused_is_trouble(user: User, wire: Wire, lost: Lost, code: str):
    phone = user.bound_phone()
    lost(MOST_WRITES - 1)
    wire.refuse("UpdateItem", code, 500)
    assert user.verify(phone.code()).code == "unavailable"


def test_races_lost_because_aws_is_slow_are_trouble(
    user: User, lost: Lost, monkeypatch: pytest.MonkeyPatch
):
    phone = user.bound_phone()
    table = wiring.components().service._bindings
    ticks = iter([0.0, 1.0, 2.0, PATIENCE_SECONDS + 1])
    monkeypatch.setattr(table, "_monotonic", lambda: next(ticks))
    lost(2)
    assert user.verify(phone.code()).code == "unavailable"


def test_support_is_told_to_ask_again(user: User, service: Any, wire: Wire):
    user.bound_phone()
    wire.refuse("UpdateItem", "ConditionalCheckFailedException", times=bindings.MOST_WRITES)
    event = {"account": user.account, "operator": "mei.chan", "ticket": "T-1", "reason": "lost_device"}
    call = Client(service.app).lambda_.invoke
    assert call("unbind", event).payload == {"outcome": "unavailable"}
    assert call("unbind", event).payload["outcome"] == "unbound"
