"""The Chinese pages for developers and operators say as much as the English ones."""

import re
from dataclasses import dataclass

import pytest

from infra.environment import ROOT

PAGES = ("clients", "operations")
COMMANDS = re.compile(r"(?<=\n\n)(?: {4,}\S.*\n)+")


@dataclass
class Section:
    """Return the parts of a section that are the same in every language."""

    level: int
    code: set[str]
    commands: list[str]
    programs: list[str]
    rows: list[int]
    """The number of cells of each row of its tables."""


def sections(text: str) -> list[Section]:
    found = []
    for heading in re.split(r"^(?=#+ )", text, flags=re.MULTILINE)[1:]:
        programs = re.findall(r"^```(?!mermaid)\w+\n.*?^```$", heading, re.DOTALL | re.MULTILINE)
        prose = re.sub(r"^```.*?^```$", "", heading, flags=re.DOTALL | re.MULTILINE)
        commands = COMMANDS.findall(prose)
        prose = COMMANDS.sub("", prose)
        code = {" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)}
        rows = [row.count(" | ") for row in re.findall(r"^\|.*$", prose, re.MULTILINE)]
        found.append(Section(heading.index(" "), code, commands, programs, rows))
    return found


def calls(text: str) -> list[list[str]]:
    """The calls and codes of each diagram."""
    diagrams = re.findall(r"^```mermaid\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [re.findall(r"POST /[a-z/]+|\b\d{3}\b|[a-z]+_[a-z_]+", diagram) for diagram in diagrams]


@pytest.mark.parametrize("page", PAGES)
def test_every_section_has_the_same_code_commands_and_rows_in_both_languages(page: str):
    english, chinese = (
        (ROOT / "docs" / f"{page}{ending}.md").read_text("utf-8") for ending in ("", ".zh-CN")
    )
    assert len(sections(english)) == len(sections(chinese))
    for wanted, found in zip(sections(english), sections(chinese), strict=True):
        assert found == wanted
    assert calls(english) == calls(chinese)


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_link_to_each_other(page: str):
    docs = ROOT / "docs"
    assert f"[简体]({page}.zh-CN.md)" in (docs / f"{page}.md").read_text("utf-8")
    assert f"[English]({page}.md)" in (docs / f"{page}.zh-CN.md").read_text("utf-8")
