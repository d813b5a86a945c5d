"""The binding of an account to an authenticator: its states, and the values of the transitions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Generic, TypeVar

from chalicelib.core import lockout
from chalicelib.core.bind_code import BindCode
from chalicelib.core.channel import Channel
from chalicelib.core.errors import ErrorCode, Signal
from chalicelib.core.events import EventType

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


@dataclass(frozen=True, slots=True)
class Repeatable:
    """The last accepted code, for a client that lost the answer and asks again.

    ``fingerprint`` is the SHA-256 of the client's idempotency key and login token. Its pass has the
    id ``jti`` and was issued at ``at``.
    """

    fingerprint: bytes = field(repr=False)
    path: str
    channel: Channel
    jti: str
    at: int
    first_use: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """An unbinding that was carried out, to be answered again to the same ticket."""

    ticket: str
    at: int
    dropped: bool
    binding_id: str | None = None
    bound_at: int | None = None
    code_expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A support request that waits for a second person. ``reason`` is None for an invitation."""

    ticket: str
    by: str
    reason: str | None
    binding_id: str | None
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One account's binding.

    ``binding_id`` and ``sealed`` are set unless unbound, ``expires_at`` while pending, ``bound_at``
    and ``last_step`` (the last step accepted) once bound. ``channels`` holds the time of the first
    accepted code on each channel, ``accepted_from`` the address of the last one.

    ``failures`` counts wrong codes in a row, ``month_failures`` those since ``month_began_at``.

    Support alone sets ``cutoff`` (a password typed then or before does not bind), ``bind_code``,
    ``held`` (suspended while a request waits), ``unbindings`` and ``waiting``. These stay when a
    binding ends. Times are Unix seconds.
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
    repeatable: Repeatable | None = None
    failures: int = 0
    month_failures: int = 0
    month_began_at: int | None = None
    locked_until: int | None = None
    suspended: bool = False
    cutoff: int | None = None
    bind_code: BindCode | None = None
    bind_code_failures: int = 0
    held: bool = False
    unbindings: tuple[Remembered, ...] = ()
    waiting: tuple[Waiting, ...] = ()

    def locked_at(self, now: int) -> bool:
        """Return True while a lock holds. It is over at ``locked_until`` itself."""
        return self.locked_until is not None and now < self.locked_until

    def expired_at(self, now: int) -> bool:
        """Return True for a pending binding past its term, which counts as unbound."""
        return self.state is State.PENDING and self.expires_at is not None and now > self.expires_at

    def shown_at(self, now: int) -> "Binding":
        """Return the binding as outsiders see it: past terms, past locks and past months are gone."""
        if self.expired_at(now):
            return replace(without_binding(self), suspended=self.held)
        locked_until = self.locked_until if self.locked_at(now) else None
        if self.suspended or self.held:
            locked_until = None
        in_month = lockout.in_month(self.month_began_at, now)
        return replace(
            self,
            suspended=self.suspended or self.held,
            locked_until=locked_until,
            month_failures=self.month_failures if in_month else 0,
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """The random parts of a new pending binding, which the shell makes."""

    binding_id: str
    sealed: SealedSecret


@dataclass(frozen=True, slots=True)
class BindRequest:
    """A request for a QR code.

    The password was typed at ``typed_at``. ``always`` is True if every binding needs a bind code.
    ``bind_code`` reads the code that the client sent (None if there is none, or a malformed one), and
    ``hashed`` hashes it under a salt. ``draft`` makes the random parts.
    """

    typed_at: float
    always: bool
    bind_code: Callable[[], str | None] = field(repr=False)
    hashed: Callable[[bytes], bytes] = field(repr=False)
    draft: Callable[[], Draft] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A code that a client sent, and what the shell adds to judge it.

    ``fingerprint`` is the SHA-256 of idempotency key and login token, or None without a key. ``jti``
    is the id for the pass. ``unseal`` opens the secret.
    """

    code: str = field(repr=False)
    typed_at: float
    channel: Channel
    address: str | None
    jti: str
    unseal: Callable[[Binding], OpenedSecret] = field(repr=False)
    fingerprint: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Begun:
    """A new QR code may be shown. ``superseded`` is True if an earlier one stops working."""

    expires_at: int
    superseded: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """The code was right and its step is used up: a pass of this id may be issued as of ``at``."""

    binding_id: str
    jti: str
    at: int
    channel_first_use: bool


@dataclass(frozen=True, slots=True)
class Denied:
    """The error to answer with, the fields it carries, and a signal for those who watch."""

    code: ErrorCode
    fields: Mapping[str, int | None] = field(default_factory=dict)
    signal: Signal | None = None


@dataclass(frozen=True, slots=True)
class Decision(Generic[AnswerT]):
    """The next binding, the type of the event to record (None: nothing to write), and the answer."""

    binding: Binding
    event_type: EventType | None
    answer: AnswerT


def without_binding(binding: Binding) -> Binding:
    """Return the account without its binding, but with what support has set."""
    return Binding(
        account=binding.account,
        cutoff=binding.cutoff,
        bind_code=binding.bind_code,
        bind_code_failures=binding.bind_code_failures,
        held=binding.held,
        unbindings=binding.unbindings,
        waiting=binding.waiting,
    )
