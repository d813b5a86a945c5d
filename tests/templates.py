"""CloudFormation's templates, read for tests."""

from typing import Any

import yaml

from infra.environment import ROOT


class _Plain(yaml.SafeLoader):
    """Reads a template with CloudFormation's functions replaced by what they are given."""


def _argument(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return loader.construct_sequence(node, deep=True)


_Plain.add_multi_constructor("!", _argument)

TEXTS = {path.name: path.read_text("utf-8") for path in (ROOT / "infra").glob("*.yaml")}


def resources(name: str) -> dict[str, dict[str, Any]]:
    """A template's resources by their logical names."""
    return yaml.load(TEXTS[name], _Plain)["Resources"]
