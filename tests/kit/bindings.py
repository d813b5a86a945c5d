"""Bindings in each state, and what clients and support send, for tests of the core."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.core import totp
from chalicelib.core.bind_code import BindCode
from chalicelib.core.binding import (
    Attempt,
    Binding,
    BindRequest,
    Decision,
    Draft,
    OpenedSecret,
    SealedSecret,
    State,
)
from chalicelib.core.channel import Channel
from chalicelib.core.unbinding import Request
from tests.kit.phone import code_at, wrong_code

DESKTOP, MOBILE = Channel.DESKTOP, Channel.MOBILE

ADDRESS = "192.0.2.1"

SECRET = b"12345678901234567890"

NOW = 1_800_000_000
"""The first second of a step."""

STEP = NOW // 30

DRAFT = Draft("binding-1", SealedSecret("data-key-1", b"sealed"))

NEW = Binding(account="88000001")
ONCE_UNBOUND = Binding(account="88000001", cutoff=NOW - 9_999)
PENDING = Binding(
    account="88000001",
    state=State.PENDING,
    binding_id="binding-1",
    sealed=DRAFT.sealed,
    expires_at=NOW + 600,
    cutoff=NOW - 9_999,
)
BOUND = Binding(
    account="88000001",
    state=State.BOUND,
    binding_id="binding-1",
    sealed=DRAFT.sealed,
    bound_at=NOW - 5_000,
    last_step=STEP - 100,
    channels={DESKTOP: NOW - 5_000},
    cutoff=NOW - 9_999,
)
LOCKED = replace(BOUND, failures=5, locked_until=NOW + 300)
SUSPENDED = replace(BOUND, failures=100, suspended=True)


def opened(binding: Binding) -> OpenedSecret:
    return OpenedSecret(SECRET, binding.sealed)


def unopened(binding: Binding) -> OpenedSecret:
    raise AssertionError("the secret was opened")


def attempt(code: str, channel: Channel, unseal: Callable = opened, **more: Any) -> Attempt:
    given = {"typed_at": NOW, "address": ADDRESS, "jti": "pass-1", "unseal": unseal}
    return Attempt(code=code, channel=channel, **given | more)


def unread() -> str:
    raise AssertionError("a bind code was read")


def request(draft: Callable[[], Draft], **more: Any) -> BindRequest:
    given = {"typed_at": NOW, "always": False, "bind_code": unread, "hashed": unread, "draft": draft}
    return BindRequest(**given | more)


def new_code(expires_at: int) -> BindCode:
    return BindCode(b"digest", b"salt", expires_at)


REQUEST = Request("T-1", "amy", new_code, "lost_device")


def undrafted() -> Draft:
    raise AssertionError("a secret was made")


def code(steps: int = 0, now: int = NOW) -> str:
    return code_at(totp.base32(SECRET), now + 30 * steps)


def wrong(now: int = NOW) -> str:
    return wrong_code(totp.base32(SECRET), now)


def changes_nothing(binding: Binding, decision: Decision) -> bool:
    """Return True if the decision writes nothing."""
    return decision.binding == binding and decision.event_type is None
