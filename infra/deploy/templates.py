"""The CloudFormation templates of ``infra/templates``: read from YAML, written as JSON."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent.parent / "templates"
NAMES = ("data", "bootstrap", "service", "edge", "userpool")
"""In the order of deployment: each needs only those before it. The last two are optional."""


class _Intrinsics(yaml.SafeLoader):
    """Read CloudFormation's short forms, such as ``!Ref``, as the long ones that JSON has."""


def _long_form(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Intrinsics.add_multi_constructor("!", _long_form)


def read(name: str) -> dict[str, Any]:
    """Return the template of a name such as ``service``."""
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    document: dict[str, Any] = yaml.load(text, _Intrinsics)  # noqa: S506 - a SafeLoader
    return document


def as_json(document: Any) -> str:
    """Return the shortest JSON of a document, with its keys in order."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def parameters_of(template: Mapping[str, Any], values: Mapping[str, object]) -> dict[str, str]:
    """Return the values that the template has parameters for, as text.

    Parameters without a value are left to their defaults, even if an earlier deployment set them: the
    stage's file is the whole truth.
    """
    return {name: str(values[name]) for name in template.get("Parameters", {}) if name in values}


def names_in(document: Any) -> set[str]:
    """Return all names that a part of a template refers to, by Ref or within Fn::Sub."""
    return set().union(*re.findall(r'"Ref":"(\w+)"|\$\{(\w+)', as_json(document)))
