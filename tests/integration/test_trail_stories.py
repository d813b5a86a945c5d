"""Random stories, and whether the trail tells exactly those, however the handler is disturbed."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from chalicelib.core.chain import position_of
from infra.audit.auditor import Auditor
from tests.kit.clock import Clock
from tests.kit.delivery import Delivery
from tests.kit.desk import Desk
from tests.kit.login import DESKTOP, MOBILE
from tests.kit.phone import Phone
from tests.kit.subscriber import Subscriber
from tests.kit.user import User
from tests.kit.wire import Wire

SIGNED = ("channel", "operator", "ticket", "request_id")


@dataclass
class Story:
    """One account's owner, support and an intruder with a console, and what they did, in order."""

    user: User
    desk: Desk
    clock: Clock
    chance: random.Random
    table: str
    told: list[dict[str, Any]] = field(default_factory=list)
    phone: Phone | None = None
    state: str = "unbound"
    failures: int = 0
    used: set[str] = field(default_factory=set)
    old_items: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dynamodb = boto3.client("dynamodb")
        self.key = {"account": {"S": self.user.account}}

    def go_on(self) -> None:
        """One more thing happens."""
        acts = [self.bind, self.right_code, self.right_code, self.wrong_code, self.wrong_code]
        acts += [self.many_wrong_codes, self.unbind, self.unlock, self.wait]
        acts += [self.edit, self.put_back, self.delete]
        weights = [3, 6, 6, 3, 3, 1, 1, 1, 2, 1, 1, 1]
        self.chance.choices(acts, weights)[0]()
        item = self.item()
        if item is not None and item not in self.old_items:
            self.old_items.append(item)
        self.clock.advance(self.chance.choice([1, 31, 31]))

    def bind(self) -> None:
        answer = self.user.bind()
        if self.state == "bound":
            assert answer.code == "already_bound"
            return
        self.happened("bind_started", channel="desktop", request_id=answer.headers["x-request-id"])
        self.phone = Phone(answer.json["secret"], self.clock)
        self.state, self.failures, self.used = "pending", 0, set()

    def right_code(self) -> None:
        if self.state == "unbound" or self.phone is None:
            return
        client = self.chance.choice([DESKTOP, MOBILE]) if self.state == "bound" else DESKTOP
        answer = self.enter(self.phone.code(), client)
        if answer.status != 200:
            assert answer.code in ("code_used", "locked", "bind_expired"), answer.json
            return
        channel = "mobile" if client == MOBILE else "desktop"
        first_use = channel not in self.used
        event_type = "bound" if self.state == "pending" else "channel_bound" if first_use else "verified"
        self.happened(event_type, channel=channel, request_id=answer.headers["x-request-id"])
        self.state, self.failures = "bound", 0
        self.used.add(channel)

    def wrong_code(self) -> None:
        if self.state == "unbound" or self.phone is None:
            return
        answer = self.enter(self.phone.wrong(), DESKTOP)
        if answer.code != "wrong_code":
            assert answer.code in ("locked", "bind_expired"), answer.json
            return
        self.failures += 1
        event_type = "wrong_code"
        if self.failures >= 5:
            event_type = "bind_discarded" if self.state == "pending" else "locked"
        if event_type == "bind_discarded":
            self.state = "unbound"
        self.happened(event_type, channel="desktop", request_id=answer.headers["x-request-id"])

    def many_wrong_codes(self) -> None:
        for _ in range(self.chance.randrange(4, 7)):
            self.wrong_code()

    def enter(self, code: str, client: str) -> Any:
        if self.state == "pending":
            return self.user.confirm(code, client=client)
        return self.user.verify(code, client=client)

    def unbind(self) -> None:
        if self.desk.unbind(self.user.account)["outcome"] == "unbound":
            self.signed("unbound")
            self.state = "unbound"

    def unlock(self) -> None:
        if self.desk.unlock(self.user.account)["outcome"] == "unlocked":
            self.signed("unlocked")
            self.failures = 0

    def wait(self) -> None:
        self.clock.advance(self.chance.choice([300, 700, 20_000]))

    def edit(self) -> None:
        if self.item() is None:
            return
        self.dynamodb.update_item(
            TableName=self.table,
            Key=self.key,
            UpdateExpression="SET note = :note",
            ExpressionAttributeValues={":note": {"S": str(self.chance.random())}},
        )
        self.happened("tampered")

    def delete(self) -> None:
        if self.item() is None:
            return
        self.dynamodb.delete_item(TableName=self.table, Key=self.key)
        self.happened("tampered")
        self.state = "unbound"

    def put_back(self) -> None:
        """An intruder puts an item back as it once was; the service then goes by that one."""
        now = self.item()
        older = [item for item in self.old_items if item != now]
        if not older:
            return
        self.clock.advance(90)
        self.dynamodb.put_item(TableName=self.table, Item=self.chance.choice(older))
        self.happened("tampered")
        # Where the item and this story part ways, the intruder takes it away again.
        self.delete()

    def item(self) -> dict[str, Any] | None:
        item: dict[str, Any] | None = self.dynamodb.get_item(TableName=self.table, Key=self.key).get(
            "Item"
        )
        return item

    def signed(self, type: str) -> None:
        request_id = self.desk.last_request_id
        self.happened(type, operator="amy", ticket="T-1", request_id=request_id)

    def happened(self, type: str, **signed: Any) -> None:
        self.told.append({"type": type} | dict.fromkeys(SIGNED) | signed)


@pytest.fixture
def new_story(
    new_user: Any, desk: Desk, clock: Clock, aws: dict[str, str]
) -> Callable[[random.Random], Story]:
    return lambda chance: Story(new_user(), desk, clock, chance, aws["BINDINGS_TABLE"])


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Disturbance:
    """Lets so many calls to AWS through, then does something before the next call or after it."""

    wire: Wire
    calls_left: int = -1
    act: Callable[[], None] = lambda: None
    before: bool = True

    def __post_init__(self) -> None:
        self.wire.next("*", self._pass)

    def after(self, calls: int, act: Callable[[], None], *, before: bool) -> None:
        self.calls_left, self.act, self.before = calls, act, before

    def off(self) -> None:
        self.calls_left = -1

    def _pass(self, really: Callable[[], Any]) -> Any:
        self.calls_left -= 1
        if self.calls_left != -1:
            return really()
        if self.before:
            self.act()
            return really()
        answer = really()
        self.act()
        return answer


def die() -> None:
    raise Killed


def assert_told(stories: list[Story], desk: Desk, subscriber: Subscriber) -> None:
    """The trail, and whoever listens, have each story as it went, in order and without a break."""
    received = subscriber.received()
    auditor = Auditor("test", 7)
    for story in stories:
        account = story.user.account
        entries = desk.story(account)
        assert [{name: entry[name] for name in ("type", *SIGNED)} for entry in entries] == story.told
        positions = [position_of(account, entry["event_id"]) for entry in entries]
        assert positions == list(range(1, len(entries) + 1))
        assert auditor.breaks(account, {}) == []
        heard = {told["event_id"]: told["type"] for told in received if told["account"] == account}
        assert sorted(heard.items()) == [(entry["event_id"], entry["type"]) for entry in entries]


@pytest.mark.parametrize("seed", range(4))
def test_the_trail_tells_random_stories_though_the_handler_is_killed_and_records_come_twice(
    seed: int,
    new_story: Callable[[random.Random], Story],
    delivery: Delivery,
    desk: Desk,
    subscriber: Subscriber,
    wire: Wire,
):
    chance = random.Random(seed)
    stories = [new_story(chance) for _ in range(2)]
    records: list[dict[str, Any]] = []
    for _ in range(60):
        chance.choice(stories).go_on()
        records += delivery.take()
    disturbance = Disturbance(wire)
    start = 0
    while start < len(records):
        batch = records[start : start + chance.randrange(1, 12)]
        disturbance.after(chance.randrange(40), die, before=chance.random() < 0.5)
        try:
            delivery.deliver(batch)
        except Killed:
            delivery.new_process()
            continue
        # Now and then a batch counts as lost though it went through, and comes again in part.
        start += len(batch) if chance.random() < 0.8 else chance.randrange(len(batch))
    disturbance.off()
    assert_told(stories, desk, subscriber)
    assert sum(len(story.told) for story in stories) > 20


@pytest.mark.parametrize("seed", range(100, 103))
def test_two_handlers_at_once_leave_one_chain(
    seed: int,
    new_story: Callable[[random.Random], Story],
    delivery: Delivery,
    desk: Desk,
    subscriber: Subscriber,
    wire: Wire,
):
    """A handler that was given up for dead goes on, while another one has its batch and the next."""
    chance = random.Random(seed)
    stories = [new_story(chance) for _ in range(2)]
    records: list[dict[str, Any]] = []
    for _ in range(60):
        chance.choice(stories).go_on()
        records += delivery.take()
    disturbance = Disturbance(wire)
    start = 0
    while start < len(records):
        batch = records[start : start + 10]

        def other_handler(batch: list[dict[str, Any]] = batch) -> None:
            delivery.new_process()
            disturbance.after(chance.randrange(30), die, before=chance.random() < 0.5)
            try:
                delivery.deliver(batch[: chance.randrange(1, len(batch) + 1)])
            except Killed:
                pass
            finally:
                disturbance.off()

        disturbance.after(chance.randrange(3 * len(batch)), other_handler, before=chance.random() < 0.5)
        delivery.deliver(batch)
        disturbance.off()
        start += len(batch)
    assert_told(stories, desk, subscriber)


def test_a_handler_that_always_loses_its_position_gives_up_and_says_so(
    new_story: Callable[[random.Random], Story], delivery: Delivery, wire: Wire
):
    story = new_story(random.Random(0))
    story.bind()
    records = delivery.take()
    taken = [{"Code": "ConditionalCheckFailed"}, {"Code": "None"}]
    wire.refuse(
        "TransactWriteItems", "TransactionCanceledException", CancellationReasons=taken, times=10
    )
    with pytest.raises(Exception, match="too many handlers"):
        delivery.service.record_events({"Records": records}, SimpleNamespace())
    delivery.deliver(records)
    assert [entry["type"] for entry in story.desk.story(story.user.account)] == ["bind_started"]
