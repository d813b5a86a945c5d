"""Templates as documents: their JSON, values for their parameters, the names that they refer to."""

import json
import re
from collections.abc import Mapping
from typing import Any


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
