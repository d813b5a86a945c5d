"""The calls of a handler to AWS, recorded on the wire to moto and read as IAM would read it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.client import BaseClient

from tests.permissions.simulator import Request

_PARTITION_KEYS = {"bindings": "account", "audit": "account", "keys": "purpose"}
_NAME = re.compile(r"#\w+")
_INSERT = re.compile(r'INSERT INTO "[\w-]+-(\w+)" VALUE \{(.*)\}', re.ASCII)

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
    context: dict[str, str | tuple[str, ...]] = {"dynamodb:LeadingKeys": (value,)}
    if table == "bindings":
        context |= _projected(parameters)
    return [Request(name, resources[table], context)]


def _on_table(name: str, parameters: dict[str, Any], resources: dict[str, str]) -> list[Request]:
    table = resources[parameters["TableName"].rpartition("-")[2]]
    return [Request(name, table, _projected(parameters))]


def _projected(parameters: dict[str, Any]) -> dict[str, str | tuple[str, ...]]:
    """Return the attributes that a read asks for."""
    if "ProjectionExpression" not in parameters:
        return {"dynamodb:Select": "ALL_ATTRIBUTES"}
    names = parameters["ExpressionAttributeNames"]
    asked = tuple(names[placeholder] for placeholder in parameters["ProjectionExpression"].split(", "))
    return {"dynamodb:Select": "SPECIFIC_ATTRIBUTES", "dynamodb:Attributes": asked}


def _by_statement(name: str, parameters: dict[str, Any], resources: dict[str, str]) -> list[Request]:
    """A batch of statements asks for the right to each of its statements; none to itself."""
    requests = []
    for one in parameters["Statements"]:
        table, names = _INSERT.fullmatch(one["Statement"]).groups()  # type: ignore[union-attr]
        item = dict(zip(re.findall(r"\w+", names), one["Parameters"], strict=True))
        context: dict[str, str | tuple[str, ...]] = {
            "dynamodb:LeadingKeys": (item[_PARTITION_KEYS[table]]["S"],),
            "dynamodb:Attributes": tuple(sorted(item)),
        }
        requests.append(Request("dynamodb:PartiQLInsert", resources[table], context))
    return requests


def _on_object(name: str, parameters: dict[str, Any], resources: dict[str, str]) -> list[Request]:
    """Of an object by its version there is a right of its own."""
    action = name + ("Version" if "VersionId" in parameters else "")
    given = {"s3:if-none-match": parameters["IfNoneMatch"]} if "IfNoneMatch" in parameters else {}
    return [Request(action, resources["a witness"], given)]


def _on_bucket(name: str, parameters: dict[str, Any], resources: dict[str, str]) -> list[Request]:
    return [Request("s3:ListBucketVersions", resources["witness"])]


def _for_anybody(name: str, parameters: dict[str, Any], resources: dict[str, str]) -> list[Request]:
    """No policy can refuse it."""
    return []


def _on_key(name: str, parameters: dict[str, Any], resources: dict[str, str]) -> list[Request]:
    sealed_for = parameters["EncryptionContext"]["purpose"]
    # The key goes by its ARN or by its alias, and the right is always to the key.
    return [Request(name, resources["key"], {"kms:EncryptionContext:purpose": sealed_for})]


def _on_topic(name: str, parameters: dict[str, Any], resources: dict[str, str]) -> list[Request]:
    """A batch asks for the right to publish."""
    return [Request("sns:Publish", parameters["TopicArn"])]


_READ: dict[str, Callable[[str, dict[str, Any], dict[str, str]], list[Request]]] = {
    "dynamodb:GetItem": _on_item,
    "dynamodb:PutItem": _on_item,
    "dynamodb:UpdateItem": _on_item,
    "dynamodb:DeleteItem": _on_item,
    "dynamodb:Query": _on_partition,
    "dynamodb:Scan": _on_table,
    "dynamodb:BatchExecuteStatement": _by_statement,
    "s3:PutObject": _on_object,
    "s3:GetObject": _on_object,
    "s3:ListObjectVersions": _on_bucket,
    "sts:GetCallerIdentity": _for_anybody,
    "kms:Encrypt": _on_key,
    "kms:Decrypt": _on_key,
    "sns:PublishBatch": _on_topic,
}
