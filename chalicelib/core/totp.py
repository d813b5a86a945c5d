"""TOTP as the authenticators implement it (RFC 6238): SHA-1, 6 digits, 30 seconds, a 160-bit secret."""

import base64
import hmac
import re
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import quote

import pyotp

STEP_SECONDS = 30
"""RFC 6238 section 4.1 calls it X. Authenticators assume 30 if the URI names none."""

DIGITS = 6

SECRET_BYTES = 20
"""160 bits, the length that RFC 4226 section 4 (R6) recommends."""

WINDOW = 1
"""Steps before and after the current one that are accepted. RFC 6238 section 5.2 advises no more."""

LOOK_BACK = 20
"""Steps back for which a code counts as late and not as wrong: ten minutes."""

_SEPARATORS = " -\u3000\uff0d"
_TYPED = str.maketrans(
    {chr(0xFF10 + digit): str(digit) for digit in range(10)} | dict.fromkeys(_SEPARATORS, "")
)
_DIGITS = re.compile("[0-9]+")


class Match(Enum):
    """The result of judging a code."""

    FRESH = auto()
    USED = auto()
    LATE = auto()
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The match of a code, and its step. ``step`` is None if the code matches none."""

    match: Match
    step: int | None = None


def step_at(now: int) -> int:
    """Return the TOTP counter at Unix time ``now``, in seconds (RFC 6238 section 4.2)."""
    return now // STEP_SECONDS


def normalise(typed: str, digits: int = DIGITS) -> str | None:
    """Return the ASCII digits of a code as people and input methods type it, or None.

    Spaces, hyphens and full-width digits are forgiven. Other Unicode digits are not, since no
    authenticator shows them.
    """
    code = typed.translate(_TYPED)
    return code if len(code) == digits and _DIGITS.fullmatch(code) else None


def judge(secret: bytes, code: str, now: int, last_accepted: int | None) -> Judgement:
    """Return the match of a six-digit code at Unix time ``now``, in seconds.

    A step is accepted at most once in the life of a binding (RFC 6238 section 5.2). So a code is
    fresh only for a step after ``last_accepted``. The earliest such step counts, which leaves later
    ones unused. A code ahead of the window matches nothing: to report it would tell a guesser that
    it becomes valid soon.
    """
    current = step_at(now)
    window = range(max(0, current - WINDOW), current + WINDOW + 1)
    within = [step for step in window if is_code_of(secret, code, step)]
    for step in within:
        if last_accepted is None or step > last_accepted:
            return Judgement(Match.FRESH, step)
    if within:
        return Judgement(Match.USED, within[-1])
    for step in range(current - WINDOW - 1, max(0, current - LOOK_BACK) - 1, -1):
        if is_code_of(secret, code, step):
            return Judgement(Match.LATE, step)
    return Judgement(Match.NONE)


def is_code_of(secret: bytes, code: str, step: int) -> bool:
    """Return True if the code is the one of a step."""
    return hmac.compare_digest(pyotp.HOTP(base32(secret), digits=DIGITS).at(step), code)


def seconds_until_unused(now: int, last_accepted: int) -> int:
    """Return the seconds until the authenticator shows a code whose step is unused."""
    return STEP_SECONDS * (max(last_accepted, step_at(now)) + 1) - now


def base32(secret: bytes) -> str:
    """Return the secret as people type it into an authenticator: RFC 4648 Base32 without padding."""
    return base64.b32encode(secret).decode("ascii").rstrip("=")


def otpauth_uri(secret: bytes, issuer: str, account: str) -> str:
    """Return the URI of the QR code.

    Every part is percent-encoded UTF-8. The issuer is both label prefix and parameter, since
    Microsoft Authenticator reads only the prefix. Algorithm, digits and period are left out: the
    defaults hold, and some authenticators reject the parameters.
    """
    name = quote(issuer, safe="")
    label = f"{name}:{quote(account, safe='')}"
    return f"otpauth://totp/{label}?secret={base32(secret)}&issuer={name}"
