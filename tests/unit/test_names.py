"""A reader finds a thing by its name, so no two modules and no two classes have the same."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

REPLACED = {"deploying", "rehearsal"}
"""The packages of infra that a deployment by CloudFormation replaces."""

FILES = [
    ROOT / "app.py",
    *sorted((ROOT / "chalicelib").rglob("*.py")),
    *sorted(path for path in (ROOT / "infra").rglob("*.py") if path.parent.name not in REPLACED),
]


def repeated(places: list[tuple[str, Path]]) -> dict[str, set[str]]:
    """The names that stand for more than one place, with these."""
    found = defaultdict(set)
    for name, path in places:
        found[name].add(path.relative_to(ROOT).as_posix())
    return {name: paths for name, paths in found.items() if len(paths) > 1}


def test_no_two_modules_share_a_name():
    modules = [(path.stem, path) for path in FILES if not path.stem.startswith("__")]
    assert len(modules) > 50
    assert repeated(modules) == {}


def test_no_two_classes_share_a_name():
    classes = [
        (node.name, path)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    assert len(classes) > 50
    assert repeated(classes) == {}
