"""Alarms, dashboard and saved queries use the metrics and fields that the service writes."""

import json
import re
from typing import Any

import boto3
import pytest
from chalice.test import Client

from chalicelib.core import lockout
from chalicelib.log import log
from infra.environment import ROOT
from infra.local.stack import SCHEDULED_EVENT
from tests.kit.login import MOBILE
from tests.kit.user import User
from tests.templates import resources

OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")


TEMPLATE = resources("service")
ALARMS = {
    resource["Properties"]["AlarmName"].replace("${Stage}", "<stage>"): resource["Properties"]
    for resource in TEMPLATE.values()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}


@pytest.fixture
def counted(
    user: User, service: Any, aws: Any, dynamodb: Any, delivery: Any, caplog: pytest.LogCaptureFixture
) -> set[tuple[str, ...]]:
    """The metrics of a story of logins, locks and unbindings, by the names of their dimensions."""
    caplog.set_level("INFO", log.service)
    phone = user.bound_phone()
    user.verify(phone.code(), client=MOBILE)
    for _ in range(lockout.WARN_AT_IN_A_MONTH):
        user.verify(phone.wrong())
        user.clock.advance(lockout.LADDER_MINUTES[-1] * 60)
    event = {"account": user.account, "operator": "chan", "ticket": "T-1", "reason": "other"}
    Client(service.app).lambda_.invoke("unbind", event)
    service.rotate_keys(SCHEDULED_EVENT, None)
    dynamodb.delete_item(TableName=aws["BINDINGS_TABLE"], Key={"account": {"S": user.account}})
    delivery.deliver()
    lines = [json.loads(log.registered_formatter.format(record)) for record in caplog.records]
    return {
        (metric["Name"], *names)
        for line in lines
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", [])
        for metric in directive["Metrics"]
        for names in directive["Dimensions"]
    } | {("ColdStarts", "function_name"), ("ReplaysElsewhere", "function_name")}


def test_alarms_use_metrics_that_the_service_counts(counted: set[tuple[str, ...]]):
    looked_at = {
        (alarm["MetricName"], *(dimension["Name"] for dimension in alarm["Dimensions"]))
        for alarm in ALARMS.values()
        if alarm.get("Namespace") == "totp-binding"
    }
    assert len(looked_at) >= 5
    assert looked_at - counted == set()


def test_the_dashboard_shows_metrics_that_the_service_counts(
    counted: set[tuple[str, ...]], aws: dict[str, str]
):
    name = "totp-binding-test-us-east-1"
    body = boto3.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
    shown, previous = set(), []
    for widget in json.loads(body)["widgets"]:
        for metric in widget["properties"]["metrics"]:
            parts = [part for part in metric if isinstance(part, str)]
            if parts and parts[0] == "...":
                parts = previous[: len(previous) - len(parts) + 1] + parts[1:]
            previous = parts
            if parts and parts[0] == "totp-binding":
                shown.add((parts[1], *parts[2::2]))
    (refusals,) = re.findall(
        r'\{"totp-binding",([^}]+)\} MetricName="(\w+)" "totp-binding-test"', searches(body)
    )
    assert (refusals[1], *sorted(json.loads(f"[{refusals[0]}]"), reverse=True)) in counted
    assert ("Logins", "function_name", "channel") in shown
    assert shown - counted == set()
    assert "${" not in body


def searches(body: str) -> str:
    """The search expressions of a dashboard, one to a line."""
    metrics = [one for widget in json.loads(body)["widgets"] for one in widget["properties"]["metrics"]]
    return "\n".join(one[0]["expression"] for one in metrics if isinstance(one[0], dict))


def test_every_alarm_notifies_operations_of_its_start_and_its_end():
    for alarm in ALARMS.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["OperationsTopic"]


def test_operations_md_names_the_action_for_every_alarm():
    told = {
        line.strip("# `") for line in OPERATIONS.splitlines() if line.startswith("### `totp-binding-")
    }
    assert told == set(ALARMS)


def test_only_the_rotation_alarm_fires_on_missing_data():
    silent = {name for name, alarm in ALARMS.items() if alarm["TreatMissingData"] == "breaching"}
    assert silent == {"totp-binding-<stage>-rotation-overdue"}


def test_the_saved_queries_use_fields_that_the_log_lines_have(
    user: User, caplog: pytest.LogCaptureFixture
):
    user.verify("123456")
    line = json.loads(log.registered_formatter.format(caplog.records[-1]))
    queries = [
        resource["Properties"]["QueryString"]
        for resource in TEMPLATE.values()
        if resource["Type"] == "AWS::Logs::QueryDefinition"
    ]
    assert len(queries) == 2
    assert all('filter message = "refused"' in query for query in queries)
    assert line["message"] == "refused"
    for name in ("account", "channel", "address", "code", "why", "request_id"):
        assert name in line
        assert any(name in query for query in queries)
