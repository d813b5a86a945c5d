"""Random histories of one account, compared with a second model of the contract's rules.

The model remembers the accepted steps and the times of wrong codes. It derives every answer and
every stored field from them. Only a hundred different codes exist here,
so one code often belongs to several steps, and the order of the rules matters.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cache
from unittest.mock import patch

import pyotp
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.core.bind_code import BindCode, Policy
from chalicelib.core.binding import (
    Accepted,
    Attempt,
    Begun,
    Binding,
    BindRequest,
    Decision,
    Denied,
    Draft,
    OpenedSecret,
    Remembered,
    SealedSecret,
    State,
)
from chalicelib.core.channel import Channel
from chalicelib.core.errors import ErrorCode, Signal
from chalicelib.core.rules import begin, confirm, verify
from chalicelib.core.unbinding import NothingToDo, Request, Unbinding, Unlocked, unbind, unlock

NOW = 1_800_000_000

MINUTE = 60

ADDRESS = "192.0.2.1"

CODES = tuple(f"{number:06}" for number in range(100))

CHANNELS = st.sampled_from(Channel)

STEPS_OFF = st.one_of(st.integers(-1, 1), st.integers(-22, 3))
"""Steps between a typed code and now. Half of them are within the window."""

WAITS = st.one_of(
    st.integers(0, 61), st.sampled_from([300, 599, 600, 601]), st.integers(0, 300 * MINUTE)
)


def secret_of(number: int) -> bytes:
    """The secret of an account's first binding, its second, and so on."""
    return number.to_bytes(20, "big")


def code_shown(number: int, step: int) -> str:
    """The code that an authenticator with a binding's secret shows at a step."""
    return one_in_a_hundred(secret_of(number), step)


@cache
def one_in_a_hundred(secret: bytes, step: int) -> str:
    digest = hashlib.sha256(secret + step.to_bytes(8, "big")).digest()
    return CODES[int.from_bytes(digest, "big") % 100]


@dataclass
class Model:
    """The events in the life of one binding."""

    number: int = 0
    state: State = State.UNBOUND
    begun_at: int = 0
    bound_at: int | None = None
    cutoff: int | None = None
    unbindings: tuple[Remembered, ...] = ()
    month: list[int] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    wrong_at: list[int] = field(default_factory=list)
    channels: dict[Channel, int] = field(default_factory=dict)

    def drop(self) -> None:
        self.__init__(number=self.number, cutoff=self.cutoff, unbindings=self.unbindings)

    @property
    def suspended(self) -> bool:
        return len(self.wrong_at) >= 100 or len(self.month) >= 40

    @property
    def locked_until(self) -> int | None:
        wrong = len(self.wrong_at)
        if wrong < 5 or self.suspended:
            return None
        return self.wrong_at[-1] + MINUTE * min(5 * 2 ** (wrong - 5), 240)

    def locked_at(self, now: int) -> bool:
        return self.locked_until is not None and now < self.locked_until

    def expired_at(self, now: int) -> bool:
        return self.state is State.PENDING and now - self.begun_at > 10 * MINUTE

    def begin(self, now: int) -> Begun | Denied:
        if self.state is State.BOUND:
            return Denied(ErrorCode.ALREADY_BOUND)
        superseded = self.state is State.PENDING and not self.expired_at(now)
        self.drop()
        self.number += 1
        self.state, self.begun_at = State.PENDING, now
        return Begun(now + 10 * MINUTE, superseded)

    def refusal_to_confirm(self, now: int) -> Denied | None:
        if self.state is State.BOUND:
            return Denied(ErrorCode.ALREADY_BOUND)
        if self.state is State.UNBOUND:
            return Denied(ErrorCode.BIND_NOT_STARTED)
        return Denied(ErrorCode.BIND_EXPIRED) if now - self.begun_at > 10 * MINUTE else None

    def refusal_to_verify(self, now: int) -> Denied | None:
        if self.state is not State.BOUND:
            return Denied(ErrorCode.NOT_BOUND)
        if self.suspended:
            return Denied(ErrorCode.SUSPENDED)
        if self.locked_at(now):
            return Denied(ErrorCode.LOCKED, {"retry_after": (self.locked_until or 0) - now})
        return None

    def judge(self, code: str, channel: Channel, now: int) -> Accepted | Denied:
        current, last = now // 30, max(self.accepted, default=-1)
        right = [
            step for step in (current - 1, current, current + 1) if code_shown(self.number, step) == code
        ]
        unused = [step for step in right if step > last]
        if unused:
            first_use = channel not in self.channels
            self.accepted.append(unused[0])
            self.wrong_at.clear()
            self.channels.setdefault(channel, now)
            if self.state is State.PENDING:
                self.state, self.bound_at = State.BOUND, now
            return Accepted(f"binding-{self.number}", "pass-1", now, first_use)
        if right:
            return Denied(ErrorCode.CODE_USED, {"retry_after": 30 * (max(last, current) + 1) - now})
        self.wrong_at.append(now)
        signal = None
        if self.state is State.BOUND:
            if self.month and now >= self.month[0] + 30 * 24 * 60 * MINUTE:
                self.month.clear()
            self.month.append(now)
            signal = Signal.PATIENT_GUESSER if len(self.month) == 30 else None
        carried = {"attempts_left": 0 if self.suspended else max(0, 5 - len(self.wrong_at))}
        refusal = ErrorCode.WRONG_CODE
        for ago in range(20, 1, -1):
            if code_shown(self.number, current - ago) == code:
                refusal, carried["seconds_behind"] = ErrorCode.CODE_EXPIRED, 30 * ago
        if self.state is State.PENDING and carried["attempts_left"] == 0:
            self.drop()
        return Denied(refusal, carried, signal)

    def as_stored(self) -> Binding:
        if self.state is State.UNBOUND:
            return Binding(account="88000001", cutoff=self.cutoff, unbindings=self.unbindings)
        return Binding(
            account="88000001",
            state=self.state,
            binding_id=f"binding-{self.number}",
            sealed=SealedSecret("data-key", secret_of(self.number)),
            expires_at=self.begun_at + 10 * MINUTE if self.state is State.PENDING else None,
            bound_at=self.bound_at,
            last_step=self.accepted[-1] if self.accepted else None,
            channels=self.channels,
            accepted_from=ADDRESS if self.accepted else None,
            failures=len(self.wrong_at),
            locked_until=self.locked_until,
            suspended=self.suspended,
            month_failures=len(self.month),
            month_began_at=self.month[0] if self.month else None,
            cutoff=self.cutoff,
            unbindings=self.unbindings,
        )


class Histories(RuleBasedStateMachine):
    """One account with two channels, the support desk, and a clock that moves."""

    def __init__(self) -> None:
        super().__init__()
        few_codes = lambda self, step: one_in_a_hundred(self.byte_secret(), step)  # noqa: E731
        self.generator = patch.object(pyotp.HOTP, "at", few_codes)
        self.generator.start()
        self.now = NOW
        self.binding = Binding(account="88000001")
        self.model = Model()
        self.opened = 0
        self.tickets = 0
        self.accepted: set[tuple[str | None, int | None]] = set()
        self.wrong_in_a_row = 0

    def teardown(self) -> None:
        self.generator.stop()

    @initialize(bound=st.booleans())
    def begin_with_a_binding_most_of_the_time(self, bound: bool) -> None:  # noqa: FBT001
        if bound:
            self.bind()
            self.type_code(code_shown(self.model.number, self.now // 30), Channel.DESKTOP)

    @rule(seconds=WAITS)
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def bind(self) -> None:
        number = self.model.number + 1
        draft = Draft(f"binding-{number}", SealedSecret("data-key", secret_of(number)))
        request = BindRequest(
            typed_at=self.now + 1,
            always=False,
            bind_code=lambda: None,
            hashed=lambda salt: b"",
            draft=lambda: draft,
        )
        self.settle(begin(self.binding, request, self.now), self.model.begin(self.now))

    @precondition(lambda self: self.model.state is not State.UNBOUND)
    @rule(steps=STEPS_OFF, channel=CHANNELS)
    def type_a_code_of_a_step_near(self, steps: int, channel: Channel) -> None:
        self.type_code(code_shown(self.model.number, self.now // 30 + steps), channel)

    @precondition(lambda self: self.model.state is not State.UNBOUND)
    @rule(channel=CHANNELS, times=st.integers(1, 3))
    def log_in_with_each_new_code(self, channel: Channel, times: int) -> None:
        for _ in range(times):
            self.now = max(self.now + 30, self.model.locked_until or 0)
            self.type_code(code_shown(self.model.number, self.now // 30), channel)

    @rule(code=st.sampled_from(CODES), channel=CHANNELS)
    def type_any_code(self, code: str, channel: Channel) -> None:
        self.type_code(code, channel)

    @rule(code=st.sampled_from(CODES), channel=CHANNELS)
    def confirm_or_verify_out_of_turn(self, code: str, channel: Channel) -> None:
        out_of_turn = verify if self.model.state is State.PENDING else confirm
        self.type_code(code, channel, out_of_turn)

    @precondition(lambda self: self.model.state is not State.UNBOUND and not self.model.suspended)
    @rule(times=st.sampled_from([1, 4, 5, 12, 99]), early=st.booleans())
    def guess_wrong_over_and_over(self, times: int, early: bool) -> None:  # noqa: FBT001
        """Guess as soon as each lock ends. One second earlier the account is still locked."""
        for _ in range(times):
            if self.model.locked_at(self.now):
                self.now = self.model.locked_until - 1
                if early:
                    self.type_code(self.wrong(), Channel.MOBILE)
                self.now += 1
            self.type_code(self.wrong(), Channel.DESKTOP)
            if self.model.state is State.UNBOUND:
                return

    @precondition(lambda self: self.model.state is not State.UNBOUND)
    @rule()
    def support_unbinds(self) -> None:
        self.tickets += 1
        ticket = f"T-{self.tickets}"
        given = Remembered(
            ticket=ticket,
            at=self.now,
            dropped=True,
            binding_id=f"binding-{self.model.number}",
            bound_at=self.model.bound_at,
        )
        recent = [one for one in self.model.unbindings if one.at > self.now - 6 * 60 * MINUTE]
        self.model.unbindings = (*recent, given)[-100:]
        self.model.cutoff = self.now
        self.model.drop()
        self.settle(self.unbound(ticket, self.now), Unbinding(given, State.UNBOUND))
        again = self.unbound(ticket, self.now + 1)
        self.settle(again, Unbinding(given, State.UNBOUND, repeated=True))

    def unbound(self, ticket: str, at: int) -> Decision:
        request = Request(ticket, "amy", lambda end: BindCode(b"", b"", end), "lost_device")
        return unbind(self.binding, request, Policy.COMPROMISE, at)

    @precondition(lambda self: self.model.wrong_at or self.model.month)
    @rule()
    def support_unlocks(self) -> None:
        if self.model.expired_at(self.now):
            self.settle(unlock(self.binding, self.now), NothingToDo())
            return
        self.model.wrong_at.clear()
        self.model.month.clear()
        self.wrong_in_a_row = 0
        self.settle(unlock(self.binding, self.now), Unlocked())
        self.settle(unlock(self.binding, self.now), NothingToDo())

    @invariant()
    def what_is_stored_is_what_happened(self) -> None:
        assert self.binding == self.model.as_stored()

    @invariant()
    def what_shows_is_what_holds_now(self) -> None:
        shown = self.binding.shown_at(self.now)
        pending_too_long = (
            self.model.state is State.PENDING and self.now > self.model.begun_at + 10 * MINUTE
        )
        assert shown.state == (State.UNBOUND if pending_too_long else self.model.state)
        assert (shown.sealed is None) == (shown.state is State.UNBOUND)
        assert (shown.locked_until is not None) == self.model.locked_at(self.now)
        assert shown.suspended == self.model.suspended
        assert shown.channels == self.model.channels

    def wrong(self) -> str:
        current = self.now // 30
        near = {code_shown(self.model.number, current + steps) for steps in range(-20, 2)}
        return next(code for code in CODES if code not in near)

    def type_code(self, code: str, channel: Channel, transition=None) -> None:
        if transition is None:
            transition = confirm if self.model.state is State.PENDING else verify
        refused = (
            self.model.refusal_to_confirm(self.now)
            if transition is confirm
            else self.model.refusal_to_verify(self.now)
        )
        binding, opened = self.binding, self.opened
        locked = binding.suspended or self.model.locked_at(self.now)
        expected = refused or self.model.judge(code, channel, self.now)
        attempt = Attempt(
            code=code,
            typed_at=self.now + 1,
            channel=channel,
            address=ADDRESS,
            jti="pass-1",
            unseal=self.open,
        )
        decision = transition(binding, attempt, self.now)
        assert self.opened - opened == (0 if refused else 1)
        self.settle(decision, expected)
        if isinstance(decision.answer, Accepted):
            accepted = (decision.binding.binding_id, decision.binding.last_step)
            assert accepted not in self.accepted
            self.accepted.add(accepted)
            self.wrong_in_a_row = 0
        elif decision.event_type is not None:
            self.wrong_in_a_row += 1
            assert not locked
            assert self.wrong_in_a_row <= 5 or binding.locked_until is not None

    def open(self, binding: Binding) -> OpenedSecret:
        self.opened += 1
        return OpenedSecret(binding.sealed.blob, binding.sealed)

    def settle(self, decision: Decision, expected: object) -> None:
        """Check the answer, and that a write happens exactly if something changes."""
        assert decision.answer == expected
        assert (decision.event_type is None) == (decision.binding == self.binding)
        if decision.binding.binding_id != self.binding.binding_id:
            self.wrong_in_a_row = 0
        self.binding = decision.binding


# Coverage would spend most of its time on Hypothesis.
TestHistories = pytest.mark.no_cover(Histories.TestCase)
TestHistories.settings = settings(
    max_examples=250,
    stateful_step_count=50,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
