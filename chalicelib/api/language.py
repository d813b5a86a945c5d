"""The languages of the service, and the choice by a client's Accept-Language header."""

import re
from enum import StrEnum


class Language(StrEnum):
    """The languages of messages. The value is the name of the file in ``messages``."""

    SIMPLIFIED = "zh-CN"
    TRADITIONAL = "zh-HK"
    ENGLISH = "en"


_TRADITIONAL_TAGS = ("zh-hk", "zh-tw", "zh-mo", "zh-hant")

_PART = re.compile(
    r"(\*|[A-Za-z]{1,8}(?:-(?:[A-Za-z0-9]{1,8}|\*))*)"
    r"(?:[ \t]*;[ \t]*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?",
    re.ASCII,
)


def preferred(accept_language: str) -> Language:
    """Return the best language for an Accept-Language header (RFC 9110 section 12.5.4).

    The highest quality wins, and of equal ones the first. A quality of 0 excludes a language. A
    malformed part is ignored. ``*`` stands for every language that the header does not name. If
    nothing matches, the language is 简体.
    """
    qualities: dict[Language, float] = {}
    rest = 0.0
    for part in accept_language.split(","):
        match = _PART.fullmatch(part.strip(" \t"))
        if match is None:
            continue
        tag, quality = match[1].lower(), float(match[2] or "1")
        language = _language(tag)
        if tag == "*":
            rest = quality
        if language is not None:
            qualities[language] = max(quality, qualities.get(language, 0.0))
        if tag == "zh" and quality == 0:
            qualities.setdefault(Language.TRADITIONAL, 0.0)
    for language in Language:
        qualities.setdefault(language, rest)
    best = max(qualities, key=lambda language: qualities[language])
    return best if qualities[best] > 0 else Language.SIMPLIFIED


def _language(tag: str) -> Language | None:
    """Return the language that a tag in lower case asks for, or None."""
    if tag == "en" or tag.startswith("en-"):
        return Language.ENGLISH
    if tag in _TRADITIONAL_TAGS or tag.startswith("zh-hant-"):
        return Language.TRADITIONAL
    return Language.SIMPLIFIED if tag == "zh" or tag.startswith("zh-") else None
