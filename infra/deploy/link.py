"""Chalice's record of a stage, so that ``chalice logs``, ``invoke`` and ``url`` work in any clone."""

import json
from typing import Any

from infra.deploy.console import Stop, line
from infra.deploy.smoke import url_of
from infra.deploy.stacks import Stacks
from infra.deploy.stage import Stage
from infra.environment import ROOT

DEPLOYED = ROOT / ".chalice" / "deployed"


def write(session: Any, stacks: Stacks, stage: Stage) -> None:
    """Write ``.chalice/deployed/<stage>.json`` from the stack. Raises Stop if there is none."""
    stack = stacks.describe(stage.stack)
    if stack is None:
        raise Stop(f"{stage.name} is not deployed in {stage.region}.")
    arn = stack["StackId"].split(":")
    entries: list[dict[str, str]] = []
    for kind, name in stacks.resources(stage.stack):
        if kind == "AWS::Lambda::Function":
            short = name.removeprefix(f"{stage.stack}-") if name != stage.stack else "api_handler"
            lambda_arn = f"arn:{arn[1]}:lambda:{arn[3]}:{arn[4]}:function:{name}"
            entries.append({"name": short, "resource_type": "lambda_function", "lambda_arn": lambda_arn})
        elif kind == "AWS::ApiGateway::RestApi":
            entry = {"name": "rest_api", "resource_type": "rest_api", "rest_api_id": name}
            entries.append({**entry, "rest_api_url": f"{url_of(session, name)}/"})
    document = {"resources": entries, "schema_version": "2.0", "backend": "api"}
    DEPLOYED.mkdir(parents=True, exist_ok=True)
    (DEPLOYED / f"{stage.name}.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    line(f"linked       .venv-deploy/bin/chalice logs --stage {stage.name}, and so invoke and url")
