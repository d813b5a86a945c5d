"""The channels through which a client reaches the broker."""

from enum import StrEnum


class Channel(StrEnum):
    """The desktop terminal or the phone app."""

    DESKTOP = "desktop"
    MOBILE = "mobile"
