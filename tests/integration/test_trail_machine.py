"""Random stories, and whether trail, notifications and verification tell exactly what happened."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends

from chalicelib import wiring
from chalicelib.aws.items import read_image
from chalicelib.core.changes import Finding
from chalicelib.core.errors import Unavailable
from chalicelib.core.events import EventType
from chalicelib.core.lockout import SUSPEND_AT, suspends
from infra.audit.auditor import Auditor
from infra.audit.verify import Damage, Trail
from tests.kit.clock import Clock
from tests.kit.delivery import Delivery
from tests.kit.desk import Desk
from tests.kit.login import DESKTOP, MOBILE
from tests.kit.phone import Phone
from tests.kit.subscriber import Subscriber
from tests.kit.user import User
from tests.kit.wire import Wire

HOUR = 3_600
SIGNED = ("channel", "operator", "ticket", "request_id")
CALLS = ("PutObject", "BatchExecuteStatement", "PublishBatch")
AT_THE_END = "at the end"

people = st.integers(0, 1)
some = st.integers(0, 10**6)
batches = st.integers(1, 12)
calls = st.integers(0, 8)


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Tools:
    """The tools of a story."""

    new_user: Callable[[], User]
    delivery: Delivery
    desk: Desk
    clock: Clock
    subscriber: Subscriber
    wire: Wire
    aws: dict[str, str]
    seen: set[str] = field(default_factory=set)
    """Every type of event and every kind of damage that has been verified."""


@dataclass
class Change:
    """One record of an account: what the trail has to tell, and the versions before and after."""

    told: dict[str, Any]
    found: int | None = None
    left: int | None = None
    written_as: str | None = None
    lost: bool = False
    """The stream forgot it before a handler took it."""


@dataclass
class Person:
    """An account's owner, what happened to the account, and what was done to its trail."""

    user: User
    changes: list[Change] = field(default_factory=list)
    phone: Phone | None = None
    state: str = "unbound"
    """As the service has it; ``broken`` if the item cannot be read, ``unknown`` if it was restored."""
    failures: int = 0
    month_failures: int = 0
    """Wrong codes since the binding or the last unlocking: a story is shorter than a month."""
    channels: set[str] = field(default_factory=set)
    old_items: list[dict[str, Any]] = field(default_factory=list)
    damage: set[tuple[str, str]] = field(default_factory=set)

    @property
    def recorded(self) -> list[Change]:
        return [change for change in self.changes if not change.lost]


class Disturbance:
    """Lets so many calls to AWS through, then does something before the next call or after it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def after(self, calls: int, act: Callable[[], None], *, before: bool) -> None:
        self._left, self._act, self._before = calls, act, before
        self._wire.next("*", self._pass)

    def off(self) -> None:
        self._wire._mishaps.clear()

    def _pass(self, really: Callable[[], Any]) -> Any:
        self._left -= 1
        if self._left != -1:
            return really()
        if self._before:
            self._act()
            return really()
        answer = really()
        self._act()
        return answer


def die() -> None:
    raise Killed


class Story(RuleBasedStateMachine):
    """Two accounts, their owners, support, and an intruder with a console."""

    def __init__(self, tools: Tools) -> None:
        super().__init__()
        self.tools = tools
        self.clock = tools.clock
        self.people = [Person(tools.new_user()) for _ in range(2)]
        self.records: list[dict[str, Any]] = []
        self.position = 0
        self.change_of: dict[str, Change] = {}
        self.dynamodb = boto3.client("dynamodb")
        self.disturbance = Disturbance(tools.wire)

    # What people do.

    @rule(who=people)
    def bind(self, who: int) -> None:
        person = self.people[who]
        if person.state in ("broken", "unknown"):
            return
        answer = person.user.bind()
        if person.state == "bound":
            assert answer.code == "already_bound"
            return
        person.phone = Phone(answer.json["secret"], self.clock)
        person.state, person.channels = "pending", set()
        person.failures = person.month_failures = 0
        self.happened(person, "bind_started", channel="desktop", answer=answer)

    @rule(who=people, client=st.sampled_from([DESKTOP, MOBILE]))
    def right_code(self, who: int, client: str) -> None:
        person = self.people[who]
        if person.state == "unbound":
            self.bind(who)
        if person.state not in ("pending", "bound"):
            return
        client = DESKTOP if person.state == "pending" else client
        self.clock.advance(31)
        answer = self.enter(person, person.phone.code(), client)
        if answer.status != 200:
            assert answer.code in ("locked", "suspended", "bind_expired", "code_used"), answer.json
            return
        channel = "mobile" if client == MOBILE else "desktop"
        usual = "verified" if channel in person.channels else "channel_bound"
        happened = "bound" if person.state == "pending" else usual
        person.state, person.failures = "bound", 0
        person.channels.add(channel)
        self.happened(person, happened, channel=channel, answer=answer)

    @rule(who=people, times=st.integers(1, 6))
    def wrong_codes(self, who: int, times: int) -> None:
        person = self.people[who]
        if person.state == "unbound":
            self.bind(who)
        for _ in range(times):
            if person.state not in ("pending", "bound"):
                return
            answer = self.enter(person, person.phone.wrong(), DESKTOP)
            if answer.code != "wrong_code":
                assert answer.code in ("locked", "suspended", "bind_expired"), answer.json
                return
            person.failures += 1
            person.month_failures += person.state == "bound"
            happened = "wrong_code"
            if suspends(person.failures, person.month_failures):
                happened = "suspended"
            elif person.failures >= 5:
                happened = "bind_discarded" if person.state == "pending" else "locked"
            if happened == "bind_discarded":
                person.state = "unbound"
            self.happened(person, happened, channel="desktop", answer=answer)

    def enter(self, person: Person, code: str, client: str) -> Any:
        enter = person.user.confirm if person.state == "pending" else person.user.verify
        return enter(code, client=client)

    @rule(who=people)
    def support_unbinds(self, who: int) -> None:
        person = self.people[who]
        if person.state == "broken":
            return
        # A ticket of its own: the answer to a repeated one changes nothing.
        ticket = f"T-{len(person.changes) + 2}"
        unbound = self.tools.desk.unbind(person.user.account, ticket=ticket)["outcome"]
        person.state = "unbound"
        self.signed(person, unbound, ticket)

    @rule(who=people)
    def support_unlocks(self, who: int) -> None:
        person = self.people[who]
        if person.state in ("broken", "unknown"):
            return
        self.wrong_codes(who, 1)
        if self.tools.desk.unlock(person.user.account)["outcome"] == "unlocked":
            person.failures = person.month_failures = 0
            self.signed(person, "unlocked", "T-1")

    def support_invites_for_nothing(self, who: int) -> None:
        """A bind code is issued, a wrong one is sent, and two requests wait for a second operator."""
        person, desk = self.people[who], self.tools.desk
        account = person.user.account
        code = desk.call("invite", account)["bind_code"]
        self.signed(person, "invited", "T-1")
        answer = person.user.call("POST", "/bind", {"bind_code": f"{(int(code) + 1) % 10**8:08}"})
        self.happened(person, "wrong_bind_code", channel="desktop", answer=answer)
        self.support_unbinds(who)
        wiring.components().desk._two_operators = True
        desk.unbind(account, ticket="T-A")
        self.signed(person, "unbind_requested", "T-A")
        desk.call("invite", account, ticket="T-B")
        self.signed(person, "invite_requested", "T-B")
        wiring.reset()

    @rule(seconds=st.sampled_from([300, 700, 20_000]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    # What an intruder does to an item. The stream sees it.

    @rule(who=people)
    def edit(self, who: int) -> None:
        person = self.people[who]
        if self.item(person) is not None:
            self.update(person, note={"S": f"{self.clock()}"})
            self.happened(person, "unreadable" if person.state == "broken" else "tampered")

    @rule(who=people)
    def delete(self, who: int) -> None:
        person = self.people[who]
        if self.item(person) is not None:
            self.dynamodb.delete_item(TableName=self.tools.aws["BINDINGS_TABLE"], Key=key(person))
            person.state = "unbound"
            self.happened(person, "tampered")

    @rule(who=people, which=some)
    def put_back(self, who: int, which: int) -> None:
        """An item as it once was is put back, and taken away again, so that the story can go on."""
        person = self.people[who]
        older = [item for item in person.old_items if item != self.item(person)]
        if older:
            self.clock.advance(90)
            self.put(person, older[which % len(older)])
            self.happened(person, "tampered")
            self.delete(who)

    @rule(who=people)
    def bring_to_the_verge_of_suspension(self, who: int) -> None:
        person = self.people[who]
        if person.state == "bound":
            self.update(person, failures={"N": str(SUSPEND_AT - 1)}, locked_until={"N": "0"})
            person.failures = SUSPEND_AT - 1
            self.happened(person, "tampered")
            self.wrong_codes(who, 1)

    @rule(who=people)
    def dress_up_as_an_unbinding(self, who: int) -> None:
        """All that support's function writes, but for what IAM lets nobody else write."""
        person, item = self.people[who], self.item(self.people[who])
        if person.state in ("bound", "pending"):
            item = {name: item[name] for name in ("account", "unbound_version") if name in item}
            self.write_as_support(person, **item)
            self.happened(person, "tampered")

    @rule(who=people, version=st.booleans())
    def break_the_item(self, who: int, *, version: bool) -> None:
        person, item = self.people[who], self.item(self.people[who])
        if item is None or person.state == "broken":
            return
        item |= {"event": {"S": "?"}} | ({"version": {"S": "?"}} if version else {})
        person.state = "broken"
        self.put(person, item)
        self.happened(person, "unreadable")

    @rule(who=people)
    def support_mends_the_item(self, who: int) -> None:
        """Write what an unbinding writes over an item that cannot be read."""
        person = self.people[who]
        if person.state == "broken":
            self.write_as_support(person, marked=True)
            self.happened(person, "unbound", operator="amy", ticket="T-1", request_id="r")

    def write_as_support(self, person: Person, *, marked: bool = False, **kept: Any) -> None:
        before = read_image(self.item(person)).version
        version = {"N": str(int(self.clock()) if before is None else before + 1)}
        signed = {"operator": "amy", "ticket": "T-1", "request_id": "r", "type": "unbound"}
        event = {name: {"S": value} for name, value in signed.items()}
        event |= {"event_id": {"S": f"e{self.clock()}"}, "at": {"N": str(int(self.clock()))}}
        marks = {"unbound_version": version} if marked else {}
        item = {"version": version, "state": {"S": "unbound"}, "event": {"M": event}}
        self.put(person, {**key(person), **kept, **item, **marks})
        person.state = "unbound"

    @rule(who=people)
    def a_record_arrives_mangled(self, who: int) -> None:
        mangled = {
            "eventID": f"mangled-{self.people[who].user.account}-{self.clock()}",
            "eventName": "MODIFY",
            "dynamodb": {
                "Keys": key(self.people[who]),
                "SequenceNumber": f"mangled {self.clock()}",
                "ApproximateCreationDateTime": self.clock(),
            },
        }
        self.note(self.people[who], mangled, Change({"type": "unreadable"} | dict.fromkeys(SIGNED)))
        self.clock.advance(1)

    @rule(count=batches)
    def the_stream_forgets(self, count: int) -> None:
        """Records were waiting for longer than a day."""
        for record in self.records[self.position :][:count]:
            self.records.remove(record)
            self.change_of[record["eventID"]].lost = True

    # What is done to tables without a record.

    @rule(who=people, which=some)
    def restore_an_item(self, who: int, which: int) -> None:
        person = self.people[who]
        if person.old_items:
            tables = dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables
            table = tables[self.tools.aws["BINDINGS_TABLE"]]
            shard, table.stream_shard = table.stream_shard, None
            self.put(person, person.old_items[which % len(person.old_items)])
            table.stream_shard = shard
            person.state = "unknown"

    @rule(who=people, which=some)
    def remove_a_row(self, who: int, which: int) -> None:
        self.damage_a_row(self.people[who], which, Damage.MISSING)

    @rule(who=people, which=some)
    def alter_a_row(self, who: int, which: int) -> None:
        self.damage_a_row(self.people[who], which, Damage.ALTERED)

    def damage_a_row(self, person: Person, which: int, kind: Damage) -> None:
        rows = [row for row in self.rows(person) if "planted" not in row]
        if not rows:
            return
        row = rows[which % len(rows)]
        event_id = row["event_id"]["S"]
        if kind is Damage.MISSING:
            at = {name: row[name] for name in ("account", "event_id")}
            self.dynamodb.delete_item(TableName=self.tools.aws["AUDIT_TABLE"], Key=at)
        else:
            altered = row | {"address": {"S": "203.0.113.9"}}
            self.dynamodb.put_item(TableName=self.tools.aws["AUDIT_TABLE"], Item=altered)
        person.damage -= {(Damage.ALTERED, event_id)}
        person.damage |= {(kind, event_id)}

    @rule(who=people, number=some)
    def plant_a_row(self, who: int, number: int) -> None:
        person = self.people[who]
        event_id = f"{int(self.clock()):012}-{number:012}-{'0' * 16}"
        row = key(person) | {"event_id": {"S": event_id}, "planted": {"BOOL": True}}
        self.dynamodb.put_item(TableName=self.tools.aws["AUDIT_TABLE"], Item=row)
        person.damage |= {(Damage.UNWITNESSED, event_id)}

    # What happens to the handler.

    @rule(size=batches)
    def deliver(self, size: int) -> None:
        batch = self.records[self.position : self.position + size]
        self.hand_over(batch)
        self.position += len(batch)

    @rule(size=batches, calls=calls, before=st.booleans())
    def deliver_to_a_handler_that_is_killed(self, size: int, calls: int, *, before: bool) -> None:
        self.disturbance.after(calls, die, before=before)
        try:
            self.hand_over(self.records[self.position : self.position + size])
        except Killed:
            self.tools.delivery.new_process()
        self.disturbance.off()
        self.deliver(size)

    @rule(size=batches, calls=calls, before=st.booleans(), part=batches)
    def deliver_to_two_handlers(self, size: int, calls: int, part: int, *, before: bool) -> None:
        """A handler that was given up for dead goes on, while another one has its batch."""
        batch = self.records[self.position : self.position + size]

        def other_handler() -> None:
            self.disturbance.off()
            self.tools.delivery.new_process()
            self.hand_over(batch[:part])

        self.disturbance.after(calls, other_handler, before=before)
        self.hand_over(batch)
        self.disturbance.off()
        self.position += len(batch)

    @rule(size=batches, operation=st.sampled_from(CALLS))
    def deliver_in_aws_trouble(self, size: int, operation: str) -> None:
        batch = self.records[self.position : self.position + size]
        if batch:
            self.tools.wire.refuse(operation, "AccessDeniedException")
            with pytest.raises(Unavailable):
                self.hand_over(batch)
            self.hand_over(batch)
            self.position += len(batch)

    @rule(start=some, size=batches)
    def deliver_again(self, start: int, size: int) -> None:
        if self.position:
            self.hand_over(self.records[: self.position][start % self.position :][:size])

    def hand_over(self, batch: list[dict[str, Any]]) -> None:
        self.tools.delivery.deliver(batch)
        # A row that was taken away is written anew with its record.
        for person in self.people:
            there = {(Damage.MISSING, row["event_id"]["S"]) for row in self.rows(person)}
            person.damage -= there

    # The model.

    def item(self, person: Person) -> dict[str, Any] | None:
        table = self.tools.aws["BINDINGS_TABLE"]
        item: dict[str, Any] | None = self.dynamodb.get_item(TableName=table, Key=key(person)).get(
            "Item"
        )
        return item

    def rows(self, person: Person) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.dynamodb.query(
            TableName=self.tools.aws["AUDIT_TABLE"],
            KeyConditionExpression="account = :account",
            ExpressionAttributeValues={":account": {"S": person.user.account}},
        )["Items"]
        return rows

    def put(self, person: Person, item: dict[str, Any]) -> None:
        self.dynamodb.put_item(TableName=self.tools.aws["BINDINGS_TABLE"], Item=item)

    def update(self, person: Person, **attributes: dict[str, Any]) -> None:
        self.dynamodb.update_item(
            TableName=self.tools.aws["BINDINGS_TABLE"],
            Key=key(person),
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in attributes),
            ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
        )

    def signed(self, person: Person, type: str, ticket: str) -> None:
        request_id = self.tools.desk.last_request_id
        self.happened(person, type, operator="amy", ticket=ticket, request_id=request_id)

    def happened(self, person: Person, type: str, answer: Any = None, **signed: Any) -> None:
        """One more record of the account. Time goes on, so that a second has one of them only."""
        if answer is not None:
            signed["request_id"] = answer.headers["x-request-id"]
        (record,) = self.tools.delivery.take()
        before = record["dynamodb"].get("OldImage")
        item = self.item(person)
        image = read_image(item or {})
        change = Change(
            {"type": type} | dict.fromkeys(SIGNED) | signed,
            found=read_image(before).version if before else 0,
            left=image.version if item else 0,
            written_as=image.event_id,
        )
        self.note(person, record, change)
        if item is not None and person.state != "broken" and item not in person.old_items:
            person.old_items.append(item)
        self.clock.advance(1)

    def note(self, person: Person, record: dict[str, Any], change: Change) -> None:
        self.records.append(record)
        self.change_of[record["eventID"]] = change
        person.changes.append(change)

    def jumps(self, person: Person, ids: list[str]) -> set[tuple[str, str]]:
        """The places where a version does not follow from the one before."""
        left, written_as, found = 0, None, set()
        item = self.item(person)
        image = read_image(item or {})
        now = Change({}, image.version if item else 0, written_as=image.event_id)
        for place, change in zip([*ids, AT_THE_END], [*person.recorded, now], strict=True):
            if None not in (left, change.found) and left != change.found:
                kind = Damage.SET_BACK if change.found < left else Damage.UNRECORDED
                found.add((kind, place))
            elif change is now and left == change.found and written_as != change.written_as:
                found.add((Damage.SET_BACK, place))
            left, written_as = change.left, change.written_as
        return found

    # What must hold at the end of every story.

    def teardown(self) -> None:
        self.disturbance.off()
        while self.position < len(self.records):
            self.deliver(10)
        self.clock.advance(HOUR)
        auditor, trail = Auditor("test", self.clock), Trail(self.clock(), 0)
        for person in self.people:
            for row in auditor.rows(person.user.account):
                trail.take_row(row)
        for _, body, taken_at in auditor.objects(0):
            trail.take_lines(body.splitlines(), taken_at, None)
        received = self.tools.subscriber.received()
        for person in self.people:
            self.check(person, trail, received)

    def check(self, person: Person, trail: Trail, received: list[dict[str, Any]]) -> None:
        account = person.user.account
        heard = {told["event_id"]: told for told in received if told["account"] == account}
        ids = sorted(heard)
        told = [{name: heard[event_id][name] for name in ("type", *SIGNED)} for event_id in ids]
        assert told == [change.told for change in person.recorded]
        if person.state != "broken":
            shown = [entry["event_id"] for entry in self.tools.desk.story(account)]
            damaged = {event_id for _, event_id in person.damage}
            assert [one for one in shown if one not in damaged] == [
                one for one in ids if one not in damaged
            ]
        expected = set(person.damage)
        expected |= {(Damage.FINDING, event_id) for event_id in ids if is_finding(heard[event_id])}
        expected |= self.jumps(person, ids)
        item = self.item(person)
        found = {(kind, place) for kind, place, _ in trail.breaks(account, item and read_image(item))}
        assert found == expected
        self.tools.seen |= {change.told["type"] for change in person.changes} | {
            kind for kind, _ in expected
        }


def key(person: Person) -> dict[str, Any]:
    return {"account": {"S": person.user.account}}


def is_finding(told: dict[str, Any]) -> bool:
    return told["type"] in set(Finding)


@pytest.fixture
def begin(
    new_user: Callable[[], User],
    delivery: Delivery,
    desk: Desk,
    clock: Clock,
    subscriber: Subscriber,
    wire: Wire,
    aws: dict[str, str],
) -> Callable[[], Story]:
    """Begins a story, on the first day of the keys and with nothing in the witness."""
    first_day = clock()
    tools = Tools(new_user, delivery, desk, clock, subscriber, wire, aws)

    def begun() -> Story:
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[aws["WITNESS_BUCKET"]].keys.clear()
        clock.time = first_day
        return Story(tools)

    return begun


def test_random_stories_are_told_exactly_as_they_went(begin: Callable[[], Story]):
    run_state_machine_as_test(
        begin,
        settings=settings(
            max_examples=25,
            stateful_step_count=60,
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_story_with_everything_in_it_is_told_exactly_as_it_went(begin: Callable[[], Story]):
    story = begin()
    story.wrong_codes(0, 6)
    story.right_code(0, DESKTOP)
    story.right_code(0, MOBILE)
    story.right_code(0, MOBILE)
    story.wrong_codes(0, 6)
    story.deliver_to_two_handlers(size=8, calls=1, part=5, before=True)
    story.support_unlocks(0)
    story.bring_to_the_verge_of_suspension(0)
    story.dress_up_as_an_unbinding(0)
    story.deliver_in_aws_trouble(4, "PublishBatch")
    story.right_code(1, DESKTOP)
    story.support_unbinds(1)
    story.edit(1)
    story.deliver_to_a_handler_that_is_killed(size=12, calls=1, before=False)
    story.a_record_arrives_mangled(1)
    story.break_the_item(1, version=True)
    story.support_mends_the_item(1)
    story.deliver(12)
    story.bind(1)
    story.the_stream_forgets(1)
    story.bind(1)
    story.put_back(1, 0)
    story.deliver(12)
    story.support_invites_for_nothing(1)
    story.deliver(12)
    story.restore_an_item(0, 2)
    story.remove_a_row(1, 1)
    story.alter_a_row(1, 3)
    story.plant_a_row(0, 7)
    story.deliver_again(0, 3)
    story.teardown()
    assert story.tools.seen == {*EventType, *Finding, *Damage} - {Damage.ON_ITS_WAY}
