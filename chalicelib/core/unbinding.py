"""The transitions that support makes: unbind, invite, approve and unlock.

An unbinding is remembered by its ticket for six hours, so that the same request delivered twice, or
sent again after a lost answer, changes nothing. If two pairs of eyes are required, a request waits in
the item until another operator approves it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chalicelib.core.bind_code import TERM_SECONDS, BindCode, Policy
from chalicelib.core.binding import Binding, Decision, Remembered, State, Waiting, without_binding
from chalicelib.core.events import EventType

REMEMBERED_SECONDS = 6 * 3_600
"""Seconds for which a ticket gives its first answer again."""

WAITING_SECONDS = 3_600
"""Seconds in which a request can be approved."""

MOST_REMEMBERED = 100
"""Unbindings remembered and requests waiting at most, so that the item stays small."""

COMPROMISE = "suspected_compromise"
"""The reason of an unbinding after which earlier logins are worth nothing, whatever the state."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to unbind or invite.

    ``by`` names the person: two requests by the same person are one pair of eyes. ``new_code`` takes
    the end of a term and makes the bind code to store; its digits are known to the shell alone.
    """

    ticket: str
    by: str
    new_code: Callable[[int], BindCode]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Unbinding:
    """The answer of an unbinding.

    ``repeated`` is True if this is the first answer to the same ticket again; no bind code comes with
    it then. ``state`` is the state of the account now.
    """

    given: Remembered
    state: State
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Invitation:
    """The answer of an invitation: a new bind code was stored, good until ``expires_at``."""

    expires_at: int


@dataclass(frozen=True, slots=True)
class AlreadyBound:
    """The account is bound, so that no bind code is needed."""


@dataclass(frozen=True, slots=True)
class Unlocked:
    """A count, a lock or a suspension was cleared."""


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """No count, lock or suspension was there to clear, or no request to approve."""


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """The request was made by the operator who approves it."""


def unbind(binding: Binding, request: Request, policy: Policy, now: int) -> Decision[Unbinding]:
    """Drop the binding, confirmed or not, and with it counts, lock and suspension.

    A suspected compromise moves the cutoff and issues a bind code whatever the state. The same ticket
    gives the first answer again for six hours.
    """
    if (given := _remembered(binding, request.ticket, now)) is not None:
        return _repeated(binding, given, now)
    dropped = binding.state is not State.UNBOUND
    compromised = request.reason == COMPROMISE
    issued = compromised or (dropped and policy is not Policy.COMPROMISE)
    given = Remembered(
        ticket=request.ticket,
        at=now,
        binding_id=binding.binding_id,
        bound_at=binding.bound_at,
        dropped=dropped,
        code_expires_at=now + TERM_SECONDS if issued else None,
    )
    after = replace(
        without_binding(binding),
        unbindings=_recent([*binding.unbindings, given], now),
        waiting=_others(binding, request.ticket, now),
        held=False,
    )
    if dropped or compromised:
        after = replace(after, cutoff=now)
    if issued:
        after = replace(after, bind_code=request.new_code(now + TERM_SECONDS), bind_code_failures=0)
    elif binding.state is State.BOUND:
        # The confirmation used the earlier bind code up.
        after = replace(after, bind_code=None, bind_code_failures=0)
    event_type = EventType.UNBOUND if dropped else EventType.NOT_BOUND
    return Decision(after, event_type, Unbinding(given, State.UNBOUND))


def recovered(account: str, request: Request, policy: Policy, now: int) -> Decision[Unbinding]:
    """Unbind an account whose item cannot be read: it starts again from nothing."""
    issued = request.reason == COMPROMISE or policy is not Policy.COMPROMISE
    expires_at = now + TERM_SECONDS if issued else None
    given = Remembered(ticket=request.ticket, at=now, dropped=True, code_expires_at=expires_at)
    code = request.new_code(expires_at) if expires_at else None
    after = Binding(account=account, cutoff=now, bind_code=code, unbindings=(given,))
    return Decision(after, EventType.UNBOUND, Unbinding(given, State.UNBOUND))


def invite(binding: Binding, request: Request, now: int) -> Decision[Invitation | AlreadyBound]:
    """Issue a new bind code. The one before is void, and a pending binding is dropped."""
    if binding.state is State.BOUND:
        return Decision(binding, None, AlreadyBound())
    expires_at = now + TERM_SECONDS
    after = replace(
        without_binding(binding),
        bind_code=request.new_code(expires_at),
        bind_code_failures=0,
        waiting=_others(binding, request.ticket, now),
    )
    return Decision(after, EventType.INVITED, Invitation(expires_at))


def ask_to_unbind(binding: Binding, request: Request, now: int) -> Decision[Waiting | Unbinding]:
    """Let an unbinding wait for approval. A suspected compromise suspends the account at once."""
    if (given := _remembered(binding, request.ticket, now)) is not None:
        return _repeated(binding, given, now)
    return _wait(binding, request, EventType.UNBIND_REQUESTED, now)


def ask_to_invite(binding: Binding, request: Request, now: int) -> Decision[Waiting | AlreadyBound]:
    """Let an invitation wait for approval."""
    if binding.state is State.BOUND:
        return Decision(binding, None, AlreadyBound())
    return _wait(binding, request, EventType.INVITE_REQUESTED, now)


def approve(
    binding: Binding, request: Request, policy: Policy, now: int
) -> Decision[Unbinding | Invitation | AlreadyBound | OwnRequest | NothingToDo]:
    """Carry out the request that waits under a ticket, if another person made it.

    It touches no binding later than the one that it was made for.
    """
    waiting = next((one for one in waiting_at(binding, now) if one.ticket == request.ticket), None)
    if waiting is None:
        given = _remembered(binding, request.ticket, now)
        return (
            Decision(binding, None, NothingToDo()) if given is None else _repeated(binding, given, now)
        )
    if waiting.by == request.by:
        return Decision(binding, None, OwnRequest())
    if binding.binding_id not in (None, waiting.binding_id):
        return Decision(binding, None, NothingToDo())
    asked = replace(request, reason=waiting.reason)
    if waiting.reason is None:
        return invite(binding, asked, now)
    return unbind(binding, asked, policy, now)


def unlock(binding: Binding, now: int) -> Decision[Unlocked | NothingToDo]:
    """Clear both counts, lock and suspension. The binding stays as it is."""
    counted = binding.failures or binding.month_failures
    locked = binding.locked_until is not None or binding.suspended
    if not binding.held and (binding.expired_at(now) or not (counted or locked)):
        return Decision(binding, None, NothingToDo())
    cleared = replace(
        binding,
        failures=0,
        month_failures=0,
        month_began_at=None,
        locked_until=None,
        suspended=False,
        held=False,
    )
    return Decision(cleared, EventType.UNLOCKED, Unlocked())


def waiting_at(binding: Binding, now: int) -> list[Waiting]:
    """Return the requests that can still be approved."""
    return [one for one in binding.waiting if now < one.expires_at]


def _wait(binding: Binding, request: Request, event_type: EventType, now: int) -> Decision[Waiting]:
    for one in waiting_at(binding, now):
        if (one.ticket, one.by, one.reason) == (request.ticket, request.by, request.reason):
            return Decision(binding, None, one)
    asked = Waiting(
        ticket=request.ticket,
        by=request.by,
        reason=request.reason,
        binding_id=binding.binding_id,
        expires_at=now + WAITING_SECONDS,
    )
    waiting = [*_others(binding, request.ticket, now), asked][-MOST_REMEMBERED:]
    held = binding.held or request.reason == COMPROMISE
    return Decision(replace(binding, waiting=tuple(waiting), held=held), event_type, asked)


def _others(binding: Binding, ticket: str, now: int) -> tuple[Waiting, ...]:
    return tuple(one for one in waiting_at(binding, now) if one.ticket != ticket)


def _remembered(binding: Binding, ticket: str, now: int) -> Remembered | None:
    return next((one for one in _recent(binding.unbindings, now) if one.ticket == ticket), None)


def _recent(unbindings: Sequence[Remembered], now: int) -> tuple[Remembered, ...]:
    recent = [one for one in unbindings if now - one.at < REMEMBERED_SECONDS]
    return tuple(recent[-MOST_REMEMBERED:])


def _repeated(binding: Binding, given: Remembered, now: int) -> Decision[Unbinding]:
    state = binding.shown_at(now).state
    return Decision(binding, None, Unbinding(given, state, repeated=True))
