"""Chalice's record of a stage, so that ``chalice logs``, ``invoke`` and ``url`` work in any clone."""

import json
from pathlib import Path

from infra.deploy.stacks import Stacks
from infra.deploy.stage import Stage
from infra.environment import ROOT

DEPLOYED = ROOT / ".chalice" / "deployed"


def write(stacks: Stacks, stage: Stage, url: str, folder: Path = DEPLOYED) -> None:
    """Write ``.chalice/deployed/<stage>.json`` from the stack. Changes nothing in AWS."""
    entries: list[dict[str, str]] = []
    arn = (stacks.describe(stage.stack) or {})["StackId"].split(":")
    for kind, name in stacks.resources(stage.stack):
        if kind == "AWS::Lambda::Function":
            short = name.removeprefix(f"{stage.stack}-") if name != stage.stack else "api_handler"
            lambda_arn = f"arn:{arn[1]}:lambda:{arn[3]}:{arn[4]}:function:{name}"
            entries.append({"name": short, "resource_type": "lambda_function", "lambda_arn": lambda_arn})
        elif kind == "AWS::ApiGateway::RestApi":
            entry = {"name": "rest_api", "resource_type": "rest_api", "rest_api_id": name}
            entries.append({**entry, "rest_api_url": f"{url}/"})
    document = {"resources": entries, "schema_version": "2.0", "backend": "api"}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stage.name}.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")
