"""A model of the contract, written from its text: one account, and the answers to its clients."""

from dataclasses import dataclass
from typing import Any

from tests.model.tie import Code, Login, Says, Tie, error


@dataclass
class Account:
    """One account: what the contract says of it, and of each call."""

    always: bool = False
    tie: Tie | None = None
    cutoff: int | None = None
    code: Code | None = None
    held: bool = False
    known: bool = False
    ties: int = 0

    def state(self, now: int) -> str:
        if self.tie is None or self.past_term(now):
            return "unbound"
        return "pending" if self.tie.bound_at is None else "bound"

    def past_term(self, now: int) -> bool:
        return self.tie is not None and self.tie.bound_at is None and now > self.tie.term_ends

    def look(self, now: int) -> dict[str, Any]:
        tie = None if self.past_term(now) else self.tie
        suspended = self.held or (tie is not None and tie.tally().suspended)
        return {
            "state": self.state(now),
            "channels": {
                name: tie.channels.get(name) if tie else None for name in ("desktop", "mobile")
            },
            "bound_at": tie and tie.bound_at,
            "locked_until": None if suspended or tie is None else tie.locked_until(now),
            "suspended": suspended,
        }

    def needs_code(self) -> bool:
        bound = self.tie is not None and self.tie.bound_at is not None
        return not bound and (self.always or self.code is not None)

    def logged_in_before_cutoff(self, login: Login) -> bool:
        return self.cutoff is not None and login.typed_at <= self.cutoff

    def bind(self, login: Login, digits: str | None, now: int) -> Says:
        """``digits`` is None if no bind code is sent, or a malformed one. ``begun`` follows a 201."""
        if trouble := login.trouble(now, 300):
            return error(401, trouble)
        if not login.may_bind:
            return error(403, "desktop_only")
        if self.tie is not None and self.tie.bound_at is not None:
            return error(409, "already_bound")
        if self.logged_in_before_cutoff(login):
            return error(401, "login_expired")
        if self.needs_code() and (refused := self._judge_bind_code(digits, now)):
            return refused
        return Says(201, {"expires_at": now + 600, "superseded": self.state(now) == "pending"})

    def _judge_bind_code(self, digits: str | None, now: int) -> Says | None:
        code = self.code
        if digits is not None and code is not None and not code.live(now):
            return error(410, "bind_code_expired")
        if code is None or digits is None:
            left = 5 - code.wrong if code is not None and code.live(now) else None
            return error(403, "bind_code_required", attempts_left=left)
        if digits != code.digits:
            code.wrong += 1
            return error(403, "bind_code_required", attempts_left=5 - code.wrong)
        return None

    def begun(self, secret: str, now: int) -> None:
        """A QR code was shown."""
        self.ties += 1
        self.known = True
        self.tie = Tie(self.ties, secret, now + 600)

    def confirm(self, login: Login, code: str | None, key: str | None, now: int) -> Says:
        if trouble := login.trouble(now, 900):
            return error(401, trouble)
        if not login.may_bind:
            return error(403, "desktop_only")
        if code is None:
            return error(400, "malformed_code")
        if again := self._again("confirm", login, code, key, now):
            return again
        tie = self.tie
        if tie is None:
            return error(409, "bind_not_started")
        if refused := self._not_to_be_confirmed(tie, login, now):
            return refused
        if within := tie.matches(code, now, range(1, -2, -1)):
            tie.bound_at = now
            self.code = None
            return self._accept("confirm", tie, now // 30 - within[0], login, code, key, now)
        tie.facts.append(("early", now))
        left = 5 - tie.tally().row
        if left == 0:
            self.tie = None
        return self._wrong(tie, code, left, now)

    def _not_to_be_confirmed(self, tie: Tie, login: Login, now: int) -> Says | None:
        if tie.bound_at is not None:
            return error(409, "already_bound")
        if self.logged_in_before_cutoff(login):
            return error(401, "login_expired")
        return error(410, "bind_expired") if self.past_term(now) else None

    def verify(self, login: Login, code: str | None, key: str | None, now: int) -> Says:
        if trouble := login.trouble(now, 300):
            return error(401, trouble)
        if code is None:
            return error(400, "malformed_code")
        if again := self._again("verify", login, code, key, now):
            return again
        tie = self.tie
        if tie is None or tie.bound_at is None:
            return error(409, "not_bound")
        if self.held or tie.tally().suspended:
            return error(403, "suspended")
        if (until := tie.locked_until(now)) is not None:
            return error(429, "locked", retry_after=until - now)
        steps = [now // 30 - back for back in tie.matches(code, now, range(1, -2, -1))]
        last = max(tie.accepted, default=-1)
        if fresh := [step for step in steps if step > last]:
            return self._accept("verify", tie, fresh[0], login, code, key, now)
        if steps:
            return error(403, "code_used", retry_after=30 * (max(last, now // 30) + 1) - now)
        tie.facts.append(("wrong", now))
        tally = tie.tally()
        return self._wrong(tie, code, 0 if tally.suspended else max(0, 5 - tally.row), now)

    def _wrong(self, tie: Tie, code: str, left: int, now: int) -> Says:
        if late := tie.matches(code, now, range(2, 21)):
            return error(403, "code_expired", attempts_left=left, seconds_behind=30 * late[0])
        return error(403, "wrong_code", attempts_left=left)

    def _accept(
        self, path: str, tie: Tie, step: int, login: Login, code: str, key: str | None, now: int
    ) -> Says:
        first = login.channel not in tie.channels
        tie.channels.setdefault(login.channel, now)
        tie.facts.append(("right", now))
        tie.accepted.append(step)
        answer = Says(
            200, {"channel": login.channel, "channel_first_use": first, "at": now, "tie": tie.number}
        )
        asked = (path, login.token, login.channel, code, key)
        tie.repeat = {"asked": asked, "at": now, "answer": answer} if key else None
        return answer

    def _again(self, path: str, login: Login, code: str, key: str | None, now: int) -> Says | None:
        repeat = self.tie.repeat if self.tie else None
        asked = (path, login.token, login.channel, code, key)
        same = key is not None and repeat is not None and repeat["asked"] == asked
        if not same or repeat is None or now - repeat["at"] >= 60:
            return None
        answer: Says = repeat["answer"]
        return Says(200, {**answer.fields, "again": True})
