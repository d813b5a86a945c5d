"""AWS fails by a seeded plan while clients and support go on: nothing wrong comes of it."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest

from tests.kit.clock import Clock
from tests.kit.desk import Desk
from tests.kit.fault_plan import OUTAGES, FaultPlan
from tests.kit.figures import SOAK, record
from tests.kit.phone import Phone
from tests.kit.user import Answer, User
from tests.kit.wire import Wire

SEEDS = 200 if SOAK else 4
ACTIONS = 20
KEY = {"Idempotency-Key": "0123456789abcdef"}
TOTAL: Counter[str] = Counter()


@dataclass
class Story:
    """One user under faults: what may be true of the account by the answers so far.

    ``counts`` are the numbers of wrong codes in a row that are possible, since a call that ended in
    `unavailable` has been counted once or not at all.
    """

    user: User
    staff: Desk
    phone: Phone
    counts: set[int] = field(default_factory=lambda: {0})
    gone: bool = False
    passes: dict[str, set[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def right(self) -> None:
        """Type the code of now, and the same again; ask once more if the answer was lost."""
        self.user.clock.advance(31)
        code, token = self.phone.code(), self.user.token()
        for _ in range(3):
            answer = self.user.verify(code, token=token, headers=KEY)
            self._note_pass(answer, code)
            if answer.status == 200:
                self.counts = {0}
            elif answer.code in ("unavailable", "busy"):
                self.counts |= {0}
        self._expect(answer, {"unavailable", "busy", "not_bound", "locked", "suspended", "code_used"})

    def mistyped(self) -> None:
        answer = self.user.verify(self.phone.wrong())
        self._expect(answer, {"unavailable", "busy", "not_bound", "locked", "suspended", "wrong_code"})
        if answer.status == 200:
            self.wrong.append("a wrong code was let in")
        if answer.code == "wrong_code":
            self._note_count(5 - answer.json["attempts_left"])
        elif answer.code in ("unavailable", "busy"):
            self.counts |= {count + 1 for count in self.counts}
        elif answer.code == "locked" and max(self.counts) < 5:
            self.wrong.append(f"locked after {max(self.counts)} wrong codes at most")

    def _note_count(self, count: int) -> None:
        fits = {one for one in self.counts if min(one + 1, 5) == count}
        if not fits:
            self.wrong.append(f"{count} counted where {self.counts} were possible")
        self.counts = {one + 1 for one in fits} or {count}

    def unlocked(self) -> None:
        outcome = self.staff.call("unlock", self.user.account)["outcome"]
        if outcome == "unavailable":
            self.counts |= {0}
        else:
            self.counts = {0}

    def look(self) -> None:
        self._expect(self.user.look(), {"unavailable"})

    def unbound(self) -> None:
        outcome = self.staff.unbind(self.user.account, ticket=f"T-{self.user.clock()}")["outcome"]
        self.gone = self.gone or outcome == "unbound"

    def _note_pass(self, answer: Answer, code: str) -> None:
        if answer.status != 200:
            return
        if self.gone:
            self.wrong.append("a pass after the unbinding")
        claims = jwt.decode(answer.json["pass"], options={"verify_signature": False})
        step = f"{claims['binding']} {self.user.clock() // 30}"
        self.passes.setdefault(step, set()).add(claims["jti"])
        if len(self.passes[step]) > 1:
            self.wrong.append("two passes for one step")

    def _expect(self, answer: Answer, codes: set[str]) -> None:
        if answer.status != 200 and answer.code not in codes:
            self.wrong.append(f"an answer beside the contract: {answer.code}")

    def recovers(self) -> None:
        """The fault is over for a minute: everything works."""
        self.unlocked()
        if self.user.look().json["state"] != "bound":
            self.user.clock.advance(1)
            shown = self.user.bind()
            assert shown.status == 201, shown.raw
            self.phone, self.gone = Phone(shown.json["secret"], self.user.clock), False
            self._recovered(self.user.confirm(self.phone.code()))
            self.user.clock.advance(60)
        self.counts = {0}
        self._recovered(self.user.verify(self.phone.code()))

    def _recovered(self, answer: Answer) -> None:
        if answer.status != 200:
            self.wrong.append(f"still {answer.code} a minute after the fault's end")


ACTS = ["right"] * 4 + ["mistyped"] * 4 + ["look", "unlocked"]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_faults_let_nobody_in_count_nothing_twice_and_heal_within_a_minute(
    seed: int, new_user: Callable[[], User], service: Any, clock: Clock, wire: Wire
):
    plan = FaultPlan(random.Random(seed))
    wire.send = plan.send  # type: ignore[method-assign]
    users = [new_user() for _ in range(2)]
    stories = [Story(user, Desk(service), user.bound_phone()) for user in users]
    for outage in plan.random.sample(sorted(OUTAGES), len(OUTAGES)):
        # A process opens its keys again after five minutes, and meets the fault there too.
        clock.advance(301)
        leaves = plan.random.choice([None, *stories])
        with plan.episode(outage):
            for _ in range(ACTIONS):
                story = plan.random.choice(stories)
                getattr(story, plan.random.choice(ACTS))()
            if leaves is not None:
                leaves.unbound()
                leaves.right()
        clock.advance(60)
        for story in stories:
            story.recovers()
    wrong = [one for story in stories for one in story.wrong]
    TOTAL.update(seeds=1, calls=plan.calls, faults=plan.faults.total(), wrong=len(wrong))
    record("fault plan", **{name: TOTAL[name] for name in ("seeds", "calls", "faults", "wrong")})
    assert wrong == []
    assert len(plan.faults) > 10
