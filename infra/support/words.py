"""The command's words, in the language of the terminal."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from chalicelib.api.language import Language, preferred


def language(environment: Mapping[str, str]) -> Language:
    """The language that LC_ALL, LC_MESSAGES or LANG asks for (POSIX.1 chapter 8.2), else English."""
    named = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    tag = named.partition(".")[0].partition("@")[0].replace("_", "-")
    return preferred(f"{tag}, en;q=0.5")


_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


class Words:
    """Phrases of one language by their names."""

    def __init__(self, spoken: Language) -> None:
        self._phrases = phrases(spoken)

    def __call__(self, name: str, **about: object) -> str:
        """A phrase with its gaps filled in."""
        return self._phrases[name].format(**about)

    def of(self, kind: str, value: str | None) -> str:
        """The word for a value of a kind, such as a state; a value that we do not know as it is."""
        if value is None:
            return self._phrases["none"]
        return self._phrases.get(f"{kind}.{value}", value)


@cache
def phrases(spoken: Language) -> dict[str, str]:
    """All phrases of a language."""
    path = Path(__file__).parent / f"words.{spoken.value}.json"
    loaded: dict[str, str] = json.loads(path.read_text("utf-8"))
    return loaded
