"""Imports go one way, from the entry points down to the rules, and only the edges touch the outside."""

import ast
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in [ROOT / "app.py", *sorted((ROOT / "chalicelib").rglob("*.py"))]
}

CORE = ("chalicelib.core",)

LAYERS = [
    ("app",),
    ("chalicelib.wiring",),
    ("chalicelib.api", "chalicelib.support", "chalicelib.audit", "chalicelib.rotation"),
    ("chalicelib.tokens",),
    ("chalicelib.aws",),
    ("chalicelib.settings", "chalicelib.documents", "chalicelib.log", "chalicelib.metrics"),
    ("chalicelib.core",),
    ("chalicelib",),
]
"""From the top down: a module imports what is below it, or in its own package."""

SERVE_ALL = {"chalicelib.log", "chalicelib.metrics"}
"""The log and the metrics, which import nothing of ours."""

NETWORK = {"boto3", "botocore", "urllib3", "requests", "http", "socket", "ssl", "asyncio"}

IMPURE = {"time", "datetime", "random", "secrets", "os", "uuid", "pathlib", "io", "logging", "threading"}


def layer(module: str) -> tuple[int, str]:
    """The layer of a module, counted from the top, and the package of that layer it is in."""
    return next(
        (depth, package)
        for depth, packages in enumerate(LAYERS)
        for package in packages
        if within(module, (package,))
    )


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@cache
def imports(module: str) -> frozenset[str]:
    """All modules that a module imports, wherever in its text, by their full names."""
    found = set()
    for node in ast.walk(ast.parse(FILES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by a relative name"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in FILES else str(node.module))
    return frozenset(found)


def ours(module: str) -> set[str]:
    return {name for name in imports(module) if name in FILES} - SERVE_ALL


def foreign(module: str) -> set[str]:
    return {name for name in imports(module) if name.partition(".")[0] not in ("app", "chalicelib")}


every_module = pytest.mark.parametrize("module", FILES)


def test_the_modules_are_found():
    assert {"app", "chalicelib.core.binding", "chalicelib.aws.bindings", "chalicelib.api.http"} <= set(
        FILES
    )
    assert imports("chalicelib.core.rules") >= {"chalicelib.core.totp", "chalicelib.core.lockout"}


@every_module
def test_a_module_imports_nothing_that_stands_above_it(module: str):
    depth, package = layer(module)
    wrong = {
        name for name in ours(module) if layer(name)[0] <= depth and layer(name) != (depth, package)
    }
    assert wrong == set()


def test_no_modules_import_each_other_in_a_circle():
    order = list(
        TopologicalSorter({module: imports(module) & set(FILES) for module in FILES}).static_order()
    )
    assert set(order) == set(FILES)


@pytest.mark.parametrize("module", [module for module in FILES if within(module, CORE)])
def test_the_core_imports_itself_the_standard_library_and_pyotp(module: str):
    outside = {name.partition(".")[0] for name in foreign(module)}
    assert outside <= sys.stdlib_module_names | {"pyotp"}
    assert all(within(name, CORE) for name in imports(module) - foreign(module))


@pytest.mark.parametrize("module", [module for module in FILES if within(module, CORE)])
def test_the_core_has_no_clock_no_dice_and_no_files(module: str):
    assert {name.partition(".")[0] for name in foreign(module)} & IMPURE == set()


def test_the_log_and_its_metrics_import_nothing_of_ours():
    assert [imports(name) & set(FILES) for name in SERVE_ALL] == [set(), set()]


@every_module
def test_nothing_but_the_http_edge_and_the_entry_points_knows_chalice(module: str):
    knows = any(name.partition(".")[0] == "chalice" for name in imports(module))
    assert not knows or module in ("app", "chalicelib.api.http")


@every_module
def test_nothing_but_aws_and_the_login_check_talks_to_a_network(module: str):
    talks = {name.partition(".")[0] for name in foreign(module)} & NETWORK
    talks |= foreign(module) & {"urllib.request"}
    assert not talks or module.startswith("chalicelib.aws.") or module == "chalicelib.tokens.login_keys"


def test_a_verification_does_not_load_the_drawing_library():
    drawing = {module for module in FILES if "qrcode" in imports(module)}
    assert drawing == {"chalicelib.api.qr"}
    tree = ast.parse(FILES["chalicelib.api.answers"].read_text("utf-8"))
    at_the_top = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert "chalicelib.api.qr" not in at_the_top
