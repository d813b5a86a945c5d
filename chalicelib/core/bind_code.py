"""The bind code: eight digits that support reads to a client who must prove more than the password.

It is required after an unbinding, as the setting ``BIND_CODE`` says. The table holds a salted hash.
Somebody who can read the table can still search eight digits, which is why a code lives for a day and
the password is needed as well.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

DIGITS = 8

ATTEMPTS = 5
"""Wrong bind codes that void the code."""

TERM_SECONDS = 86_400
"""Seconds in which a bind code can be used."""

SALT_BYTES = 16

_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**14, 8, 1
"""The cost of a guess: 16 MiB of memory and about 0.05 s of a whole processor (RFC 7914 section 2)."""


class Policy(StrEnum):
    """The setting ``BIND_CODE``: the bindings that need a bind code."""

    COMPROMISE = "compromise"
    AFTER_UNBIND = "after_unbind"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class BindCode:
    """A bind code that support gave out, as it is stored. ``expires_at`` is in Unix seconds."""

    digest: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    expires_at: int


class CodeVerdict(StrEnum):
    """The result of judging a bind code."""

    ACCEPTED = "accepted"
    MISSING = "missing"
    WRONG = "wrong"
    EXPIRED = "expired"


def digest(code: str, salt: bytes) -> bytes:
    """Return the scrypt hash of a bind code under a salt."""
    return hashlib.scrypt(code.encode(), salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P, dklen=32)


def is_live(issued: BindCode | None, failures: int, now: int) -> bool:
    """Return True if a code was given out that is neither past its term nor void."""
    return issued is not None and failures < ATTEMPTS and now < issued.expires_at


def judge(
    issued: BindCode | None,
    failures: int,
    typed: str | None,
    hashed: Callable[[bytes], bytes],
    now: int,
) -> CodeVerdict:
    """Judge the code that a client sent: None if it sent none, or a malformed one.

    ``hashed`` returns the digest of the typed code under a salt. ``failures`` counts the wrong codes
    so far.
    """
    if typed is None or issued is None:
        return CodeVerdict.MISSING
    if not is_live(issued, failures, now):
        return CodeVerdict.EXPIRED
    right = hmac.compare_digest(hashed(issued.salt), issued.digest)
    return CodeVerdict.ACCEPTED if right else CodeVerdict.WRONG


def attempts_left(issued: BindCode | None, failures: int, now: int) -> int | None:
    """Return the wrong bind codes left before the code is void, or None if no code is live."""
    return ATTEMPTS - failures if is_live(issued, failures, now) else None
