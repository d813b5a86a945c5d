"""docs/evidence.md: each test that it names exists, and each figure that a test prints stands in it."""

import ast
import re
from pathlib import Path

import pytest

from infra.environment import ROOT
from tests.evidence import COMMANDS, PAGE, shown_in

TEXT = PAGE.read_text("utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)
ALWAYS = {"make model", "make unit", "make engine", "make e2e", "make soak"}


def functions_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED)))
def test_each_test_that_the_page_names_exists(path: str, name: str):
    assert name in functions_in(ROOT / path)


def test_each_row_of_the_standards_names_a_test():
    standards = TEXT.partition("## Standards")[2]
    rows = [
        line for line in standards.splitlines() if line.startswith("| ") and not line.startswith("| ---")
    ]
    assert len(rows) > 25
    without = [row for row in rows if "`tests/" not in row and not row.endswith("| test |")]
    assert without == []


def test_each_figure_that_a_test_prints_has_a_command_and_a_row():
    sources = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py")]
    printed = {name for source in sources for name in re.findall(r'record\(\s*"([^"]+)"', source)}
    assert printed | {"leaks", "leaks with faults"} == set(COMMANDS)
    rows = {name for name, command in shown_in(TEXT) if command in ALWAYS}
    assert set(COMMANDS) - {"mutation"} <= rows


def test_no_figure_of_a_wrong_outcome_is_other_than_zero():
    counted = [
        number
        for shown in shown_in(TEXT).values()
        for number in re.findall(
            r"([\d,]+) (?:wrong|found|unavailable|exceptions|accepted after)\b", shown
        )
    ]
    assert counted
    assert set(counted) == {"0"}
