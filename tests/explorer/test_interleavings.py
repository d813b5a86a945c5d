"""Every order of the store calls of two and three operations, with and without a fault in between."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from chalicelib.api.service import LoggedIn
from chalicelib.core import bind_code
from chalicelib.core.bind_code import Policy
from chalicelib.core.channel import Channel
from chalicelib.core.events import EventType
from tests.explorer.store import FAULTS, LOSSES, Table, schedules
from tests.explorer.world import ACCOUNT, World
from tests.kit.figures import record

Operations = Mapping[str, Callable[[], Any]]
ACCEPTING = {EventType.BOUND.value, EventType.CHANNEL_BOUND.value, EventType.VERIFIED.value}
COUNTING = {EventType.WRONG_CODE.value, EventType.LOCKED.value, EventType.SUSPENDED.value}
KEY = "0123456789abcdef"
SEEN: Counter[str] = Counter()


def same_code_twice(world: World) -> Operations:
    code = world.bound().code()
    return {"one": lambda: world.verify(code), "two": lambda: world.verify(code)}


def same_code_three_times(world: World) -> Operations:
    return {**same_code_twice(world), "three": lambda: world.verify(world.code())}


def two_right_codes(world: World) -> Operations:
    world.bound()
    earlier, later = world.code(), world.code(1)
    return {"earlier": lambda: world.verify(earlier), "later": lambda: world.verify(later)}


def two_wrong_codes_at_the_limit(world: World) -> Operations:
    world.bound()
    wrong = world.wrong()
    for _ in range(3):
        world.verify(wrong)
    return {"one": lambda: world.verify(wrong), "two": lambda: world.verify(wrong)}


def three_wrong_codes_at_the_limit(world: World) -> Operations:
    return {
        **two_wrong_codes_at_the_limit(world),
        "three": lambda: world.verify(world.wrong()),
    }


def right_and_wrong_code(world: World) -> Operations:
    world.bound()
    return {"right": lambda: world.verify(world.code()), "wrong": lambda: world.verify(world.wrong())}


def one_idempotency_key_twice(world: World) -> Operations:
    code = world.bound().code()
    return {"one": lambda: world.verify(code, KEY), "two": lambda: world.verify(code, KEY)}


def two_binds(world: World) -> Operations:
    return {"one": world.bind, "two": world.bind}


def bind_and_confirm(world: World) -> Operations:
    code = world.pending().code()
    return {"bind": world.bind, "confirm": lambda: world.confirm(code)}


def confirm_twice(world: World) -> Operations:
    code = world.pending().code()
    return {"one": lambda: world.confirm(code), "two": lambda: world.confirm(code)}


def verify_and_unbind(world: World) -> Operations:
    code = world.bound().code()
    return {
        "verify": lambda: world.verify(code),
        "unbind": lambda: world.support("unbind", reason="lost_device"),
    }


def unbind_twice_and_verify(world: World) -> Operations:
    return {
        **verify_and_unbind(world),
        "again": lambda: world.support("unbind", reason="lost_device"),
    }


def confirm_and_unbind(world: World) -> Operations:
    code = world.pending().code()
    return {
        "confirm": lambda: world.confirm(code),
        "unbind": lambda: world.support("unbind", reason="lost_device"),
    }


def unlock_and_wrong_code(world: World) -> Operations:
    world.bound()
    for _ in range(4):
        world.verify(world.wrong())
    return {
        "unlock": lambda: world.support("unlock"),
        "wrong": lambda: world.verify(world.wrong()),
    }


def wrong_bind_codes_at_the_limit(world: World) -> Operations:
    world.support("invite")
    for _ in range(3):
        world.bind("00000000")
    return {name: lambda: world.bind("00000000") for name in ("one", "two", "three")}


def invite_and_bind(world: World) -> Operations:
    code = world.support("invite").bind_code
    return {"invite": lambda: world.support("invite", ticket="T-2"), "bind": lambda: world.bind(code)}


def a_bind_code_tried_and_an_invitation(world: World) -> Operations:
    world.support("invite")
    return {
        "wrong": lambda: world.bind("00000000"),
        "invite": lambda: world.support("invite", ticket="T-2"),
        "wrong again": lambda: world.bind("00000000"),
    }


def bind_with_a_code_and_unbind(world: World) -> Operations:
    code = world.support("invite").bind_code
    return {
        "bind": lambda: world.bind(code),
        "unbind": lambda: world.support("unbind", reason="suspected_compromise"),
    }


def two_approvals(world: World) -> Operations:
    code = world.bound().code()
    world.support("unbind", operator="role/amy", reason="lost_device")
    return {
        "ben": lambda: world.support("approve", operator="role/ben"),
        "eve": lambda: world.support("approve", operator="role/eve"),
        "verify": lambda: world.verify(code),
    }


def re_sealing_and_another_channel(world: World) -> Operations:
    world.bound()
    world.box.key_id = "key-2"
    return {
        "desktop": lambda: world.verify(world.code()),
        "mobile": lambda: world.verify(world.code(1), channel=Channel.MOBILE),
    }


SCENES = [
    same_code_twice,
    same_code_three_times,
    two_right_codes,
    two_wrong_codes_at_the_limit,
    three_wrong_codes_at_the_limit,
    right_and_wrong_code,
    one_idempotency_key_twice,
    two_binds,
    bind_and_confirm,
    confirm_twice,
    verify_and_unbind,
    unbind_twice_and_verify,
    confirm_and_unbind,
    unlock_and_wrong_code,
    wrong_bind_codes_at_the_limit,
    invite_and_bind,
    a_bind_code_tried_and_an_invitation,
    bind_with_a_code_and_unbind,
    two_approvals,
    re_sealing_and_another_channel,
]


@pytest.mark.parametrize("faults", [FAULTS, LOSSES], ids=["no fault", "one fault"])
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_every_interleaving_keeps_the_invariants(
    scene: Callable[[World], Operations],
    faults: Mapping[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
):
    # The real hash is slow on purpose, and thousands of schedules would each pay for it.
    monkeypatch.setattr(bind_code, "digest", lambda code, salt: code.encode() + salt)
    worlds: list[World] = []

    def begin() -> tuple[Table, Operations]:
        world = World(Policy.COMPROMISE, two_operators=scene is two_approvals)
        operations = scene(world)
        worlds.append(world.ready())
        return world.table, operations

    seen = 0
    for _, answers in schedules(begin, faults):
        check(worlds[-1], answers)
        seen += 1
    SEEN.update(scenes=1, schedules=seen)
    record("interleavings", scenes=SEEN["scenes"], schedules=SEEN["schedules"], wrong=0)
    assert seen > 1


def check(world: World, answers: Mapping[str, Any]) -> None:
    for answer in answers.values():
        assert not isinstance(answer, Exception), answer
    writes = world.table.writes
    events = [write.after["event"]["M"] for write in writes]
    assert len({event["event_id"]["S"] for event in events}) == len(writes), "one event per write"
    versions = [int(write.after["version"]["N"]) for write in writes]
    before = [int(write.before.get("version", {"N": "0"})["N"]) for write in writes]
    assert versions == [version + 1 for version in before], "a lost race never overwrites"
    assert before[1:] == versions[:-1], "writes follow each other"
    accepting = [write for write in writes if type_of(write.after) in ACCEPTING]
    steps = [(write.after["binding"]["S"], write.after["last_step"]["N"]) for write in accepting]
    assert len(set(steps)) == len(steps), "a step is accepted once"
    check_passes(world, answers, len(accepting))
    check_counts(world, answers)
    unbound = [index for index, write in enumerate(writes) if type_of(write.after) == "unbound"]
    if unbound:
        assert all(type_of(write.after) not in ACCEPTING for write in writes[unbound[0] :])
        assert len(unbound) == 1, "one ticket unbinds once"


def check_passes(world: World, answers: Mapping[str, Any], accepted: int) -> None:
    """No pass without a consumed step; a lost answer issues no second one."""
    logged_in = [answer for answer in answers.values() if isinstance(answer, LoggedIn)]
    jtis = Counter(answer.issued.token for answer in logged_in)
    assert len(jtis) <= accepted
    repeatable = any("repeatable" in item for item in world.table.items.values())
    assert repeatable or all(count == 1 for count in jtis.values())


def check_counts(world: World, answers: Mapping[str, Any]) -> None:
    """Each wrong code that was answered has been counted once, and only five are checked."""
    counted = [write for write in world.table.writes if type_of(write.after) in COUNTING]
    told = Counter(answer for answer in answers.values() if isinstance(answer, str))
    unknown = told["killed"] + told["unavailable"]
    assert told["wrong_code"] <= len(counted) <= told["wrong_code"] + unknown
    item = world.table.items[ACCOUNT]
    assert int(item.get("failures", {"N": "0"})["N"]) <= 5
    assert int(item.get("bind_code_failures", {"N": "0"})["N"]) <= 5


def type_of(item: Mapping[str, Any]) -> str:
    kind: str = item["event"]["M"]["type"]["S"]
    return kind
