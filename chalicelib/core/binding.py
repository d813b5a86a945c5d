"""The binding of an account to an authenticator: its states and the transitions between them.

Each transition takes the binding, the request and the time, and returns a Decision: the next
binding, the event to record (None if nothing is to be written) and the answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Generic, TypeVar

from chalicelib.core import lockout, totp
from chalicelib.core.channel import Channel
from chalicelib.core.errors import ErrorCode
from chalicelib.core.events import EventType
from chalicelib.core.totp import Match

TERM_SECONDS = 600
"""Seconds in which a QR code can be confirmed after it was shown."""

AnswerT = TypeVar("AnswerT", covariant=True)


class State(StrEnum):
    """The state of an account's binding."""

    UNBOUND = "unbound"
    PENDING = "pending"
    BOUND = "bound"


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A TOTP secret sealed under a data key. The core passes it along and cannot read it."""

    key_id: str
    blob: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenedSecret:
    """A TOTP secret in the clear, with the seal to store: a newer one if its data key was replaced."""

    secret: bytes = field(repr=False)
    sealed: SealedSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One account's binding.

    ``binding_id`` and ``sealed`` are set unless unbound, ``expires_at`` while pending, ``bound_at``
    and ``last_step`` (the last step accepted) once bound. ``failures`` counts wrong codes in a row.
    ``channels`` holds the time of the first accepted code on each channel, ``accepted_from`` the
    address of the last one. ``unbound_at`` is the time of support's last unbinding; only support
    sets it. Times are Unix seconds.
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
        """Return True while a lock holds. It is over at ``locked_until`` itself."""
        return self.locked_until is not None and now < self.locked_until

    def expired_at(self, now: int) -> bool:
        """Return True for a pending binding past its term, which counts as unbound."""
        return self.state is State.PENDING and self.expires_at is not None and now > self.expires_at

    def shown_at(self, now: int) -> "Binding":
        """Return the binding as outsiders see it: past terms and past locks are gone."""
        if self.expired_at(now):
            return _unbound(self)
        if self.suspended or not self.locked_at(now):
            return replace(self, locked_until=None)
        return self


@dataclass(frozen=True, slots=True)
class Draft:
    """The random parts of a new pending binding, which the shell makes."""

    binding_id: str
    sealed: SealedSecret


@dataclass(frozen=True, slots=True)
class Attempt:
    """A code that a client sent, its channel and address, and ``unseal`` to open the secret."""

    code: str = field(repr=False)
    channel: Channel
    address: str | None
    unseal: Callable[[Binding], OpenedSecret] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Begun:
    """A new QR code may be shown. ``superseded`` is True if an earlier one stops working."""

    expires_at: int
    superseded: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """The code was right and its step is used up: a pass may be issued for ``binding_id`` at ``at``."""

    binding_id: str
    at: int
    channel_first_use: bool


@dataclass(frozen=True, slots=True)
class Unbound:
    """The binding was dropped. ``bound_at`` is None if it was pending."""

    binding_id: str
    bound_at: int | None
    unbound_at: int


@dataclass(frozen=True, slots=True)
class Unlocked:
    """A count, a lock or a suspension was cleared."""


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """The account is already in the state that support asked for."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The error to answer with and the fields it carries.

    ``replayed_elsewhere`` is True for a used code from another address than the login that used it.
    """

    code: ErrorCode
    fields: Mapping[str, int] = field(default_factory=dict)
    replayed_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Decision(Generic[AnswerT]):
    """The next binding, the type of the event to record (None: nothing to write), and the answer."""

    binding: Binding
    event_type: EventType | None
    answer: AnswerT


def begin(binding: Binding, draft: Callable[[], Draft], now: int) -> Decision[Begun | Denied]:
    """Start a pending binding with a new secret and a new term. An earlier pending one is superseded."""
    if binding.state is State.BOUND:
        return _denied(binding, ErrorCode.ALREADY_BOUND)
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
    return Decision(pending, EventType.BIND_STARTED, Begun(expires_at, superseded))


def confirm(binding: Binding, attempt: Attempt, now: int) -> Decision[Accepted | Denied]:
    """Judge the first code from the authenticator. A right one binds, and counts as the login too.

    The 5th wrong code discards the pending binding, so that a photographed QR code gives no
    unlimited guesses.
    """
    if binding.state is State.BOUND:
        return _denied(binding, ErrorCode.ALREADY_BOUND)
    if binding.state is State.UNBOUND:
        return _denied(binding, ErrorCode.BIND_NOT_STARTED)
    if binding.expired_at(now):
        return _denied(binding, ErrorCode.BIND_EXPIRED)
    opened = attempt.unseal(binding)
    judgement = totp.judge(opened.secret, attempt.code, now, last_accepted=None)
    if judgement.match is Match.FRESH:
        bound = replace(binding, state=State.BOUND, expires_at=None, bound_at=now)
        return _accepted(bound, attempt, opened, judgement.step, EventType.BOUND, now)
    failures = binding.failures + 1
    denied = _denied_for(judgement, failures, now)
    if lockout.attempts_left(failures) == 0:
        return Decision(_unbound(binding), EventType.BIND_DISCARDED, denied)
    counted = replace(binding, failures=failures, sealed=opened.sealed)
    return Decision(counted, EventType.WRONG_CODE, denied)


def verify(binding: Binding, attempt: Attempt, now: int) -> Decision[Accepted | Denied]:
    """Judge a code at login. Each step gives one pass; each wrong code past the 4th locks for longer."""
    if binding.state is not State.BOUND:
        return _denied(binding, ErrorCode.NOT_BOUND)
    if binding.suspended:
        return _denied(binding, ErrorCode.SUSPENDED)
    if binding.locked_until is not None and binding.locked_at(now):
        return _denied(binding, ErrorCode.LOCKED, retry_after=binding.locked_until - now)
    opened = attempt.unseal(binding)
    judgement = totp.judge(opened.secret, attempt.code, now, binding.last_step)
    if judgement.match is Match.FRESH:
        event_type = (
            EventType.VERIFIED if attempt.channel in binding.channels else EventType.CHANNEL_BOUND
        )
        return _accepted(binding, attempt, opened, judgement.step, event_type, now)
    if judgement.match is Match.USED and binding.last_step is not None:
        fields = {"retry_after": totp.seconds_until_unused(now, binding.last_step)}
        elsewhere = binding.accepted_from not in (None, attempt.address)
        denied = Denied(ErrorCode.CODE_USED, fields, replayed_elsewhere=elsewhere)
        return Decision(binding, None, denied)
    return _counted(replace(binding, sealed=opened.sealed), judgement, now)


def unbind(binding: Binding, now: int) -> Decision[Unbound | NothingToDo]:
    """Drop the binding, confirmed or not, and with it count, lock and suspension."""
    if binding.state is State.UNBOUND or binding.binding_id is None:
        return Decision(binding, None, NothingToDo())
    dropped = Unbound(binding.binding_id, binding.bound_at, now)
    return Decision(replace(_unbound(binding), unbound_at=now), EventType.UNBOUND, dropped)


def unlock(binding: Binding, now: int) -> Decision[Unlocked | NothingToDo]:
    """Clear count, lock and suspension. The binding stays as it is."""
    to_clear = binding.failures or binding.locked_until is not None or binding.suspended
    if not to_clear or binding.expired_at(now):
        return Decision(binding, None, NothingToDo())
    cleared = replace(binding, failures=0, locked_until=None, suspended=False)
    return Decision(cleared, EventType.UNLOCKED, Unlocked())


def _accepted(
    binding: Binding,
    attempt: Attempt,
    opened: OpenedSecret,
    step: int | None,
    event_type: EventType,
    now: int,
) -> Decision[Accepted]:
    """Use up the step of a right code, and clear count and lock."""
    first_use = attempt.channel not in binding.channels
    logged_in = replace(
        binding,
        sealed=opened.sealed,
        last_step=step,
        channels={attempt.channel: now, **binding.channels},
        accepted_from=attempt.address,
        failures=0,
        locked_until=None,
    )
    return Decision(logged_in, event_type, Accepted(binding.binding_id or "", now, first_use))


def _counted(binding: Binding, judgement: totp.Judgement, now: int) -> Decision[Denied]:
    """Count one more wrong code on a bound account, and lock or suspend it if that is due."""
    failures = binding.failures + 1
    denied = _denied_for(judgement, failures, now)
    if failures >= lockout.SUSPEND_AT:
        suspended = replace(binding, failures=failures, locked_until=None, suspended=True)
        return Decision(suspended, EventType.SUSPENDED, denied)
    pause = lockout.lock_seconds(failures)
    if pause:
        locked = replace(binding, failures=failures, locked_until=now + pause)
        return Decision(locked, EventType.LOCKED, denied)
    return Decision(replace(binding, failures=failures), EventType.WRONG_CODE, denied)


def _denied_for(judgement: totp.Judgement, failures: int, now: int) -> Denied:
    left = lockout.attempts_left(failures)
    if judgement.match is Match.LATE and judgement.step is not None:
        behind = totp.STEP_SECONDS * (totp.step_at(now) - judgement.step)
        return Denied(ErrorCode.CODE_EXPIRED, {"attempts_left": left, "seconds_behind": behind})
    return Denied(ErrorCode.WRONG_CODE, {"attempts_left": left})


def _denied(binding: Binding, code: ErrorCode, **fields: int) -> Decision[Denied]:
    return Decision(binding, None, Denied(code, fields))


def _unbound(binding: Binding) -> Binding:
    return Binding(account=binding.account, unbound_at=binding.unbound_at)
