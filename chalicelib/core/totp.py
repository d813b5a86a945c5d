"""TOTP as the authenticators have it (RFC 6238): SHA-1, 6 digits, 30 seconds, a 160-bit secret."""

import base64
import hmac
import re
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import quote

import pyotp

STEP_SECONDS = 30
"""RFC 6238 section 4.1 calls it X; authenticators assume 30 where the URI names none."""

DIGITS = 6

SECRET_BYTES = 20
"""160 bits, the length of an HMAC-SHA-1 key that RFC 4226 section 4 (R6) recommends."""

WINDOW = 1
"""Steps either side of now that still count as now: RFC 6238 section 5.2 advises no more."""

LOOK_BACK = 20
"""Steps back over which a code is still recognised as late rather than wrong: ten minutes."""

_SEPARATORS = " -\u3000\uff0d"
_TYPED = str.maketrans(
    {chr(0xFF10 + digit): str(digit) for digit in range(10)} | dict.fromkeys(_SEPARATORS, "")
)
_DIGITS = re.compile("[0-9]+")


class Match(Enum):
    """What a code turned out to be."""

    FRESH = auto()
    USED = auto()
    LATE = auto()
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Judgement:
    """A code held against a secret; ``step`` is the step it belongs to, None where it matches none."""

    match: Match
    step: int | None = None


def step_at(now: int) -> int:
    """The TOTP counter at Unix time ``now``, in seconds (RFC 6238 section 4.2)."""
    return now // STEP_SECONDS


def normalise(typed: str, digits: int = DIGITS) -> str | None:
    """Return the ASCII digits of a code as people and input methods type it, or None.

    Spaces, hyphens and full-width digits are forgiven. Other Unicode digits are not, since no
    authenticator shows them.
    """
    code = typed.translate(_TYPED)
    return code if len(code) == digits and _DIGITS.fullmatch(code) else None


def judge(secret: bytes, code: str, now: int, last_accepted: int | None) -> Judgement:
    """Which step a six-digit code belongs to, at Unix time ``now`` in seconds.

    A step is accepted at most once in the life of a binding (RFC 6238 section 5.2), so a code
    is fresh only for a step after ``last_accepted``; of several such steps the earliest counts,
    which leaves the later ones to be used. A code that lies ahead of the window is never said
    to be anything but wrong: it would still become valid.
    """
    generator = pyotp.HOTP(base32(secret), digits=DIGITS)
    current = step_at(now)
    matching = [
        step
        for step in range(max(0, current - LOOK_BACK), current + WINDOW + 1)
        if hmac.compare_digest(generator.at(step), code)
    ]
    within = [step for step in matching if step >= current - WINDOW]
    for step in within:
        if last_accepted is None or step > last_accepted:
            return Judgement(Match.FRESH, step)
    if within:
        return Judgement(Match.USED, within[-1])
    if matching:
        return Judgement(Match.LATE, matching[-1])
    return Judgement(Match.NONE)


def is_code_of(secret: bytes, code: str, step: int) -> bool:
    """Return True if the code is the one of a step."""
    return hmac.compare_digest(pyotp.HOTP(base32(secret), digits=DIGITS).at(step), code)


def seconds_until_unused(now: int, last_accepted: int) -> int:
    """How long until the authenticator shows a code whose step is not yet used."""
    return STEP_SECONDS * (max(last_accepted, step_at(now)) + 1) - now


def base32(secret: bytes) -> str:
    """The secret as people type it into an authenticator: RFC 4648 Base32 without padding."""
    return base64.b32encode(secret).decode("ascii").rstrip("=")


def otpauth_uri(secret: bytes, issuer: str, account: str) -> str:
    """The URI of the QR code.

    Every part is percent-encoded UTF-8. The issuer stands as label prefix and as parameter,
    since Microsoft Authenticator reads only the prefix. Algorithm, digits and period are left
    out: the defaults hold, and some authenticators stumble over them.
    """
    name = quote(issuer, safe="")
    label = f"{name}:{quote(account, safe='')}"
    return f"otpauth://totp/{label}?secret={base32(secret)}&issuer={name}"
