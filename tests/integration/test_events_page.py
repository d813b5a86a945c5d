"""docs/events.md describes the messages that are sent."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from chalicelib import wiring
from chalicelib.core.changes import Finding, Why
from chalicelib.core.events import EventType
from chalicelib.core.lockout import SUSPEND_AT
from chalicelib.support.requests import REASONS
from infra.audit.verify import Damage
from infra.environment import ROOT
from tests.kit.delivery import Delivery
from tests.kit.desk import Desk
from tests.kit.login import MOBILE
from tests.kit.subscriber import Subscriber
from tests.kit.user import User

PAGE = (ROOT / "docs" / "events.md").read_text("utf-8")
TYPES = {*EventType, *Finding}


def blocks(kind: str) -> list[Any]:
    """The page's JSON blocks of a kind."""
    return [json.loads(text) for text in re.findall(rf"```json {kind}\n(.*?)```", PAGE, re.DOTALL)]


(SCHEMA,) = blocks("schema")
(POLICY,) = blocks("policy")
EXAMPLES = {example["type"]: example for example in blocks("example")}
validator = Draft202012Validator(SCHEMA)


@pytest.fixture
def sent(
    new_user: Callable[[], User],
    delivery: Delivery,
    desk: Desk,
    dynamodb: Any,
    aws: dict[str, str],
    subscribe: Callable[..., Subscriber],
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[list[dict[str, Any]], list[dict[str, str]], list[dict[str, Any]]]:
    """Send a message of every type. Returns documents, attributes, and those that POLICY passes."""
    everything, for_clients = subscribe(), subscribe(POLICY)
    user, other = new_user(), new_user()
    phone = user.bound_phone()
    user.verify(phone.code(), client=MOBILE)
    delivery.clock.advance(60)
    user.verify(phone.code())
    for _ in range(5):
        user.verify(phone.wrong())
    desk.unlock(user.account)
    almost = {":almost": {"N": str(SUSPEND_AT - 1)}}
    delivery.clock.advance(1)
    dynamodb.update_item(
        TableName=aws["BINDINGS_TABLE"],
        Key={"account": {"S": user.account}},
        UpdateExpression="SET failures = :almost",
        ExpressionAttributeValues=almost,
    )
    user.verify(phone.wrong())
    desk.unbind(user.account)
    discarded = other.phone()
    for _ in range(5):
        other.confirm(discarded.wrong())
    desk.unbind(other.account, ticket="T-2")
    code = desk.call("invite", other.account)["bind_code"]
    other.call("POST", "/bind", {"bind_code": f"{(int(code) + 1) % 10**8:08}"})
    monkeypatch.setattr(wiring.components().desk, "_two_operators", True)
    desk.call("invite", other.account, ticket="T-3")
    desk.unbind(other.account, ticket="T-4")
    unreadable = {"eventID": f"unreadable-{user.account}", "eventName": "MODIFY"}
    delivery.deliver([*delivery.take(), unreadable])
    received = everything.received()
    return received, everything.attributes, for_clients.received()


def test_the_page_has_an_example_and_a_line_for_each_type_and_no_other():
    assert set(EXAMPLES) == TYPES
    assert len(blocks("example")) == len(EXAMPLES)
    assert set(re.findall(r"^\| `(\w+)` \| .* \| .* \|$", PAGE, re.MULTILINE)) == TYPES


def test_the_schema_knows_every_type_reason_and_way_of_tampering():
    Draft202012Validator.check_schema(SCHEMA)
    client, support, nobody = SCHEMA["oneOf"]
    listed = [*client["properties"]["type"]["enum"], *support["properties"]["type"]["enum"]]
    assert {*listed, *nobody["properties"]["type"]["enum"]} == TYPES
    assert support["then"]["properties"]["reason"]["enum"] == [*REASONS, None]
    assert nobody["then"]["properties"]["why"]["enum"] == list(Why)


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=list(EXAMPLES))
def test_each_example_fits_the_schema(example: dict[str, Any]):
    validator.validate(example)
    at = datetime.fromtimestamp(int(example["event_id"].partition("-")[0]), UTC)
    assert at.strftime("%Y-%m-%dT%H:%M:%SZ") == example["at"]


def test_the_page_explains_every_way_of_tampering_and_every_kind_of_damage():
    explained = re.findall(r"^\| `(\w+)` \| .* \|$", PAGE, re.MULTILINE)
    assert {*Why, *Damage} <= set(explained)


def test_the_schema_refuses_an_invalid_message():
    bound, unbound, tampered = (EXAMPLES[name] for name in ("bound", "unbound", "tampered"))
    for wrong in (
        bound | {"channel": None},
        bound | {"operator": "amy"},
        bound | {"event_id": "000000000001-fb0ce338c387"},
        unbound | {"ticket": None},
        unbound | {"reason": "whim"},
        unbound | {"operator_proved": None},
        EXAMPLES["unlocked"] | {"reason": "other"},
        tampered | {"why": None},
        tampered | {"type": "other"},
        {name: value for name, value in bound.items() if name != "reason"},
    ):
        assert not validator.is_valid(wrong), wrong


def test_every_sent_message_fits_the_schema_and_its_example(sent: Any):
    documents, attributes, _ = sent
    assert {document["type"] for document in documents} == TYPES
    for document, given in zip(documents, attributes, strict=True):
        validator.validate(document)
        example = EXAMPLES[document["type"]]
        assert list(document) == list(example)
        assert [value is None for value in document.values()] == [
            value is None for value in example.values()
        ]
        expected = {"type": document["type"], "channel": document["channel"]}
        assert given == {name: value for name, value in expected.items() if value}


def test_the_pages_policy_passes_every_message_for_the_client_and_no_other(sent: Any):
    documents, _, for_clients = sent
    wanted = re.findall(r"^\| `(\w+)` \| .* \| \*\*yes\*\*", PAGE, re.MULTILINE)
    assert wanted == ["bound", "channel_bound", "verified", "unbound", "unlocked"]
    assert [told["event_id"] for told in for_clients] == [
        told["event_id"] for told in documents if told["type"] in wanted
    ]
