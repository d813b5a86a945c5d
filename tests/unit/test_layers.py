"""Import rules that import-linter's contracts in pyproject.toml cannot express."""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in [ROOT / "app.py", *sorted((ROOT / "chalicelib").rglob("*.py"))]
}
"""The modules that are deployed."""

CORE = [module for module in FILES if f"{module}.".startswith("chalicelib.core.")]

NETWORK = {"boto3", "botocore", "urllib3", "requests", "http", "socket", "ssl", "asyncio"}

IMPURE = {"time", "datetime", "random", "secrets", "os", "uuid", "pathlib", "io", "logging", "threading"}

every_module = pytest.mark.parametrize("module", FILES)
every_core_module = pytest.mark.parametrize("module", CORE)


def imports_in(tree: ast.AST, module: str) -> frozenset[str]:
    """Return the full names of all modules that a part of a module's text imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by a relative name"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in FILES else str(node.module))
    return frozenset(found)


@cache
def text(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text("utf-8"))


def imports(module: str) -> frozenset[str]:
    return imports_in(text(module), module)


def packages(module: str) -> set[str]:
    """Return the top-level names of what a module imports."""
    return {name.partition(".")[0] for name in imports(module)}


def test_the_modules_are_found():
    assert "chalicelib.core.totp" in CORE
    assert {"app", "chalicelib.core.binding", "chalicelib.aws.bindings", "chalicelib.api.http"} <= set(
        FILES
    )
    assert imports("chalicelib.core.rules") >= {"chalicelib.core.totp", "chalicelib.core.lockout"}


@every_module
def test_nothing_deployed_imports_infra_or_the_tests(module: str):
    assert packages(module) & {"app", "infra", "tests", "moto", "werkzeug"} == set()


@every_core_module
def test_the_core_imports_itself_the_standard_library_and_pyotp(module: str):
    assert packages(module) <= sys.stdlib_module_names | {"chalicelib", "pyotp"}
    ours = {name for name in imports(module) if name.partition(".")[0] == "chalicelib"}
    assert ours <= set(CORE)


@every_core_module
def test_the_core_has_no_clock_no_dice_and_no_files(module: str):
    assert packages(module) & IMPURE == set()


@every_module
def test_nothing_but_the_http_edge_and_the_entry_points_knows_chalice(module: str):
    assert "chalice" not in packages(module) or module in ("app", "chalicelib.api.http")


@every_module
def test_nothing_but_aws_and_the_login_check_talks_to_a_network(module: str):
    talks = packages(module) & NETWORK | imports(module) & {"urllib.request"}
    assert not talks or module.startswith("chalicelib.aws.") or module == "chalicelib.tokens.login_keys"


def test_a_verification_does_not_load_the_drawing_library():
    drawing = {module for module in FILES if packages(module) & {"qrcode", "png"}}
    assert drawing == {"chalicelib.api.qr"}
    for module in FILES:
        at_the_top = [node for node in text(module).body if not isinstance(node, ast.FunctionDef)]
        assert not any("chalicelib.api.qr" in imports_in(node, module) for node in at_the_top), module
