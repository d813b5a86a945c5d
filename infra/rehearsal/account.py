"""What lies in the account of a stage, so that two moments can be compared."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from infra.deploying.stage import APP, Stage


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: whatever a deployment that changes nothing must leave as it is.

    ``tables`` says of each whether it is protected from deletion, and recoverable in time.
    """

    functions: dict[str, tuple[Any, ...]]
    layers: list[str]
    apis: list[str]
    deployments: list[str]
    mappings: list[str]
    stacks: dict[str, Any]
    tables: dict[str, tuple[bool, bool]]


@cache
def client(service: str) -> Any:
    """The API of one of the account's services; making one takes longer than most calls of it."""
    return boto3.client(service)


def look_at(stage_name: str) -> Seen:
    """The stage as the account has it now."""
    stage = Stage(stage_name)
    functions, gateway = client("lambda"), client("apigateway")
    apis = [api["id"] for api in gateway.get_rest_apis()["items"]]
    ours = [
        one
        for one in functions.list_functions()["Functions"]
        if one["FunctionName"].startswith(stage.stack)
    ]
    layers = functions.list_layer_versions(LayerName=stage.layer)["LayerVersions"]
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    stacks = client("cloudformation").describe_stacks()["Stacks"]
    return Seen(
        functions={
            one["FunctionName"]: (
                one["CodeSha256"],
                one["LastModified"],
                tuple(layer["Arn"] for layer in one.get("Layers", [])),
                tuple(sorted(one["Environment"]["Variables"].items())),
            )
            for one in ours
        },
        layers=[layer["LayerVersionArn"] for layer in layers],
        apis=apis,
        deployments=[
            deployment["id"]
            for api in apis
            for deployment in gateway.get_deployments(restApiId=api)["items"]
        ],
        mappings=sorted(mapping["UUID"] for mapping in mappings),
        stacks={one["StackName"]: (one["CreationTime"], one.get("LastUpdatedTime")) for one in stacks},
        tables=_tables(f"{APP}-{stage_name}-"),
    )


def _tables(prefix: str) -> dict[str, tuple[bool, bool]]:
    dynamodb = client("dynamodb")
    found = {}
    for name in dynamodb.list_tables()["TableNames"]:
        if name.startswith(prefix):
            table = dynamodb.describe_table(TableName=name)["Table"]
            backups = dynamodb.describe_continuous_backups(TableName=name)[
                "ContinuousBackupsDescription"
            ]
            recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
            found[name] = (table.get("DeletionProtectionEnabled", False), recovery == "ENABLED")
    return found
