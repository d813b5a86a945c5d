"""A Hypothesis state machine: random calls of clients and support, each held against the model."""

import copy
from itertools import count
from typing import Any

import hypothesis.strategies as st
from chalice.test import Client
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chalicelib import wiring
from chalicelib.support.proof import OperatorProof
from tests.kit.desk import Desk
from tests.kit.emulated_aws import keys_table
from tests.kit.login import DESKTOP, MOBILE, OLD_DESKTOP, SETTINGS
from tests.kit.phone import code_at, wrong_code
from tests.kit.user import User
from tests.model.contract import Account
from tests.model.draws import CALLS
from tests.model.judge import SEEN, Door, Judge
from tests.model.support import DAY
from tests.model.tie import Login, Says

_names = count(1)
CLIENTS = {DESKTOP: ("desktop", True), OLD_DESKTOP: ("desktop", False), MOBILE: ("mobile", False)}
NOBODYS_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


CHECK = OperatorProof.check


def proved(proof: OperatorProof, event: Any, function_arn: str) -> str:
    return f"arn:aws:sts::123456789012:assumed-role/support/{event['operator']}"


class ContractMachine(RuleBasedStateMachine):
    """The service under random calls. ``world`` holds the fixtures: service, clock, aws, keys, patch."""

    world: Any = None

    @initialize(
        policy=st.sampled_from(["compromise", "after_unbind", "always"]), two_operators=st.booleans()
    )
    def begin(self, policy: str, two_operators: bool) -> None:  # noqa: FBT001
        world = self.world
        self.clock = world.clock
        self.clock.time = self.latest = self.rotated_at = world.began_at
        keys_table(world.aws).items = copy.deepcopy(world.first_keys)
        for name, value in SETTINGS.items():
            world.patch.setenv(name, value)
        world.patch.setenv("BIND_CODE", policy)
        world.patch.setenv("UNBIND_APPROVALS", "2" if two_operators else "1")
        # Two operators need proofs, which have tests of their own: here each name counts as proved.
        world.patch.setattr(OperatorProof, "check", proved if two_operators else CHECK)
        wiring.reset()
        http = Client(world.service.app).http
        self.judge = Judge(Desk(world.service))
        self.doors = [
            Door(User(f"model{next(_names):06}", self.clock, http), policy, two_operators=two_operators)
            for _ in range(2)
        ]
        self.guessed = False
        if policy == "always":
            self.ask_support(0, "invite", "T-1", "amy", "")
            self.ask_support(0, "approve", "T-1", "ben", "")
        self.bind_with_everything_right(0)

    @rule(call=CALLS)
    def call(self, call: tuple[str, dict[str, Any]]) -> None:
        """Make one call. One rule draws them all, since Hypothesis leaves whole rules out of a story."""
        name, arguments = call
        getattr(self, name)(**arguments)

    @property
    def now(self) -> int:
        return int(self.clock())

    # Clients

    def bind(self, who: int, client: str, sent: str, age: str) -> None:
        door = self.doors[who]
        login = self._login(door, client, stale=age == "stale")
        issued = door.model.code.digits if door.model.code else "12345678"
        wrong = f"{(int(issued) + 1) % 10**8:08}"
        digits = {"right": issued, "wrong": wrong, "missing": None, "malformed": None}[sent]
        body = {"right": issued, "wrong": wrong, "malformed": issued[:7]}.get(sent)
        says = door.model.bind(login, digits, self.now)
        raw = b"" if body is None else {"bind_code": f" {body[:4]}-{body[4:]}"}
        answer = self.judge.check(door, door.user.call("POST", "/bind", raw, token=login.token), says)
        if answer.status == 201:
            secret = answer.json["secret"]
            assert secret not in door.secrets
            door.secrets.append(secret)
            door.model.begun(secret, self.now)
        elif says.fields["code"] == "bind_code_required":
            door.model.known = door.model.known or sent == "wrong"

    def type_a_code(
        self,
        who: int,
        client: str,
        typed: str,
        steps: int,
        key: str | None,
        there: bool,  # noqa: FBT001
        age: str,
    ) -> None:
        """Send a code where the account's state asks for it, or now and then to the other path."""
        door = self.doors[who]
        bound = door.model.state(self.now) == "bound"
        path = "verify" if bound is there else "confirm"
        usual = client if path == "verify" or typed == "malformed" else DESKTOP
        self._type(door, path, usual, typed, steps, key, stale=age == "stale")

    def bind_with_everything_right(self, who: int) -> None:
        """Reach the bound state more often than chance alone would."""
        self.bind(who, DESKTOP, "right", age="fresh")
        self._type(self.doors[who], "confirm", DESKTOP, "right", 0, "0123456789abcdef", stale=False)

    def ask_again(self, differs: str) -> None:
        """Send the last call again, or one that differs in one part."""
        call = dict(self.last)
        if differs == "key":
            call["key"] = "a-key-that-nobody-has-used"
        elif differs == "token":
            call["login"] = self._login(call["door"], DESKTOP, stale=False, fresh=True)
        elif differs == "path":
            call["path"] = {"confirm": "verify", "verify": "confirm"}[call["path"]]
        elif differs == "code":
            call["code"] = wrong_code(NOBODYS_SECRET, self.now)
        self._send(**call)

    def guess_patiently(self, who: int, times: int, wait: int) -> None:
        """Type wrong codes, each as soon as the lock is over, or one a day."""
        door = self.doors[who]
        times, self.guessed = 0 if self.guessed else times, True
        for _ in range(times):
            if door.model.tie is None or door.model.look(self.now)["suspended"]:
                return
            until = door.model.tie.locked_until(self.now)
            self._move((until - self.now if until else 0) + wait)
            self._type(door, "verify", MOBILE, "wrong", 0, None, stale=False)

    def look(self, who: int) -> None:
        door = self.doors[who]
        shown = door.model.look(self.now) | {
            "account": door.user.account,
            "bind_code_required": door.model.needs_code(),
        }
        self.judge.check(door, door.user.look(), Says(200, shown))

    # Support

    def ask_support(self, who: int, function: str, ticket: str, operator: str, reason: str) -> None:
        door, now = self.doors[who], self.now
        support = door.support
        asked = {"ticket": ticket, "operator": operator}
        if function == "unbind":
            asked |= {"reason": reason}
            says = support.unbind(ticket, operator, reason, now)
        elif function in ("invite", "approve"):
            says = getattr(support, function)(ticket, operator, now)
        else:
            says = getattr(support, function)(now)
        self.judge.support(door, function, says, **asked)

    # Time, keys and processes

    def time_passes(self, seconds: int, back: int, who: int, beside: int, kind: str) -> None:
        """Let time pass, put the clock back, or go to the edge of a lock or a term."""
        if kind == "back" and self.clock.time - back >= self.latest - 3_600:
            self._move(-back)
        elif kind == "edge":
            self._move(self._to_an_edge(self.doors[who].model) + beside)
        else:
            self._move(seconds)

    def _to_an_edge(self, model: Account) -> int:
        ends = [model.tie.locked_until(self.now), model.tie.term_ends] if model.tie else []
        ends += [model.code.expires_at] if model.code else []
        return next((end - self.now for end in ends if end is not None and end > self.now), 30)

    def rotate_keys(self) -> None:
        wiring.components().rotation.run()

    def new_process(self) -> None:
        wiring.reset()

    @invariant()
    def nobody_is_served_a_500(self) -> None:
        assert "unavailable" not in SEEN

    def _move(self, seconds: float) -> None:
        self.clock.time += seconds
        self.latest = max(self.latest, self.clock.time)
        if self.clock.time - self.rotated_at >= 10 * DAY:
            self.rotated_at = self.clock.time
            wiring.components().rotation.run()

    def _login(self, door: Door, client: str, *, stale: bool, fresh: bool = False) -> Login:
        """A login of now, or the one before by the same client."""
        if stale and client in door.logins:
            return door.logins[client]
        channel, may_bind = CLIENTS[client]
        more = {"session": next(_names)} if fresh else {}
        login = Login(door.user.token(client, **more), channel, may_bind, self.now)
        door.logins[client] = login
        return login

    def _type(
        self, door: Door, path: str, client: str, typed: str, steps: int, key: str | None, *, stale: bool
    ) -> None:
        """Type a code: the one of so many steps ahead, or one that is wrong or malformed."""
        login = self._login(door, client, stale=stale)
        secret = door.secrets[-1] if door.secrets else NOBODYS_SECRET
        code: str | None = code_at(secret, self.now + 30 * steps)
        if typed == "wrong":
            code = wrong_code(secret, self.now)
        elif typed == "of the secret before" and len(door.secrets) > 1:
            code = code_at(door.secrets[-2], self.now)
        elif typed == "malformed":
            code = None
        self.last = {"door": door, "path": path, "login": login, "code": code, "key": key}
        self._send(**self.last)

    def _send(self, door: Door, path: str, login: Login, code: str | None, key: str | None) -> None:
        headers = {"Idempotency-Key": key} if key else {}
        typed = "12345" if code is None else f"{code[:3]} {code[3:]}"
        says = getattr(door.model, path)(login, code, key, self.now)
        if says.status == 200 or says.fields.get("code") in ("wrong_code", "code_expired"):
            door.model.known = True
        url = {"confirm": "/bind/confirm", "verify": "/verify"}[path]
        self.judge.check(
            door, door.user.call("POST", url, {"code": typed}, token=login.token, headers=headers), says
        )
