"""Every transition of a binding, every error, and the boundary of every rule."""

from dataclasses import replace

import pytest

from chalicelib.core.binding import (
    Accepted,
    Begun,
    Binding,
    Decision,
    Denied,
    Draft,
    SealedSecret,
    State,
)
from chalicelib.core.channel import Channel
from chalicelib.core.errors import ErrorCode
from chalicelib.core.events import EventType
from chalicelib.core.rules import begin, confirm, verify
from tests.kit.bindings import (
    ADDRESS,
    BOUND,
    DESKTOP,
    DRAFT,
    LOCKED,
    MOBILE,
    NEW,
    NOW,
    ONCE_UNBOUND,
    PENDING,
    STEP,
    SUSPENDED,
    attempt,
    changes_nothing,
    code,
    request,
    undrafted,
    unopened,
    wrong,
)

FIRST_OF_A_MONTH = {"month_failures": 1, "month_began_at": NOW}


# To begin


@pytest.mark.parametrize("before", [NEW, ONCE_UNBOUND])
def test_a_bind_of_an_unbound_account_is_pending_for_ten_minutes(before: Binding):
    assert begin(before, request(lambda: DRAFT), NOW) == Decision(
        Binding(
            account="88000001",
            state=State.PENDING,
            binding_id="binding-1",
            sealed=DRAFT.sealed,
            expires_at=NOW + 600,
            cutoff=before.cutoff,
        ),
        EventType.BIND_STARTED,
        Begun(expires_at=NOW + 600, superseded=False),
    )


def test_a_second_qr_code_has_a_count_and_a_term_of_its_own():
    fresh = Draft("binding-2", SealedSecret("data-key-2", b"other"))
    decision = begin(replace(PENDING, failures=4), request(lambda: fresh), NOW + 100)
    assert decision.binding == replace(
        PENDING, binding_id="binding-2", sealed=fresh.sealed, expires_at=NOW + 700, failures=0
    )
    assert decision.answer == Begun(expires_at=NOW + 700, superseded=True)


@pytest.mark.parametrize("seconds", [0, 600])
def test_a_qr_code_within_its_term_is_superseded(seconds: int):
    decision = begin(PENDING, request(lambda: DRAFT), NOW + seconds)
    assert decision.answer == Begun(NOW + seconds + 600, superseded=True)


def test_a_qr_code_past_its_term_is_not_superseded():
    decision = begin(PENDING, request(lambda: DRAFT), NOW + 601)
    assert decision.answer == Begun(NOW + 601 + 600, superseded=False)


@pytest.mark.parametrize("before", [BOUND, LOCKED, SUSPENDED])
def test_a_bound_account_cannot_be_bound_again(before: Binding):
    decision = begin(before, request(undrafted), NOW)
    assert changes_nothing(before, decision)
    assert decision.answer == Denied(ErrorCode.ALREADY_BOUND)


# To confirm


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_the_first_right_code_binds(steps: int, channel: Channel):
    decision = confirm(replace(PENDING, failures=4), attempt(code(steps), channel), NOW)
    assert decision == Decision(
        Binding(
            account="88000001",
            state=State.BOUND,
            binding_id="binding-1",
            sealed=DRAFT.sealed,
            bound_at=NOW,
            last_step=STEP + steps,
            channels={channel: NOW},
            accepted_from=ADDRESS,
            cutoff=PENDING.cutoff,
        ),
        EventType.BOUND,
        Accepted("binding-1", "pass-1", NOW, channel_first_use=True),
    )


def test_the_code_that_confirmed_cannot_verify():
    bound = confirm(PENDING, attempt(code(), DESKTOP), NOW).binding
    assert verify(bound, attempt(code(), MOBILE), NOW).answer == Denied(
        ErrorCode.CODE_USED, {"retry_after": 30}
    )


@pytest.mark.parametrize(
    ("before", "refusal"),
    [
        (NEW, ErrorCode.BIND_NOT_STARTED),
        (ONCE_UNBOUND, ErrorCode.BIND_NOT_STARTED),
        (BOUND, ErrorCode.ALREADY_BOUND),
        (LOCKED, ErrorCode.ALREADY_BOUND),
        (SUSPENDED, ErrorCode.ALREADY_BOUND),
    ],
)
def test_only_a_pending_binding_can_be_confirmed(before: Binding, refusal: ErrorCode):
    decision = confirm(before, attempt(code(), DESKTOP, unopened), NOW)
    assert changes_nothing(before, decision)
    assert decision.answer == Denied(refusal)


def test_a_qr_code_can_be_confirmed_at_its_last_second():
    end = NOW + 600
    decision = confirm(PENDING, attempt(code(now=end), DESKTOP), end)
    assert decision.binding.state is State.BOUND


def test_a_qr_code_cannot_be_confirmed_a_second_later():
    late = NOW + 601
    decision = confirm(PENDING, attempt(code(now=late), DESKTOP, unopened), late)
    assert changes_nothing(PENDING, decision)
    assert decision.answer == Denied(ErrorCode.BIND_EXPIRED)


@pytest.mark.parametrize(("failures", "left"), [(0, 4), (1, 3), (2, 2), (3, 1)])
def test_four_wrong_codes_keep_a_pending_binding(failures: int, left: int):
    before = replace(PENDING, failures=failures)
    assert confirm(before, attempt(wrong(), DESKTOP), NOW) == Decision(
        replace(before, failures=failures + 1),
        EventType.WRONG_CODE,
        Denied(ErrorCode.WRONG_CODE, {"attempts_left": left}),
    )


def test_the_fifth_wrong_code_discards_a_pending_binding():
    decision = confirm(replace(PENDING, failures=4), attempt(wrong(), DESKTOP), NOW)
    assert decision == Decision(
        Binding(account="88000001", cutoff=PENDING.cutoff),
        EventType.BIND_DISCARDED,
        Denied(ErrorCode.WRONG_CODE, {"attempts_left": 0}),
    )
    assert confirm(decision.binding, attempt(code(), DESKTOP, unopened), NOW).answer == Denied(
        ErrorCode.BIND_NOT_STARTED
    )


def test_a_late_code_as_the_fifth_wrong_one_discards_a_pending_binding():
    decision = confirm(replace(PENDING, failures=4), attempt(code(-3), DESKTOP), NOW)
    assert decision.event_type is EventType.BIND_DISCARDED
    assert decision.answer == Denied(ErrorCode.CODE_EXPIRED, {"attempts_left": 0, "seconds_behind": 90})


@pytest.mark.parametrize("steps", [2, 20])
def test_a_late_code_counts_while_pending_and_carries_seconds_behind(steps: int):
    decision = confirm(PENDING, attempt(code(-steps), DESKTOP), NOW)
    assert decision.binding == replace(PENDING, failures=1)
    assert decision.event_type is EventType.WRONG_CODE
    assert decision.answer == Denied(
        ErrorCode.CODE_EXPIRED, {"attempts_left": 4, "seconds_behind": 30 * steps}
    )


# To verify


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_right_code_is_accepted_and_its_step_is_used(steps: int):
    decision = verify(BOUND, attempt(code(steps), DESKTOP), NOW)
    assert decision == Decision(
        replace(BOUND, last_step=STEP + steps, accepted_from=ADDRESS),
        EventType.VERIFIED,
        Accepted("binding-1", "pass-1", NOW, channel_first_use=False),
    )


def test_a_channel_is_bound_by_its_first_code_and_remembers_when():
    first = verify(BOUND, attempt(code(), MOBILE), NOW)
    assert first.event_type is EventType.CHANNEL_BOUND
    assert first.answer == Accepted("binding-1", "pass-1", NOW, channel_first_use=True)
    assert first.binding.channels == {DESKTOP: NOW - 5_000, MOBILE: NOW}
    second = verify(first.binding, attempt(code(1), MOBILE), NOW + 30)
    assert second.event_type is EventType.VERIFIED
    assert second.answer == Accepted("binding-1", "pass-1", NOW + 30, channel_first_use=False)
    assert second.binding.channels == {DESKTOP: NOW - 5_000, MOBILE: NOW}


@pytest.mark.parametrize("failures", [1, 4, 5, 99])
def test_a_right_code_clears_the_count_and_an_ended_lock(failures: int):
    before = replace(BOUND, failures=failures, locked_until=NOW if failures >= 5 else None)
    after = verify(before, attempt(code(), DESKTOP), NOW).binding
    assert after == replace(BOUND, last_step=STEP, accepted_from=ADDRESS)


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize(
    ("last_step", "steps", "seconds", "wait"),
    [
        (STEP, 0, 0, 30),
        (STEP, 0, 29, 1),
        (STEP, -1, 0, 30),
        (STEP - 1, -1, 10, 20),
        (STEP + 1, 1, 0, 60),
        (STEP + 1, 0, 20, 40),
    ],
)
def test_a_used_code_neither_counts_nor_clears_the_count(
    last_step: int, steps: int, seconds: int, wait: int, channel: Channel
):
    before = replace(BOUND, last_step=last_step, failures=3)
    decision = verify(before, attempt(code(steps), channel), NOW + seconds)
    assert changes_nothing(before, decision)
    assert decision.answer == Denied(ErrorCode.CODE_USED, {"retry_after": wait})


@pytest.mark.parametrize("before", [NEW, ONCE_UNBOUND, PENDING])
def test_no_code_is_accepted_on_an_account_that_is_not_bound(before: Binding):
    decision = verify(before, attempt(code(), DESKTOP, unopened), NOW)
    assert changes_nothing(before, decision)
    assert decision.answer == Denied(ErrorCode.NOT_BOUND)


@pytest.mark.parametrize(("failures", "left"), [(0, 4), (1, 3), (2, 2), (3, 1)])
def test_four_wrong_codes_do_not_lock(failures: int, left: int):
    before = replace(BOUND, failures=failures)
    assert verify(before, attempt(wrong(), DESKTOP), NOW) == Decision(
        replace(before, **FIRST_OF_A_MONTH, failures=failures + 1),
        EventType.WRONG_CODE,
        Denied(ErrorCode.WRONG_CODE, {"attempts_left": left}),
    )


@pytest.mark.parametrize(
    ("failures", "minutes"),
    [(4, 5), (5, 10), (6, 20), (7, 40), (8, 80), (9, 160), (10, 240), (11, 240), (98, 240)],
)
def test_each_wrong_code_from_the_fifth_on_locks_longer(failures: int, minutes: int):
    before = replace(BOUND, failures=failures, locked_until=NOW if failures > 4 else None)
    assert verify(before, attempt(wrong(), DESKTOP), NOW) == Decision(
        replace(before, **FIRST_OF_A_MONTH, failures=failures + 1, locked_until=NOW + minutes * 60),
        EventType.LOCKED,
        Denied(ErrorCode.WRONG_CODE, {"attempts_left": 0}),
    )


def test_the_hundredth_wrong_code_suspends_instead_of_locking():
    before = replace(BOUND, failures=99, locked_until=NOW - 1)
    assert verify(before, attempt(wrong(), DESKTOP), NOW) == Decision(
        replace(BOUND, **FIRST_OF_A_MONTH, failures=100, suspended=True),
        EventType.SUSPENDED,
        Denied(ErrorCode.WRONG_CODE, {"attempts_left": 0}),
    )


@pytest.mark.parametrize(
    ("failures", "event_type"),
    [(0, EventType.WRONG_CODE), (4, EventType.LOCKED), (99, EventType.SUSPENDED)],
)
@pytest.mark.parametrize("steps", [2, 20])
def test_a_late_code_counts_like_a_wrong_one_and_carries_seconds_behind(
    steps: int, failures: int, event_type: EventType
):
    decision = verify(replace(BOUND, failures=failures), attempt(code(-steps), DESKTOP), NOW + 29)
    assert decision.event_type is event_type
    assert decision.binding.failures == failures + 1
    assert decision.answer == Denied(
        ErrorCode.CODE_EXPIRED,
        {"attempts_left": 4 if failures == 0 else 0, "seconds_behind": 30 * steps},
    )


@pytest.mark.parametrize("steps", [-21, 2, 20])
def test_a_code_too_old_or_too_early_is_wrong(steps: int):
    answer = verify(BOUND, attempt(code(steps), DESKTOP), NOW).answer
    assert answer == Denied(ErrorCode.WRONG_CODE, {"attempts_left": 4})


@pytest.mark.parametrize(("seconds", "wait"), [(0, 300), (1, 299), (299, 1)])
def test_a_right_code_is_not_judged_while_locked(seconds: int, wait: int):
    now = NOW + seconds
    decision = verify(LOCKED, attempt(code(now=now), DESKTOP, unopened), now)
    assert changes_nothing(LOCKED, decision)
    assert decision.answer == Denied(ErrorCode.LOCKED, {"retry_after": wait})


def test_a_lock_has_ended_at_locked_until_itself():
    end = NOW + 300
    assert verify(LOCKED, attempt(code(now=end), DESKTOP), end).answer == Accepted(
        "binding-1", "pass-1", end, channel_first_use=False
    )


def test_a_right_code_is_not_judged_while_suspended():
    decision = verify(SUSPENDED, attempt(code(), DESKTOP, unopened), NOW)
    assert changes_nothing(SUSPENDED, decision)
    assert decision.answer == Denied(ErrorCode.SUSPENDED)


def test_suspended_comes_before_locked():
    both = replace(SUSPENDED, locked_until=NOW + 300)
    assert verify(both, attempt(code(), DESKTOP, unopened), NOW).answer == Denied(ErrorCode.SUSPENDED)


# To look


@pytest.mark.parametrize("binding", [NEW, ONCE_UNBOUND, BOUND])
def test_a_binding_shows_as_it_is(binding: Binding):
    assert binding.shown_at(NOW) == binding


@pytest.mark.parametrize("seconds", [0, 600])
def test_a_pending_binding_shows_until_its_term_ends(seconds: int):
    assert PENDING.shown_at(NOW + seconds) == PENDING


def test_a_pending_binding_past_its_term_shows_as_unbound():
    assert replace(PENDING, failures=3).shown_at(NOW + 601) == ONCE_UNBOUND


@pytest.mark.parametrize(("seconds", "shown"), [(299, NOW + 300), (300, None), (301, None)])
def test_a_lock_shows_until_it_is_over(seconds: int, shown: int | None):
    assert LOCKED.shown_at(NOW + seconds) == replace(LOCKED, locked_until=shown)


def test_a_lock_does_not_show_while_suspended():
    assert replace(SUSPENDED, locked_until=NOW + 300).shown_at(NOW) == SUSPENDED
