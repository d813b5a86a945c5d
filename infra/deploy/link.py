"""Chalice's record of a stage, so that ``chalice logs``, ``invoke`` and ``url`` work in any clone."""

import json
from pathlib import Path
from typing import Any

from infra.deploy.stacks import Stacks
from infra.deploy.stage import Stage
from infra.environment import ROOT

_DEPLOYED = ROOT / ".chalice" / "deployed"


def write(stacks: Stacks, stage: Stage, url: str, folder: Path = _DEPLOYED) -> Path:
    """Write ``.chalice/deployed/<stage>.json`` from the stack; its path. Changes nothing in AWS."""
    entries: list[dict[str, Any]] = []
    arn = (stacks.describe(stage.stack) or {})["StackId"].split(":")
    for _, kind, physical in stacks.resources(stage.stack):
        if kind == "AWS::Lambda::Function":
            name = physical.removeprefix(f"{stage.stack}-") if physical != stage.stack else "api_handler"
            lambda_arn = f"arn:{arn[1]}:lambda:{arn[3]}:{arn[4]}:function:{physical}"
            entries.append({"name": name, "resource_type": "lambda_function", "lambda_arn": lambda_arn})
        elif kind == "AWS::ApiGateway::RestApi":
            entries.append(
                {
                    "name": "rest_api",
                    "resource_type": "rest_api",
                    "rest_api_id": physical,
                    "rest_api_url": f"{url}/",
                }
            )
    document = {"resources": entries, "schema_version": "2.0", "backend": "api"}
    path = folder / f"{stage.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return path


def forget(stage: Stage, folder: Path = _DEPLOYED) -> None:
    """Delete the record of a stage that is gone."""
    (folder / f"{stage.name}.json").unlink(missing_ok=True)
