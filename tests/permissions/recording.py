"""What a handler asks of AWS, recorded on the wire to moto and read as IAM would read it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.client import BaseClient

from tests.permissions.simulator import Request

_PARTITION_KEYS = {"bindings": "account", "audit": "account", "keys": "purpose"}
_NAME = re.compile(r"#\w+")

Call = tuple[str, dict[str, Any]]


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """Every AWS call made meanwhile: ``service:Operation`` and its parameters."""
    calls: list[Call] = []
    make = BaseClient._make_api_call

    def noted(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        calls.append((f"{self.meta.service_model.service_name}:{operation}", parameters))
        return make(self, operation, parameters)

    BaseClient._make_api_call = noted  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        BaseClient._make_api_call = make  # type: ignore[method-assign]


def as_requests(calls: list[Call], resources: dict[str, str]) -> list[Request]:
    """The calls as IAM judges them, each kind once."""
    requests = [r for name, parameters in calls for r in _READ[name](name, parameters, resources)]
    return list({request.key: request for request in requests}.values())


def _on_item(name: str, parameters: dict[str, Any], resources: dict[str, str]) -> list[Request]:
    table = parameters["TableName"].rpartition("-")[2]
    partition = _PARTITION_KEYS[table]
    item = parameters.get("Key") or parameters["Item"]
    names = parameters.get("ExpressionAttributeNames", {})
    expressions = " ".join(
        parameters.get(part, "")
        for part in ("ProjectionExpression", "UpdateExpression", "ConditionExpression")
    )
    # All names stand as placeholders in what this project sends, but for a key's own.
    named = {names[placeholder] for placeholder in _NAME.findall(expressions)}
    context: dict[str, str | tuple[str, ...]] = {
        "dynamodb:LeadingKeys": (item[partition]["S"],),
        "dynamodb:Attributes": tuple(sorted({*item, *named})),
    }
    if name == "dynamodb:GetItem":
        projected = "ProjectionExpression" in parameters
        context["dynamodb:Select"] = "SPECIFIC_ATTRIBUTES" if projected else "ALL_ATTRIBUTES"
    if "ReturnValues" in parameters:
        context["dynamodb:ReturnValues"] = parameters["ReturnValues"]
    return [Request(name, resources[table], context)]


def _on_partition(name: str, parameters: dict[str, Any], resources: dict[str, str]) -> list[Request]:
    table = parameters["TableName"].rpartition("-")[2]
    value = parameters["ExpressionAttributeValues"][f":{_PARTITION_KEYS[table]}"]["S"]
    return [Request(name, resources[table], {"dynamodb:LeadingKeys": (value,)})]


def _on_table(name: str, parameters: dict[str, Any], resources: dict[str, str]) -> list[Request]:
    context: dict[str, str | tuple[str, ...]] = {"dynamodb:Select": "ALL_ATTRIBUTES"}
    if "ProjectionExpression" in parameters:
        context["dynamodb:Select"] = "SPECIFIC_ATTRIBUTES"
        context["dynamodb:Attributes"] = tuple(parameters["ProjectionExpression"].split(", "))
    return [Request(name, resources[parameters["TableName"].rpartition("-")[2]], context)]


def _on_items(name: str, parameters: dict[str, Any], resources: dict[str, str]) -> list[Request]:
    """A transaction asks for the right to each of its parts; none to itself."""
    return [
        request
        for part in parameters["TransactItems"]
        for kind, one in part.items()
        for request in _on_item(f"dynamodb:{kind}Item", one, resources)
    ]


def _on_key(name: str, parameters: dict[str, Any], resources: dict[str, str]) -> list[Request]:
    sealed_for = parameters["EncryptionContext"]["purpose"]
    # The key goes by its ARN or by its alias, and the right is always to the key.
    return [Request(name, resources["key"], {"kms:EncryptionContext:purpose": sealed_for})]


def _on_topic(name: str, parameters: dict[str, Any], resources: dict[str, str]) -> list[Request]:
    return [Request(name, parameters["TopicArn"])]


_READ: dict[str, Callable[[str, dict[str, Any], dict[str, str]], list[Request]]] = {
    "dynamodb:GetItem": _on_item,
    "dynamodb:PutItem": _on_item,
    "dynamodb:UpdateItem": _on_item,
    "dynamodb:DeleteItem": _on_item,
    "dynamodb:Query": _on_partition,
    "dynamodb:Scan": _on_table,
    "dynamodb:TransactWriteItems": _on_items,
    "kms:Encrypt": _on_key,
    "kms:Decrypt": _on_key,
    "sns:Publish": _on_topic,
}
