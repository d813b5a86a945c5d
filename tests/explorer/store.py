"""A linearizable table in memory, and every order in which operations can call it.

The table speaks DynamoDB's own calls, so that the code that is deployed runs unchanged above it. Each
operation runs in a greenlet of its own and gives up control before each call. The explorer replays all
operations from the start for each order of their calls.
"""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError
from greenlet import GreenletExit, getcurrent, greenlet

Item = dict[str, Any]

_ABSENT = re.compile(r"attribute_not_exists\((#\w+)\)")
_EQUAL = re.compile(r"(#\w+) = (:\w+)")


class ConditionalCheckFailedException(ClientError):
    """The item is not as the write expected it."""


class Exceptions:
    ConditionalCheckFailedException = ConditionalCheckFailedException


@dataclass(frozen=True)
class Write:
    """One write that took effect, in the order of the table."""

    operation: str
    before: Item
    after: Item


@dataclass
class Table:
    """The items by account, and each write that took effect."""

    items: dict[str, Item] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    on_call: Callable[[str], str] = lambda call: "done"
    exceptions = Exceptions

    def get_item(self, **how: Any) -> dict[str, Any]:
        if self.on_call("read") == "killed":
            raise GreenletExit
        item = self.items.get(how["Key"]["account"]["S"])
        return {"Item": copy.deepcopy(item)} if item else {}

    def update_item(self, **how: Any) -> None:
        outcome = self.on_call("write")
        if outcome == "killed before":
            raise GreenletExit
        self._apply(how["Key"]["account"]["S"], how)
        if outcome == "killed":
            raise GreenletExit
        if outcome == "answer lost":
            raise ReadTimeoutError(endpoint_url="aws")

    def _apply(self, account: str, how: Mapping[str, Any]) -> None:
        names = how["ExpressionAttributeNames"]
        values = how["ExpressionAttributeValues"]
        item = self.items.get(account, {})
        if not all(
            holds(item, condition, names, values)
            for condition in how["ConditionExpression"].split(" AND ")
        ):
            error = {"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}
            found = {"Item": copy.deepcopy(item)} if item else {}
            raise ConditionalCheckFailedException({**error, **found}, "UpdateItem")
        after = copy.deepcopy(item) | {"account": {"S": account}}
        setting, _, removing = how["UpdateExpression"].partition(" REMOVE ")
        for assignment in setting.removeprefix("SET ").split(", "):
            name, value = assignment.split(" = ")
            after[names[name]] = values[value]
        for name in filter(None, removing.split(", ")):
            after.pop(names[name], None)
        self.writes.append(Write(str(getattr(getcurrent(), "name", "")), item, after))
        self.items[account] = after


def holds(item: Item, condition: str, names: Mapping[str, str], values: Mapping[str, Any]) -> bool:
    if match := _ABSENT.fullmatch(condition):
        return names[match[1]] not in item
    match = _EQUAL.fullmatch(condition)
    assert match is not None, condition
    return item.get(names[match[1]]) == values[match[2]]


class Operation(greenlet):
    """One caller's operation, which stops before each call to the table."""

    def __init__(self, name: str, run: Callable[[], Any]) -> None:
        super().__init__(self._run)
        self.name = name
        self.call = run
        self.answer: Any = None

    def _run(self) -> None:
        try:
            self.answer = self.call()
        except GreenletExit:
            self.answer = "killed"
        except Exception as error:
            self.answer = error


FAULTS = {"read": ["done"], "write": ["done"]}
LOSSES = {"read": ["done", "killed"], "write": ["done", "answer lost", "killed", "killed before"]}


def schedules(
    begin: Callable[[], tuple[Table, dict[str, Callable[[], Any]]]], faults: Mapping[str, list[str]]
) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Yield table and answers after each order of calls, with at most one fault in each."""
    trail: list[tuple[int, int]] = []
    while True:
        yield _play(begin, faults, trail)
        while trail and trail[-1][0] + 1 == trail[-1][1]:
            trail.pop()
        if not trail:
            return
        taken, of = trail[-1]
        trail[-1] = (taken + 1, of)


def _play(
    begin: Callable[[], tuple[Table, dict[str, Callable[[], Any]]]],
    faults: Mapping[str, list[str]],
    trail: list[tuple[int, int]],
) -> tuple[Table, dict[str, Any]]:
    table, calls = begin()
    at = 0

    def choose(options: int) -> int:
        """Take the choice that the trail names; beyond its end, the first one."""
        nonlocal at
        if at == len(trail):
            trail.append((0, options))
        at += 1
        return trail[at - 1][0]

    faulty = False

    def on_call(call: str) -> str:
        nonlocal faulty
        operation = getcurrent()
        assert operation.parent is not None
        operation.parent.switch()
        options = ["done"] if faulty else faults[call]
        outcome = options[choose(len(options))] if len(options) > 1 else options[0]
        faulty = faulty or outcome != "done"
        return outcome

    table.on_call = on_call
    operations = [Operation(name, run) for name, run in calls.items()]
    for operation in operations:
        operation.switch()
    while running := [operation for operation in operations if not operation.dead]:
        running[choose(len(running)) if len(running) > 1 else 0].switch()
    return table, {operation.name: operation.answer for operation in operations}
