"""The command's messages, in the language of the terminal."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from chalicelib.api.language import Language, preferred


def language(environment: Mapping[str, str]) -> Language:
    """Return the language of LC_ALL, LC_MESSAGES or LANG (POSIX.1 chapter 8.2), else English."""
    named = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    tag = named.partition(".")[0].partition("@")[0].replace("_", "-")
    return preferred(f"{tag}, en;q=0.5")


_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


class Words:
    """The messages of one language by their keys."""

    def __init__(self, chosen: Language) -> None:
        self._phrases = phrases(chosen)

    def __call__(self, name: str, **placeholders: object) -> str:
        """Return a message with its placeholders filled in."""
        return self._phrases[name].format(**placeholders)

    def of(self, kind: str, value: str | None) -> str:
        """Return the word for a value of a kind, such as a state, or the value itself if it has none."""
        if value is None:
            return self._phrases["none"]
        return self._phrases.get(f"{kind}.{value}", value)


@cache
def phrases(chosen: Language) -> dict[str, str]:
    """Return all messages of a language."""
    path = Path(__file__).parent / f"words.{chosen.value}.json"
    loaded: dict[str, str] = json.loads(path.read_text("utf-8"))
    return loaded
