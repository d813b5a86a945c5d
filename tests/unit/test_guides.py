"""The guides for clients follow the desktop terminal, and show drawings that say what they are."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from chalicelib.api.language import Language
from infra.environment import ROOT

DOCS = ROOT / "docs"
DRAWING = {
    Language.ENGLISH: "Drawing",
    Language.SIMPLIFIED: "示意图",
    Language.TRADITIONAL: "示意圖",
}

each_language = pytest.mark.parametrize("language", Language)


def guide(language: Language) -> str:
    return (DOCS / f"guide.{language.value}.md").read_text("utf-8")


def steps(language: Language) -> dict[str, str]:
    """Each numbered step of a guide, with what is said under it."""
    _, *parts = re.split(r"^(\d)\. ", guide(language), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def drawings(language: Language) -> list[tuple[str, Path]]:
    """The drawings of a guide, each with its alternative text."""
    found = re.findall(r"!\[(.*)\]\((images/.*\.svg)\)", guide(language))
    return [(alternative, DOCS / name) for alternative, name in found]


@each_language
def test_each_of_the_six_steps_is_said_once(language: Language):
    assert re.findall(r"^(\d)\. \*\*", guide(language), re.MULTILINE) == list("123456")
    for number in "13":
        assert len(re.findall(r"^   - \*\w+", steps(language)[number], re.MULTILINE)) == 2


@each_language
def test_the_qr_code_comes_by_the_button_of_the_terminal(language: Language):
    page = ROOT / "infra" / "local" / "page" / "words" / f"{language.value}.js"
    button = re.search(r'^  show_qr: "(.*)",$', page.read_text("utf-8"), re.MULTILINE)
    assert button is not None
    assert f"**{button[1]}**" in steps(language)["2"]


@each_language
def test_there_is_a_place_for_the_number_of_the_hotline(language: Language):
    assert re.search(r"^> \*\*.+[:：] ?_{10,}\*\*$", guide(language), re.MULTILINE)


@each_language
def test_both_authenticators_are_shown_as_drawings_that_say_so(language: Language):
    names = [file.name.split("-")[0] for _, file in drawings(language)]
    assert names == ["microsoft", "tencent"]
    for alternative, file in drawings(language):
        assert alternative.startswith(DRAWING[language])
        texts = ["".join(text.itertext()) for text in ElementTree.parse(file).iter() if text.text]
        assert any(DRAWING[language] in text for text in texts)


def test_a_drawing_loads_nothing():
    files = sorted((DOCS / "images").glob("*.svg"))
    assert len(files) == 4
    for file in files:
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(file).iter()}
        assert tags <= {"svg", "title", "g", "rect", "circle", "path", "text"}
        assert "href" not in file.read_text("utf-8")
