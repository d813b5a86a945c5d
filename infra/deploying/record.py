"""What Chalice is told about a stage: its entry in ``.chalice/config.json``. Nothing in it is secret."""

import importlib
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from infra.deploying.console import Stop
from infra.deploying.stage import Stage
from infra.environment import ROOT

CONFIG = ROOT / ".chalice" / "config.json"

ENVIRONMENT = (
    *("BindingsTable", "KeysTable", "AuditTable", "WitnessBucket", "KmsKey"),
    *("BindingsStreamArn", "EventsTopic"),
)
"""The stacks' outputs that the functions are told, each as a variable of its name."""


def entry_points(environment: Mapping[str, str]) -> list[str]:
    """The functions that ``app.py`` defines, by the names that Chalice gives them.

    It is imported as Chalice will import it: with the stage's environment.
    """
    os.environ |= environment
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    app = importlib.import_module("app").app
    named = [entry.name for entry in (*app.pure_lambda_functions, *app.event_sources)]
    return (["api_handler"] if app.routes else []) + named


def environment(stage: Stage, outputs: Mapping[str, str]) -> dict[str, str]:
    """What the functions find in their environment."""
    found = {variable(name): outputs[name] for name in ENVIRONMENT if name in outputs}
    return {**stage.settings, **found, "STAGE": stage.name, "POWERTOOLS_LOG_LEVEL": stage.log_level}


def roles(functions: Iterable[str], outputs: Mapping[str, str]) -> dict[str, str]:
    """Each function's role, from the output of its name. Stop where one has none."""
    found = {name: outputs.get(f"{_camel(name)}RoleArn") for name in functions}
    without = [name for name, role in found.items() if role is None]
    if without:
        raise Stop(f"infra/resources.yaml gives no role for {', '.join(without)}.")
    return {name: role for name, role in found.items() if role is not None}


def chalice_stage(stage: Stage, told: Mapping[str, str], arns: Mapping[str, str]) -> dict[str, Any]:
    """The stage as Chalice's configuration has it: one managed layer, a role for each function."""
    return {
        "automatic_layer": True,
        "manage_iam_role": False,
        "iam_role_arn": arns["api_handler"],
        "lambda_architecture": stage.architecture,
        "lambda_memory_size": stage.memory,
        "lambda_timeout": stage.timeout,
        "environment_variables": dict(sorted(told.items())),
        "tags": {"stage": stage.name},
        "lambda_functions": {name: {"iam_role_arn": arn} for name, arn in sorted(arns.items())},
    }


def write(stage: Stage, entry: Mapping[str, Any]) -> bool:
    """Put the stage into Chalice's configuration; whether that changed the file."""
    before = CONFIG.read_text("utf-8")
    config = json.loads(before)
    config["stages"] = dict(sorted({**config["stages"], stage.name: entry}.items()))
    after = json.dumps(config, ensure_ascii=False, indent=2) + "\n"
    if after != before:
        CONFIG.write_text(after, "utf-8")
    return after != before


def api_stage() -> str:
    """The API's stage in its URL, which is the same for every stage of ours."""
    name: str = json.loads(CONFIG.read_text("utf-8"))["api_gateway_stage"]
    return name


def variable(output: str) -> str:
    """The environment variable that carries an output of the stacks: KmsKey is KMS_KEY."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", output).upper()


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
