"""The transitions of support: unbind, invite, approve, unlock, and what they leave behind."""

from dataclasses import replace

import pytest

from chalicelib.core.bind_code import BindCode, Policy
from chalicelib.core.binding import Binding, Decision, Denied, Remembered, State, Waiting
from chalicelib.core.errors import ErrorCode
from chalicelib.core.events import EventType
from chalicelib.core.rules import begin, confirm, needs_bind_code, verify
from chalicelib.core.unbinding import (
    MOST_REMEMBERED,
    AlreadyBound,
    Invitation,
    NothingToDo,
    OwnRequest,
    Unbinding,
    Unlocked,
    approve,
    ask_to_invite,
    ask_to_unbind,
    invite,
    recovered,
    unbind,
    unlock,
    waiting_at,
)
from tests.kit.bindings import (
    BOUND,
    DESKTOP,
    DRAFT,
    LOCKED,
    NEW,
    NOW,
    ONCE_UNBOUND,
    PENDING,
    REQUEST,
    SUSPENDED,
    attempt,
    changes_nothing,
    code,
    new_code,
    request,
    wrong,
)

DAY = 86_400
COMPROMISE = replace(REQUEST, reason="suspected_compromise")
OTHER_PERSON = replace(REQUEST, by="ben", reason=None)
GIVEN = Remembered(ticket="T-1", at=NOW, dropped=True, binding_id="binding-1", bound_at=NOW - 5_000)


@pytest.mark.parametrize("before", [BOUND, LOCKED, SUSPENDED, replace(BOUND, held=True)])
def test_unbinding_drops_the_binding_with_counts_lock_and_suspension(before: Binding):
    assert unbind(before, REQUEST, Policy.COMPROMISE, NOW) == Decision(
        Binding(account="88000001", cutoff=NOW, unbindings=(GIVEN,)),
        EventType.UNBOUND,
        Unbinding(GIVEN, State.UNBOUND),
    )


@pytest.mark.parametrize("now", [NOW, NOW + 600, NOW + 601])
def test_unbinding_drops_a_pending_binding_within_its_term_and_after(now: int):
    decision = unbind(replace(PENDING, failures=2), REQUEST, Policy.COMPROMISE, now)
    assert decision.event_type is EventType.UNBOUND
    assert decision.answer.given == replace(GIVEN, at=now, bound_at=None)
    assert decision.binding.cutoff == now


@pytest.mark.parametrize("before", [NEW, ONCE_UNBOUND])
def test_unbinding_an_unbound_account_leaves_its_cutoff_and_remembers_the_ticket(before: Binding):
    decision = unbind(before, REQUEST, Policy.ALWAYS, NOW)
    assert decision.event_type is EventType.NOT_BOUND
    assert decision.binding == replace(before, unbindings=(decision.answer.given,))
    assert not decision.answer.given.dropped


@pytest.mark.parametrize("before", [BOUND, NEW])
def test_a_ticket_gets_its_first_answer_again_even_after_a_new_binding(before: Binding):
    first = unbind(before, REQUEST, Policy.COMPROMISE, NOW)
    bound_anew = replace(BOUND, binding_id="binding-2", unbindings=first.binding.unbindings)
    again = unbind(bound_anew, COMPROMISE, Policy.COMPROMISE, NOW + 6 * 3_600 - 1)
    assert changes_nothing(bound_anew, again)
    assert again.answer == Unbinding(first.answer.given, State.BOUND, repeated=True)


def test_a_ticket_is_forgotten_after_six_hours():
    first = unbind(BOUND, REQUEST, Policy.COMPROMISE, NOW).binding
    bound_anew = replace(BOUND, unbindings=first.unbindings)
    late = unbind(bound_anew, REQUEST, Policy.COMPROMISE, NOW + 6 * 3_600)
    assert late.event_type is EventType.UNBOUND
    assert [one.at for one in late.binding.unbindings] == [NOW + 6 * 3_600]


def test_a_ticket_is_remembered_although_other_tickets_came_after_it():
    after = unbind(BOUND, REQUEST, Policy.COMPROMISE, NOW).binding
    for number in range(MOST_REMEMBERED - 1):
        other = replace(REQUEST, ticket=f"T-other-{number}")
        after = unbind(after, other, Policy.COMPROMISE, NOW + 1).binding
    assert unbind(after, REQUEST, Policy.COMPROMISE, NOW + 2).answer.repeated
    assert len(after.unbindings) == MOST_REMEMBERED


# The bind code


@pytest.mark.parametrize("before", [NEW, PENDING, BOUND])
@pytest.mark.parametrize("policy", Policy)
def test_a_suspected_compromise_moves_the_cutoff_and_issues_a_code_in_any_state(
    before: Binding, policy: Policy
):
    decision = unbind(before, COMPROMISE, policy, NOW)
    assert decision.binding.cutoff == NOW
    assert decision.binding.bind_code == BindCode(b"digest", b"salt", NOW + DAY)
    assert decision.answer.given.code_expires_at == NOW + DAY


@pytest.mark.parametrize(
    ("policy", "issued"),
    [(Policy.COMPROMISE, False), (Policy.AFTER_UNBIND, True), (Policy.ALWAYS, True)],
)
def test_the_policy_says_which_other_unbindings_issue_a_code(policy: Policy, issued: bool):  # noqa: FBT001
    decision = unbind(BOUND, REQUEST, policy, NOW)
    assert (decision.binding.bind_code is not None) is issued
    assert (decision.answer.given.code_expires_at is not None) is issued


def test_dropping_a_pending_binding_leaves_the_need_for_a_code_in_place():
    invited = replace(PENDING, bind_code=new_code(NOW + 9), bind_code_failures=3)
    after = unbind(invited, REQUEST, Policy.COMPROMISE, NOW).binding
    assert (after.bind_code, after.bind_code_failures) == (new_code(NOW + 9), 3)


def test_a_code_that_a_confirmation_used_up_is_gone_with_the_binding():
    used = replace(BOUND, bind_code=new_code(NOW + 9), bind_code_failures=3)
    after = unbind(used, REQUEST, Policy.COMPROMISE, NOW).binding
    assert (after.bind_code, after.bind_code_failures) == (None, 0)


def test_an_invitation_replaces_the_code_and_drops_what_was_pending():
    before = replace(PENDING, bind_code=new_code(NOW + 9), bind_code_failures=5)
    assert invite(before, OTHER_PERSON, NOW) == Decision(
        Binding(account="88000001", cutoff=PENDING.cutoff, bind_code=new_code(NOW + DAY)),
        EventType.INVITED,
        Invitation(NOW + DAY),
    )


def test_a_bound_account_is_not_invited():
    assert invite(BOUND, REQUEST, NOW) == Decision(BOUND, None, AlreadyBound())
    assert ask_to_invite(BOUND, REQUEST, NOW) == Decision(BOUND, None, AlreadyBound())


# A bind code at /bind


def bind_with(binding: Binding, typed: str | None, now: int = NOW, *, always: bool = False):
    hashed = {"right": b"digest"}
    asked = request(
        lambda: DRAFT,
        always=always,
        bind_code=lambda: typed,
        hashed=lambda salt: hashed.get(typed, b"other") if salt == b"salt" else b"",
    )
    return begin(binding, replace(asked, typed_at=now), now)


INVITED = replace(NEW, bind_code=new_code(NOW + DAY))


def test_the_right_code_begins_and_stays_good_for_another_qr_code():
    pending = bind_with(INVITED, "right").binding
    assert pending.state is State.PENDING
    again = bind_with(replace(pending, failures=0), "right", NOW + 1)
    assert again.answer.superseded


@pytest.mark.parametrize(("failures", "left"), [(0, 4), (3, 1), (4, 0)])
def test_a_wrong_code_counts_and_the_fifth_voids_it(failures: int, left: int):
    before = replace(INVITED, bind_code_failures=failures)
    decision = bind_with(before, "wrong")
    assert decision == Decision(
        replace(before, bind_code_failures=failures + 1),
        EventType.WRONG_BIND_CODE,
        Denied(ErrorCode.BIND_CODE_REQUIRED, {"attempts_left": left}),
    )


@pytest.mark.parametrize("typed", ["right", "wrong"])
@pytest.mark.parametrize(
    ("failures", "now"), [(5, NOW), (0, NOW + DAY), (4, NOW + DAY + 1)], ids=["void", "end", "past"]
)
def test_a_void_or_expired_code_admits_nobody_and_counts_nothing(typed: str, failures: int, now: int):
    before = replace(INVITED, bind_code_failures=failures)
    decision = bind_with(before, typed, now)
    assert changes_nothing(before, decision)
    assert decision.answer == Denied(ErrorCode.BIND_CODE_EXPIRED)


@pytest.mark.parametrize(
    ("before", "always", "left"),
    [
        (replace(INVITED, bind_code_failures=2), False, 3),
        (replace(INVITED, bind_code_failures=5), False, None),
        (replace(INVITED, bind_code=new_code(NOW)), False, None),
        (NEW, True, None),
    ],
    ids=["live", "void", "expired", "never issued"],
)
def test_a_missing_code_costs_nothing(before: Binding, always: bool, left: int | None):  # noqa: FBT001
    decision = bind_with(before, None, always=always)
    assert changes_nothing(before, decision)
    assert decision.answer == Denied(ErrorCode.BIND_CODE_REQUIRED, {"attempts_left": left})


def test_a_code_that_nobody_issued_is_never_right():
    assert bind_with(NEW, "right", always=True).answer.code is ErrorCode.BIND_CODE_REQUIRED


def test_the_last_second_of_a_code_is_good():
    assert bind_with(INVITED, "right", NOW + DAY - 1).binding.state is State.PENDING


def test_state_and_cutoff_come_before_the_bind_code():
    bound = replace(BOUND, bind_code=new_code(NOW + DAY))
    assert begin(bound, request(lambda: DRAFT), NOW).answer.code is ErrorCode.ALREADY_BOUND
    cut = replace(INVITED, cutoff=NOW)
    assert begin(cut, request(lambda: DRAFT), NOW).answer.code is ErrorCode.LOGIN_EXPIRED


def test_a_discarded_pending_binding_leaves_the_need_for_a_code_in_place():
    pending = replace(bind_with(INVITED, "right").binding, failures=4)
    discarded = confirm(pending, attempt(wrong(), DESKTOP), NOW).binding
    assert discarded.state is State.UNBOUND
    assert needs_bind_code(discarded, always=False)


def test_a_bound_account_needs_no_bind_code():
    bound = confirm(bind_with(INVITED, "right").binding, attempt(code(), DESKTOP), NOW).binding
    assert not needs_bind_code(bound, always=True)


# The cutoff


@pytest.mark.parametrize(("typed_at", "refused"), [(NOW - 1, True), (NOW, True), (NOW + 1, False)])
def test_a_password_typed_at_or_before_the_cutoff_does_not_bind(typed_at: int, refused: bool):  # noqa: FBT001
    unbound = unbind(BOUND, REQUEST, Policy.COMPROMISE, NOW).binding
    asked = request(lambda: DRAFT, typed_at=typed_at)
    assert (begin(unbound, asked, NOW + 1).answer == Denied(ErrorCode.LOGIN_EXPIRED)) is refused
    pending = replace(PENDING, cutoff=NOW)
    typed = attempt(code(), DESKTOP, typed_at=typed_at)
    assert (confirm(pending, typed, NOW).answer == Denied(ErrorCode.LOGIN_EXPIRED)) is refused


def test_the_cutoff_does_not_concern_a_verification():
    old_login = attempt(code(), DESKTOP, typed_at=NOW - 9_999)
    assert verify(replace(BOUND, cutoff=NOW), old_login, NOW).event_type is EventType.VERIFIED


def test_the_cutoff_stays_through_the_next_binding():
    unbound = unbind(BOUND, REQUEST, Policy.COMPROMISE, NOW).binding
    pending = begin(unbound, request(lambda: DRAFT, typed_at=NOW + 1), NOW + 1).binding
    bound = confirm(pending, attempt(code(), DESKTOP, typed_at=NOW + 1), NOW + 2).binding
    missed = verify(bound, attempt(wrong(), DESKTOP), NOW + 3).binding
    cleared = unlock(missed, NOW).binding
    assert {one.cutoff for one in (unbound, pending, bound, missed, cleared)} == {NOW}


# Two pairs of eyes


def test_a_request_waits_for_an_hour_and_changes_nothing_else():
    decision = ask_to_unbind(BOUND, REQUEST, NOW)
    asked = Waiting("T-1", "amy", "lost_device", "binding-1", NOW + 3_600)
    assert decision == Decision(replace(BOUND, waiting=(asked,)), EventType.UNBIND_REQUESTED, asked)
    assert waiting_at(decision.binding, NOW + 3_599) == [asked]
    assert waiting_at(decision.binding, NOW + 3_600) == []


def test_the_same_request_again_is_the_same_request():
    waiting = ask_to_unbind(BOUND, REQUEST, NOW).binding
    again = ask_to_unbind(waiting, REQUEST, NOW + 9)
    assert changes_nothing(waiting, again)
    assert again.answer.expires_at == NOW + 3_600


def test_a_waiting_request_for_a_suspected_compromise_suspends_at_once():
    held = ask_to_unbind(BOUND, COMPROMISE, NOW).binding
    assert verify(held, attempt(code(), DESKTOP), NOW).answer == Denied(ErrorCode.SUSPENDED)
    assert held.shown_at(NOW + 9_999).suspended
    assert unlock(held, NOW).answer == Unlocked()
    assert not unlock(held, NOW).binding.held


def test_another_person_approves_an_unbinding():
    waiting = ask_to_unbind(BOUND, REQUEST, NOW).binding
    decision = approve(waiting, OTHER_PERSON, Policy.COMPROMISE, NOW + 1)
    assert decision.event_type is EventType.UNBOUND
    assert decision.answer.given == replace(GIVEN, at=NOW + 1)
    assert decision.binding.waiting == ()
    assert approve(decision.binding, OTHER_PERSON, Policy.COMPROMISE, NOW + 2).answer.repeated


def test_another_person_approves_an_invitation():
    waiting = ask_to_invite(NEW, replace(REQUEST, reason=None), NOW).binding
    decision = approve(waiting, OTHER_PERSON, Policy.COMPROMISE, NOW + 1)
    assert decision.event_type is EventType.INVITED
    assert decision.binding.bind_code == new_code(NOW + 1 + DAY)


def test_nobody_approves_their_own_request():
    waiting = ask_to_unbind(BOUND, REQUEST, NOW).binding
    decision = approve(waiting, replace(OTHER_PERSON, by="amy"), Policy.COMPROMISE, NOW + 1)
    assert changes_nothing(waiting, decision)
    assert decision.answer == OwnRequest()


@pytest.mark.parametrize("late", [3_600, 9_999])
def test_a_request_past_its_hour_is_not_approved(late: int):
    waiting = ask_to_unbind(BOUND, REQUEST, NOW).binding
    decision = approve(waiting, OTHER_PERSON, Policy.COMPROMISE, NOW + late)
    assert (decision.event_type, decision.answer) == (None, NothingToDo())


def test_an_approval_touches_no_later_binding():
    waiting = ask_to_unbind(BOUND, COMPROMISE, NOW).binding
    later = replace(waiting, binding_id="binding-2")
    decision = approve(later, OTHER_PERSON, Policy.COMPROMISE, NOW + 1)
    assert (decision.event_type, decision.answer) == (None, NothingToDo())


def test_an_approval_with_another_ticket_finds_nothing():
    waiting = ask_to_unbind(BOUND, REQUEST, NOW).binding
    other = replace(OTHER_PERSON, ticket="T-2")
    assert approve(waiting, other, Policy.COMPROMISE, NOW + 1).answer == NothingToDo()


# An item that cannot be read


def test_an_unreadable_item_starts_again_from_nothing():
    decision = recovered("88000001", REQUEST, Policy.COMPROMISE, NOW)
    given = Remembered(ticket="T-1", at=NOW, dropped=True)
    assert decision == Decision(
        Binding(account="88000001", cutoff=NOW, unbindings=(given,)),
        EventType.UNBOUND,
        Unbinding(given, State.UNBOUND),
    )


def test_an_unreadable_item_of_a_compromised_account_needs_a_bind_code():
    decision = recovered("88000001", COMPROMISE, Policy.COMPROMISE, NOW)
    assert decision.binding.bind_code == new_code(NOW + DAY)


# To unlock


@pytest.mark.parametrize(
    "before",
    [
        replace(BOUND, failures=1),
        LOCKED,
        replace(LOCKED, locked_until=NOW - 9_999),
        replace(BOUND, locked_until=NOW + 300),
        SUSPENDED,
        replace(SUSPENDED, failures=0),
        replace(BOUND, month_failures=7, month_began_at=NOW - 1),
        replace(BOUND, held=True),
    ],
)
def test_unlocking_clears_both_counts_lock_and_suspension_and_nothing_else(before: Binding):
    assert unlock(before, NOW) == Decision(BOUND, EventType.UNLOCKED, Unlocked())


def test_unlocking_a_pending_binding_clears_its_count():
    assert unlock(replace(PENDING, failures=4), NOW).binding == PENDING


def test_a_qr_code_past_its_term_has_no_count_to_clear():
    missed = replace(PENDING, failures=4)
    assert unlock(missed, NOW + 601) == Decision(missed, None, NothingToDo())


@pytest.mark.parametrize("before", [NEW, ONCE_UNBOUND, PENDING, BOUND])
def test_there_is_nothing_to_unlock_if_nothing_was_counted(before: Binding):
    decision = unlock(before, NOW)
    assert changes_nothing(before, decision)
    assert decision.answer == NothingToDo()


def test_an_unlocked_account_has_five_attempts_again():
    unlocked = unlock(SUSPENDED, NOW).binding
    answer = verify(unlocked, attempt(wrong(), DESKTOP), NOW).answer
    assert answer == Denied(ErrorCode.WRONG_CODE, {"attempts_left": 4})
