"""CloudFormation's templates, read for tests."""

from typing import Any

import yaml

from infra import templates


class _Plain(yaml.SafeLoader):
    """Reads a template with CloudFormation's functions replaced by what they are given."""


def _argument(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return loader.construct_sequence(node, deep=True)


_Plain.add_multi_constructor("!", _argument)

TEXTS = {name: templates.text(name) for name in templates.NAMES}


def resources(name: str) -> dict[str, dict[str, Any]]:
    """Return a template's own resources by their names, without its additions to Chalice's."""
    found: dict[str, dict[str, Any]] = yaml.load(TEXTS[name], _Plain)["Resources"]
    return {name: one for name, one in found.items() if "Type" in one}
