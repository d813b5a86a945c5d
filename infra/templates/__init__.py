"""The CloudFormation templates of a stage, and a way to read them."""

from pathlib import Path
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    # PyYAML without libyaml reads the same, ten times slower.
    from yaml import SafeLoader  # type: ignore[assignment]

FOLDER = Path(__file__).parent
NAMES = ("data", "bootstrap", "service", "edge", "userpool")
"""In the order of deployment: each needs only those before it. The last two are optional."""


class _Intrinsics(SafeLoader):
    """Read CloudFormation's short forms, such as ``!Ref``, as the long ones that JSON has."""


def _long_form(loader: SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_scalar(node)  # type: ignore[arg-type]
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Intrinsics.add_multi_constructor("!", _long_form)


def text(name: str) -> str:
    """Return a template as it is written, for CloudFormation."""
    return (FOLDER / f"{name}.yaml").read_text("utf-8")


def read(name: str) -> dict[str, Any]:
    """Return a template with its intrinsic functions in their long form, as JSON has them."""
    template: dict[str, Any] = yaml.load(text(name), _Intrinsics)  # noqa: S506
    return template
