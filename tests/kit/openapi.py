"""docs/openapi.yaml as tests read it, and an example of every problem that it describes."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import yaml

from chalicelib.api.language import Language
from chalicelib.api.problems import Problem, problem
from chalicelib.core.errors import ErrorCode
from infra.environment import ROOT

PATH = ROOT / "docs" / "openapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(PATH.read_text("utf-8"))

FIELDS: dict[str, dict[str, int | None]] = {
    "bind_code_required": {"attempts_left": None},
    "wrong_code": {"attempts_left": 4},
    "code_expired": {"attempts_left": 0, "seconds_behind": 60},
    "code_used": {"retry_after": 12},
    "locked": {"retry_after": 300},
}
"""The fields that problems carry besides those of every problem."""


def resolved(node: Any) -> Any:
    """A part of the document with its references resolved."""
    if isinstance(node, list):
        return [resolved(part) for part in node]
    if not isinstance(node, dict):
        return node
    beside = {name: resolved(part) for name, part in node.items() if name != "$ref"}
    if "$ref" not in node:
        return beside
    target: Any = DOCUMENT
    for name in node["$ref"].removeprefix("#/").split("/"):
        target = target[name]
    return resolved(target) | beside


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def documented_codes(response: Any) -> set[str]:
    """The problem codes that a response may carry."""
    content = resolved(response)["content"].get("application/problem+json")
    if content is None:
        return set()
    schema = content["schema"]
    return {problem_code(one) for one in schema.get("oneOf", [schema])}


def problem_code(schema: Any) -> str:
    """The code of a problem's schema: the fields of every problem, and then its own."""
    [code] = schema["allOf"][1]["properties"]["code"]["enum"]
    assert isinstance(code, str)
    return code


def documented_refusals() -> list[tuple[str, str, str]]:
    """Every documented combination of method, path and problem code."""
    return [
        (method, path, code)
        for method, path, operation in operations()
        for response in operation["responses"].values()
        for code in sorted(documented_codes(response))
    ]


def example(code: str) -> Problem:
    """An answer of the service with this code."""
    return problem(ErrorCode(code), Language.ENGLISH, str(uuid4()), FIELDS.get(code))
