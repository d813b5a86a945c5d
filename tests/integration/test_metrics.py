"""Metrics that CloudWatch counts from the log lines, and the fields of these lines."""

import importlib
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from chalice.local import LambdaEventConverter
from chalice.test import Client

from chalicelib import metrics
from chalicelib.core.keys import Purpose
from chalicelib.log import log
from infra.local.stack import SCHEDULED_EVENT
from tests.kit.login import MOBILE
from tests.kit.user import User


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """The lines since the last call."""
    caplog.set_level("INFO", log.service)
    metrics.counted()  # the process's cold start

    def read() -> list[dict[str, Any]]:
        written = [json.loads(log.registered_formatter.format(record)) for record in caplog.records]
        caplog.clear()
        return written

    return read


def counts(line: dict[str, Any]) -> set[tuple[str, ...]]:
    """Return the metrics that a line adds one to, each with the values of its dimensions."""
    return {
        (metric["Name"], *(line[name] for name in names))
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", [])
        for metric in directive["Metrics"]
        for names in directive["Dimensions"]
        if directive["Namespace"] == "totp-binding" and line[metric["Name"]] == [1.0]
    }


@pytest.fixture
def come_from(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes later calls come from another address."""
    return lambda address: monkeypatch.setattr(LambdaEventConverter, "LOCAL_SOURCE_IP", address)


@pytest.fixture(autouse=True)
def in_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "totp-binding-prod")


def test_logins_are_counted_by_channel(user: User, lines: Any):
    phone = user.bound_phone()
    assert counts(lines()[-1]) == {
        ("Logins", "totp-binding-prod"),
        ("Logins", "totp-binding-prod", "desktop"),
        ("Bindings", "totp-binding-prod"),
        ("Bindings", "totp-binding-prod", "desktop"),
    }
    user.verify(phone.code(), client=MOBILE)
    (line,) = lines()
    assert counts(line) == {
        ("Logins", "totp-binding-prod"),
        ("Logins", "totp-binding-prod", "mobile"),
    }


def test_a_look_at_a_binding_counts_nothing(user: User, lines: Any):
    user.look()
    (line,) = lines()
    assert "_aws" not in line


def test_an_error_is_one_line_with_the_account_and_the_address(user: User, lines: Any, come_from: Any):
    come_from("203.0.113.9")
    user.verify("123456", client=MOBILE)
    (line,) = lines()
    assert {name: line[name] for name in ("account", "channel", "address", "code")} == {
        "account": user.account,
        "channel": "mobile",
        "address": "203.0.113.9",
        "code": "not_bound",
    }
    assert counts(line) == {
        ("Refusals", "totp-binding-prod"),
        ("Refusals", "totp-binding-prod", "not_bound"),
    }


def test_the_wrong_code_that_locks_counts_as_out_of_attempts(user: User, lines: Any):
    phone = user.bound_phone()
    for _ in range(5):
        user.verify(phone.wrong())
    user.verify(phone.wrong())
    *_, fourth, fifth, locked = lines()
    assert ("OutOfAttempts", "totp-binding-prod") not in counts(fourth)
    assert ("OutOfAttempts", "totp-binding-prod") in counts(fifth)
    assert locked["code"] == "locked"
    assert ("OutOfAttempts", "totp-binding-prod") not in counts(locked)


def test_a_replay_from_another_address_is_counted_apart(user: User, lines: Any, come_from: Any):
    come_from("203.0.113.9")
    phone = user.bound_phone()
    code = phone.code()
    user.verify(code)
    lines()
    assert user.verify(code).code == "code_used"
    come_from("198.51.100.7")
    answer = user.verify(code)
    at_home, elsewhere = lines()
    assert ("ReplaysElsewhere", "totp-binding-prod") not in counts(at_home)
    assert ("ReplaysElsewhere", "totp-binding-prod") in counts(elsewhere)
    assert elsewhere["why"] == "accepted before, from another address"
    assert (answer.code, answer.json["retry_after"]) == ("code_used", 30)


def test_a_wrong_code_in_between_hides_no_replay(user: User, lines: Any, come_from: Any):
    phone = user.bound_phone()
    code = phone.code()
    user.verify(code)
    come_from("198.51.100.7")
    user.verify(phone.wrong())
    user.verify(code)
    assert ("ReplaysElsewhere", "totp-binding-prod") in counts(lines()[-1])


def test_a_new_binding_forgets_the_address_of_the_old_one(user: User, service: Any, aws: Any):
    user.bound_phone()
    event = {"account": user.account, "operator": "chan", "ticket": "T-1", "reason": "other"}
    Client(service.app).lambda_.invoke("unbind", event)
    assert "accepted_from" not in item_of(user, aws)


def test_support_calls_are_counted_by_outcome(user: User, service: Any, lines: Any):
    client = Client(service.app)
    event = {"account": user.account, "operator": "chan", "ticket": "T-1", "reason": "other"}
    user.phone()
    lines()
    for asked in (event, event, {}):
        client.lambda_.invoke("unbind", asked)
    counted = [counts(line) - {("Errands", "totp-binding-prod")} for line in lines()]
    assert counted == [
        {("Errands", "totp-binding-prod", outcome)} for outcome in ("unbound", "repeated", "invalid")
    ]


def test_each_rotation_is_counted(service: Any, lines: Any):
    service.rotate_keys(SCHEDULED_EVENT, None)
    for purpose, line in zip(Purpose, lines(), strict=True):
        assert counts(line) == {
            ("Rotations", "totp-binding-prod"),
            ("Rotations", "totp-binding-prod", purpose.value),
        }


def test_a_failure_of_aws_counts_as_unavailable(user: User, wire: Any, lines: Any):
    wire.refuse("GetItem", "InternalServerError", status=500, times=2)
    assert user.look().status == 503
    assert ("Refusals", "totp-binding-prod", "unavailable") in counts(lines()[-1])


def test_a_process_counts_its_cold_start_once(user: User, lines: Any):
    importlib.reload(metrics)
    user.look()
    user.look()
    first, second = lines()
    assert counts(first) == {("ColdStarts", "totp-binding-prod")}
    assert counts(second) == set()


def item_of(user: User, aws: dict[str, str]) -> Any:
    key = {"account": {"S": user.account}}
    return boto3.client("dynamodb").get_item(TableName=aws["BINDINGS_TABLE"], Key=key)["Item"]
