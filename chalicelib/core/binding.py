"""The binding of an account to an authenticator: its states, and every way from one to the next.

Each transition takes the binding as it is, what is asked and the time, and gives a Decision: the
binding as it is from then on, what happened (None: nothing to write down) and what to answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Generic, TypeVar

from chalicelib.core import lockout, totp
from chalicelib.core.channel import Channel
from chalicelib.core.event import Happening
from chalicelib.core.refusal import Refusal
from chalicelib.core.totp import Match

TERM_SECONDS = 600
"""How long a QR code that was shown can be confirmed."""

AnswerT = TypeVar("AnswerT", covariant=True)


class State(StrEnum):
    """Where an account stands."""

    UNBOUND = "unbound"
    PENDING = "pending"
    BOUND = "bound"


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A TOTP secret under a data key; the core passes it along and cannot read it."""

    key_id: str
    blob: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One account's binding.

    ``binding_id`` and ``sealed`` are there unless unbound, ``expires_at`` while pending,
    ``bound_at`` and ``last_step`` (the last step accepted) once bound. ``failures`` counts wrong
    codes in a row. ``channels`` says when a code was first accepted on each, ``accepted_from`` from
    which address the last one was. ``unbound_at`` is when support last unbound this account;
    nothing but support sets it.
    """

    account: str
    state: State = State.UNBOUND
    binding_id: str | None = None
    sealed: SealedSecret | None = None
    expires_at: int | None = None
    bound_at: int | None = None
    last_step: int | None = None
    channels: Mapping[Channel, int] = field(default_factory=dict)
    accepted_from: str | None = None
    failures: int = 0
    locked_until: int | None = None
    suspended: bool = False
    unbound_at: int | None = None

    def locked_at(self, now: int) -> bool:
        """Whether a lock holds; it is over at ``locked_until`` itself."""
        return self.locked_until is not None and now < self.locked_until

    def expired_at(self, now: int) -> bool:
        """Whether this is a QR code past its term, which counts as if it had never been shown."""
        return self.state is State.PENDING and self.expires_at is not None and now > self.expires_at

    def shown_at(self, now: int) -> "Binding":
        """The binding as outsiders see it: past terms and past locks are gone."""
        if self.expired_at(now):
            return _unbound(self)
        if self.suspended or not self.locked_at(now):
            return replace(self, locked_until=None)
        return self


@dataclass(frozen=True, slots=True)
class Draft:
    """What a new pending binding is made of: both parts are random, so the shell makes them."""

    binding_id: str
    sealed: SealedSecret


@dataclass(frozen=True, slots=True)
class Begun:
    """A QR code may be shown; ``superseded`` where one that was shown before stops working."""

    expires_at: int
    superseded: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """The code was right, and its step is spent; ``channel_first_use``: the first on its channel."""

    channel_first_use: bool


@dataclass(frozen=True, slots=True)
class Unbound:
    """What there was has been dropped; ``bound_at`` is None where it was pending."""

    binding_id: str
    bound_at: int | None
    unbound_at: int


@dataclass(frozen=True, slots=True)
class Unlocked:
    """A count, a lock or a suspension has been cleared."""


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """Support asked for what already is."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The refusal to answer with, and the fields it carries."""

    refusal: Refusal
    carried: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision(Generic[AnswerT]):
    """The binding from now on, what happened (None: nothing is to be written), the answer."""

    binding: Binding
    happening: Happening | None
    answer: AnswerT


def begin(binding: Binding, draft: Callable[[], Draft], now: int) -> Decision[Begun | Denied]:
    """A new secret and a new term; whatever was pending before is superseded."""
    if binding.state is State.BOUND:
        return _denied(binding, Refusal.ALREADY_BOUND)
    made = draft()
    expires_at = now + TERM_SECONDS
    pending = replace(
        _unbound(binding),
        state=State.PENDING,
        binding_id=made.binding_id,
        sealed=made.sealed,
        expires_at=expires_at,
    )
    superseded = binding.shown_at(now).state is State.PENDING
    return Decision(pending, Happening.BIND_STARTED, Begun(expires_at, superseded))


def confirm(
    binding: Binding, secret: Callable[[], bytes], code: str, channel: Channel, now: int
) -> Decision[Accepted | Denied]:
    """The first code from the authenticator: it binds, and counts as the login too.

    The 5th wrong code discards the pending binding, so that a QR code seen over someone's
    shoulder is no invitation to guess.
    """
    if binding.state is State.BOUND:
        return _denied(binding, Refusal.ALREADY_BOUND)
    if binding.state is State.UNBOUND:
        return _denied(binding, Refusal.BIND_NOT_STARTED)
    if binding.expired_at(now):
        return _denied(binding, Refusal.BIND_EXPIRED)
    judgement = totp.judge(secret(), code, now, last_accepted=None)
    if judgement.match is Match.FRESH:
        bound = replace(
            binding,
            state=State.BOUND,
            expires_at=None,
            bound_at=now,
            last_step=judgement.step,
            channels={channel: now},
            failures=0,
        )
        return Decision(bound, Happening.BOUND, Accepted(channel_first_use=True))
    failures = binding.failures + 1
    denied = _denied_for(judgement, failures, now)
    if lockout.attempts_left(failures) == 0:
        return Decision(_unbound(binding), Happening.BIND_DISCARDED, denied)
    return Decision(replace(binding, failures=failures), Happening.WRONG_CODE, denied)


def verify(
    binding: Binding, secret: Callable[[], bytes], code: str, channel: Channel, now: int
) -> Decision[Accepted | Denied]:
    """A code at login: one pass for each step, and a longer wait for each wrong code past the 4th."""
    if binding.state is not State.BOUND:
        return _denied(binding, Refusal.NOT_BOUND)
    if binding.suspended:
        return _denied(binding, Refusal.SUSPENDED)
    if binding.locked_until is not None and binding.locked_at(now):
        return _denied(binding, Refusal.LOCKED, retry_after=binding.locked_until - now)
    judgement = totp.judge(secret(), code, now, binding.last_step)
    if judgement.match is Match.FRESH:
        first_use = channel not in binding.channels
        verified = replace(
            binding,
            last_step=judgement.step,
            channels={channel: now, **binding.channels},
            failures=0,
            locked_until=None,
        )
        happening = Happening.CHANNEL_BOUND if first_use else Happening.VERIFIED
        return Decision(verified, happening, Accepted(first_use))
    if judgement.match is Match.USED and binding.last_step is not None:
        retry_after = totp.seconds_until_unused(now, binding.last_step)
        return _denied(binding, Refusal.CODE_USED, retry_after=retry_after)
    return _counted(binding, judgement, now)


def unbind(binding: Binding, now: int) -> Decision[Unbound | NothingToDo]:
    """Support drops the binding, confirmed or not, and with it count, lock and suspension."""
    if binding.state is State.UNBOUND or binding.binding_id is None:
        return Decision(binding, None, NothingToDo())
    dropped = Unbound(binding.binding_id, binding.bound_at, now)
    return Decision(replace(_unbound(binding), unbound_at=now), Happening.UNBOUND, dropped)


def unlock(binding: Binding, now: int) -> Decision[Unlocked | NothingToDo]:
    """Support clears count, lock and suspension; the binding stays as it is."""
    counted = binding.failures or binding.locked_until is not None or binding.suspended
    if not counted or binding.expired_at(now):
        return Decision(binding, None, NothingToDo())
    cleared = replace(binding, failures=0, locked_until=None, suspended=False)
    return Decision(cleared, Happening.UNLOCKED, Unlocked())


def _counted(binding: Binding, judgement: totp.Judgement, now: int) -> Decision[Denied]:
    """One more wrong code on a bound account, and what that brings."""
    failures = binding.failures + 1
    denied = _denied_for(judgement, failures, now)
    if failures >= lockout.SUSPEND_AT:
        suspended = replace(binding, failures=failures, locked_until=None, suspended=True)
        return Decision(suspended, Happening.SUSPENDED, denied)
    pause = lockout.lock_seconds(failures)
    if pause:
        locked = replace(binding, failures=failures, locked_until=now + pause)
        return Decision(locked, Happening.LOCKED, denied)
    return Decision(replace(binding, failures=failures), Happening.WRONG_CODE, denied)


def _denied_for(judgement: totp.Judgement, failures: int, now: int) -> Denied:
    left = lockout.attempts_left(failures)
    if judgement.match is Match.LATE and judgement.step is not None:
        behind = totp.STEP_SECONDS * (totp.step_at(now) - judgement.step)
        return Denied(Refusal.CODE_EXPIRED, {"attempts_left": left, "seconds_behind": behind})
    return Denied(Refusal.WRONG_CODE, {"attempts_left": left})


def _denied(binding: Binding, refusal: Refusal, **carried: int) -> Decision[Denied]:
    return Decision(binding, None, Denied(refusal, carried))


def _unbound(binding: Binding) -> Binding:
    return Binding(account=binding.account, unbound_at=binding.unbound_at)
