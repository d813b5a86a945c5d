"""The languages of the support command."""

import re

import pytest

from chalicelib.api.language import Language
from chalicelib.support.requests import REASONS
from infra.support import account_view
from infra.support.words import Words, language, phrases
from tests.kit.support_terminal import Terminal, lines, speak
from tests.kit.user import User


@pytest.mark.parametrize(
    ("environment", "spoken"),
    [
        ({}, Language.ENGLISH),
        ({"LANG": "C"}, Language.ENGLISH),
        ({"LANG": "C.UTF-8"}, Language.ENGLISH),
        ({"LANG": "fr_FR.UTF-8"}, Language.ENGLISH),
        ({"LANG": "en_HK.UTF-8"}, Language.ENGLISH),
        ({"LANG": "zh_CN.UTF-8"}, Language.SIMPLIFIED),
        ({"LANG": "zh_SG"}, Language.SIMPLIFIED),
        ({"LANG": "zh_HK.UTF-8"}, Language.TRADITIONAL),
        ({"LANG": "zh_TW.Big5"}, Language.TRADITIONAL),
        ({"LANG": "zh_HK@modifier"}, Language.TRADITIONAL),
        ({"LANG": "zh_CN", "LC_MESSAGES": "en_US", "LC_ALL": "zh_TW"}, Language.TRADITIONAL),
        ({"LANG": "zh_CN", "LC_MESSAGES": "en_US", "LC_ALL": ""}, Language.ENGLISH),
    ],
)
def test_the_language_is_that_of_the_terminal(environment: dict[str, str], spoken: Language):
    assert language(environment) is spoken


@pytest.mark.parametrize(
    ("lang", "words"), [("zh_CN.UTF-8", "状态"), ("zh_HK.UTF-8", "狀態"), ("de_DE.UTF-8", "state")]
)
def test_the_output_is_in_the_language_of_the_terminal(
    user: User, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, lang: str, words: str
):
    speak(monkeypatch, lang)
    terminal.run("status", user.account)
    assert words in lines(terminal.out)


def test_every_language_has_every_phrase_with_the_same_placeholders():
    gaps = {
        spoken: {name: sorted(re.findall(r"{(\w+)}", text)) for name, text in phrases(spoken).items()}
        for spoken in Language
    }
    assert gaps[Language.SIMPLIFIED] == gaps[Language.TRADITIONAL] == gaps[Language.ENGLISH]
    assert all(text.strip() for spoken in Language for text in phrases(spoken).values())


def test_every_reason_state_and_event_has_a_word():
    from chalicelib.core.binding import State
    from chalicelib.core.channel import Channel
    from chalicelib.core.events import EventType

    named = phrases(Language.ENGLISH)
    wanted = [f"reason.{reason}" for reason in REASONS]
    wanted += [f"state.{state}" for state in State] + [f"channel.{channel}" for channel in Channel]
    wanted += [f"type.{event_type}" for event_type in EventType] + ["type.tampered", "type.unreadable"]
    assert [name for name in wanted if name not in named] == []


def test_a_table_lines_up_where_characters_are_wide():
    shown = account_view.table([["状态", "已绑定"], ["ab", "c"], ["e\N{COMBINING ACUTE ACCENT}", "d"]])
    starts = [
        account_view.width(row[: row.rindex(last)])
        for row, last in zip(shown.splitlines(), "已cd", strict=True)
    ]
    assert starts == [6, 6, 6]


def test_a_missing_time_is_a_dash():
    assert account_view.local_time(None, Words(Language.ENGLISH)) == "-"
