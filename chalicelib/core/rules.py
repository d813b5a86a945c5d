"""The transitions that clients make: begin, confirm and verify.

Each takes the binding, the request and the time, and returns a Decision: the next binding, the event to
record (None if nothing is to be written) and the answer. Support's transitions are in ``unbinding.py``.
"""

import hmac
from dataclasses import replace

from chalicelib.core import bind_code, lockout, totp
from chalicelib.core.bind_code import CodeVerdict
from chalicelib.core.binding import (
    Accepted,
    Attempt,
    Begun,
    Binding,
    BindRequest,
    Decision,
    Denied,
    OpenedSecret,
    Repeatable,
    State,
    without_binding,
)
from chalicelib.core.errors import ErrorCode, Signal
from chalicelib.core.events import EventType
from chalicelib.core.keys import PASS_SECONDS
from chalicelib.core.totp import Match

TERM_SECONDS = 600
"""Seconds in which a QR code can be confirmed after it was shown."""

CONFIRM, VERIFY = "confirm", "verify"
"""The two paths on which a code is accepted."""


def begin(binding: Binding, request: BindRequest, now: int) -> Decision[Begun | Denied]:
    """Start a pending binding with a new secret and a new term. An earlier pending one is superseded."""
    if binding.state is State.BOUND:
        return _denied(binding, ErrorCode.ALREADY_BOUND)
    if _before_cutoff(binding, request.typed_at):
        return _denied(binding, ErrorCode.LOGIN_EXPIRED)
    if needs_bind_code(binding, always=request.always):
        refused = _judge_bind_code(binding, request, now)
        if refused is not None:
            return refused
    made = request.draft()
    expires_at = now + TERM_SECONDS
    pending = replace(
        without_binding(binding),
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
    if (again := _repeated(binding, attempt, CONFIRM, now)) is not None:
        return again
    if binding.state is State.BOUND:
        return _denied(binding, ErrorCode.ALREADY_BOUND)
    if binding.state is State.UNBOUND:
        return _denied(binding, ErrorCode.BIND_NOT_STARTED)
    if _before_cutoff(binding, attempt.typed_at):
        return _denied(binding, ErrorCode.LOGIN_EXPIRED)
    if binding.expired_at(now):
        return _denied(binding, ErrorCode.BIND_EXPIRED)
    opened = attempt.unseal(binding)
    judgement = totp.judge(opened.secret, attempt.code, now, last_accepted=None)
    if judgement.match is Match.FRESH:
        bound = replace(binding, state=State.BOUND, expires_at=None, bound_at=now)
        return _accepted(bound, attempt, opened, judgement.step, CONFIRM, now)
    failures = binding.failures + 1
    denied = _denied_for(judgement, lockout.attempts_left(failures), now)
    if lockout.attempts_left(failures) == 0:
        return Decision(without_binding(binding), EventType.BIND_DISCARDED, denied)
    counted = replace(binding, failures=failures, sealed=opened.sealed)
    return Decision(counted, EventType.WRONG_CODE, denied)


def verify(binding: Binding, attempt: Attempt, now: int) -> Decision[Accepted | Denied]:
    """Judge a code at login. Each step gives one pass; each wrong code past the 4th locks for longer."""
    if (again := _repeated(binding, attempt, VERIFY, now)) is not None:
        return again
    if binding.state is not State.BOUND:
        return _denied(binding, ErrorCode.NOT_BOUND)
    if binding.suspended or binding.held:
        return _denied(binding, ErrorCode.SUSPENDED)
    if binding.locked_until is not None and binding.locked_at(now):
        return _denied(binding, ErrorCode.LOCKED, retry_after=binding.locked_until - now)
    opened = attempt.unseal(binding)
    judgement = totp.judge(opened.secret, attempt.code, now, binding.last_step)
    if judgement.match is Match.FRESH:
        return _accepted(binding, attempt, opened, judgement.step, VERIFY, now)
    if judgement.match is Match.USED and binding.last_step is not None:
        fields = {"retry_after": totp.seconds_until_unused(now, binding.last_step)}
        elsewhere = binding.accepted_from not in (None, attempt.address)
        signal = Signal.REPLAYED_ELSEWHERE if elsewhere else None
        return Decision(binding, None, Denied(ErrorCode.CODE_USED, fields, signal))
    return _counted(replace(binding, sealed=opened.sealed), judgement, now)


def needs_bind_code(binding: Binding, *, always: bool) -> bool:
    """Return True if a new QR code needs a bind code."""
    return binding.state is not State.BOUND and (always or binding.bind_code is not None)


def _before_cutoff(binding: Binding, typed_at: float) -> bool:
    return binding.cutoff is not None and typed_at <= binding.cutoff


def _judge_bind_code(binding: Binding, request: BindRequest, now: int) -> Decision[Denied] | None:
    """Return the refusal of a bind code, or None if it is right."""
    issued, failures = binding.bind_code, binding.bind_code_failures
    verdict = bind_code.judge(issued, failures, request.bind_code(), request.hashed, now)
    if verdict is CodeVerdict.ACCEPTED:
        return None
    if verdict is CodeVerdict.EXPIRED:
        return _denied(binding, ErrorCode.BIND_CODE_EXPIRED)
    left = bind_code.attempts_left(issued, failures, now)
    if verdict is CodeVerdict.MISSING or left is None:
        return _denied(binding, ErrorCode.BIND_CODE_REQUIRED, attempts_left=left)
    counted = replace(binding, bind_code_failures=failures + 1)
    denied = Denied(ErrorCode.BIND_CODE_REQUIRED, {"attempts_left": left - 1})
    return Decision(counted, EventType.WRONG_BIND_CODE, denied)


def _repeated(binding: Binding, attempt: Attempt, path: str, now: int) -> Decision[Accepted] | None:
    """Return the first answer again if a client that lost it repeats its call within a minute."""
    last, step, binding_id = binding.repeatable, binding.last_step, binding.binding_id
    if last is None or step is None or binding_id is None or attempt.fingerprint is None:
        return None
    same = hmac.compare_digest(last.fingerprint, attempt.fingerprint)
    if not same or (last.path, last.channel) != (path, attempt.channel):
        return None
    if now - last.at >= PASS_SECONDS:
        return None
    if not totp.is_code_of(attempt.unseal(binding).secret, attempt.code, step):
        return None
    return Decision(binding, None, Accepted(binding_id, last.jti, last.at, last.first_use))


def _accepted(
    binding: Binding,
    attempt: Attempt,
    opened: OpenedSecret,
    step: int | None,
    path: str,
    now: int,
) -> Decision[Accepted]:
    """Use up the step of a right code, and clear the count in a row and the lock."""
    first_use = attempt.channel not in binding.channels
    repeatable = None
    if attempt.fingerprint is not None:
        repeatable = Repeatable(attempt.fingerprint, path, attempt.channel, attempt.jti, now, first_use)
    logged_in = replace(
        binding,
        sealed=opened.sealed,
        last_step=step,
        channels={attempt.channel: now, **binding.channels},
        accepted_from=attempt.address,
        repeatable=repeatable,
        failures=0,
        locked_until=None,
    )
    used = EventType.CHANNEL_BOUND if first_use else EventType.VERIFIED
    event_type = EventType.BOUND if path == CONFIRM else used
    accepted = Accepted(binding.binding_id or "", attempt.jti, now, first_use)
    return Decision(logged_in, event_type, accepted)


def _counted(binding: Binding, judgement: totp.Judgement, now: int) -> Decision[Denied]:
    """Count one more wrong code on a bound account, and lock or suspend it if that is due."""
    in_month = lockout.in_month(binding.month_began_at, now)
    failures = binding.failures + 1
    month_failures = binding.month_failures + 1 if in_month else 1
    counted = replace(
        binding,
        failures=failures,
        month_failures=month_failures,
        month_began_at=binding.month_began_at if in_month else now,
    )
    signal = Signal.PATIENT_GUESSER if month_failures == lockout.WARN_AT_IN_A_MONTH else None
    if lockout.suspends(failures, month_failures):
        suspended = replace(counted, locked_until=None, suspended=True)
        return Decision(suspended, EventType.SUSPENDED, _denied_for(judgement, 0, now, signal))
    denied = _denied_for(judgement, lockout.attempts_left(failures), now, signal)
    pause = lockout.lock_seconds(failures)
    if pause:
        return Decision(replace(counted, locked_until=now + pause), EventType.LOCKED, denied)
    return Decision(counted, EventType.WRONG_CODE, denied)


def _denied_for(judgement: totp.Judgement, left: int, now: int, signal: Signal | None = None) -> Denied:
    if judgement.match is Match.LATE and judgement.step is not None:
        behind = totp.STEP_SECONDS * (totp.step_at(now) - judgement.step)
        fields = {"attempts_left": left, "seconds_behind": behind}
        return Denied(ErrorCode.CODE_EXPIRED, fields, signal)
    return Denied(ErrorCode.WRONG_CODE, {"attempts_left": left}, signal)


def _denied(binding: Binding, code: ErrorCode, **fields: int | None) -> Decision[Denied]:
    return Decision(binding, None, Denied(code, fields))
