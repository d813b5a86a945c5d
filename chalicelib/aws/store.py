"""Bindings in DynamoDB, each write conditional on nobody having written in between.

A write carries the event it stands for. That makes the table's stream a full account of what
happened, and lets a write that got no answer know itself again.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.clients import (
    describe,
    error_code,
    may_have_landed,
    number,
    trouble,
    was_not_applied,
)
from chalicelib.core.binding import Binding, SealedSecret, State
from chalicelib.core.channel import Channel
from chalicelib.core.event import Event
from chalicelib.core.refusal import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_jitter = random.SystemRandom()

_SENDS = 4
"""How often one and the same write is sent at most, before the account counts as unavailable."""

_PAUSE_SECONDS = 0.05
"""The first pause after throttling; each further one is twice as long, less a random part."""

SECRET_ATTRIBUTES = ("secret", "secret_key")
"""The sealed secret and the id of its data key: what the support desk has no right to read."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A binding as the table holds it; version 0 and no event where there is no item."""

    binding: Binding
    version: int
    event_id: str | None


class BindingTable:
    """The bindings table.

    With ``secrets=False`` the sealed secret is never read, only removed: the support desk's view.
    """

    def __init__(
        self,
        reads: "DynamoDBClient",
        writes: "DynamoDBClient",
        table: str,
        *,
        secrets: bool,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._reads = reads
        self._writes = writes
        self._table = table
        self._secrets = secrets
        self._monotonic = monotonic
        self._sleep = sleep

    def load(self, account: str) -> Stored:
        """The account's binding now, by a strongly consistent read."""
        with trouble("reading a binding"):
            answer = self._reads.get_item(
                TableName=self._table,
                Key={"account": {"S": account}},
                ConsistentRead=True,
                **self._projection(),
            )
        return self._stored(account, answer.get("Item"))

    def save(self, before: Stored, after: Binding, event: Event, deadline: float) -> Stored | None:
        """Write ``after`` where the item still is ``before``.

        Gives None once the write has landed, or the newer item where another write came first.
        Raises Unavailable where AWS refuses, where ``deadline`` (monotonic seconds) has passed,
        or where it cannot be told any more whether the write landed: it is then never sent
        again, so it counts at most once.
        """
        update = self._update(before, after, event)
        in_doubt = False
        why = "no time left for a write"
        for send in range(_SENDS):
            if send and self._monotonic() > deadline:
                break
            try:
                self._writes.update_item(**update)
                return None
            except (ClientError, BotoCoreError) as error:
                if (
                    isinstance(error, ClientError)
                    and error_code(error) == "ConditionalCheckFailedException"
                ):
                    found = self._after_lost_race(before.binding.account, error)
                elif was_not_applied(error):
                    why = f"writing a binding: {describe(error)}"
                    self._sleep(_jitter.uniform(0.5, 1) * _PAUSE_SECONDS * 2**send)
                    continue
                elif may_have_landed(error):
                    in_doubt = True
                    why = f"writing a binding: {describe(error)}"
                    found = self.load(before.binding.account)
                else:
                    raise Unavailable(f"writing a binding: {describe(error)}") from error
            if found.event_id == event.event_id:
                return None
            if found == before:
                continue
            if in_doubt and found.version != before.version + 1:
                raise Unavailable("a write got no answer, and others have written since")
            return found
        raise Unavailable(why)

    def _after_lost_race(self, account: str, error: ClientError) -> Stored:
        """The item that won: it came with the refusal, unless the desk may not see it whole."""
        if self._secrets:
            return self._stored(account, error.response.get("Item"))
        return self.load(account)

    def _projection(self) -> dict[str, Any]:
        if self._secrets:
            return {}
        names = {f"#{name}": name for name in _ATTRIBUTES if name not in SECRET_ATTRIBUTES}
        return {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}

    def _update(self, before: Stored, after: Binding, event: Event) -> dict[str, Any]:
        """The UpdateItem that changes what differs and nothing else."""
        old, new = _attributes(before.binding), _attributes(after)
        changed = {name: value for name, value in new.items() if old.get(name) != value}
        changed |= {"version": {"N": str(before.version + 1)}, "event": {"M": _event_attributes(event)}}
        gone = [name for name in old if name not in new]
        if (
            not self._secrets
            and before.binding.state is not State.UNBOUND
            and after.state is State.UNBOUND
        ):
            gone += SECRET_ATTRIBUTES
        names = {f"#{name}": name for name in [*changed, *gone]}
        values = {f":{name}": value for name, value in changed.items()}
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in changed)
        if gone:
            expression += " REMOVE " + ", ".join(f"#{name}" for name in gone)
        if before.version == 0:
            condition = "attribute_not_exists(#account)"
            names["#account"] = "account"
        else:
            condition = "#version = :seen AND " + _same_binding(before, names, values)
            values[":seen"] = {"N": str(before.version)}
        return {
            "TableName": self._table,
            "Key": {"account": {"S": after.account}},
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD" if self._secrets else "NONE",
        }

    def _stored(self, account: str, item: Any) -> Stored:
        if not item:
            return Stored(Binding(account=account), 0, None)
        try:
            return _read(account, item, secrets=self._secrets)
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(f"the item of a binding cannot be read: {type(error).__name__}") from error


def _same_binding(before: Stored, names: dict[str, str], values: dict[str, Any]) -> str:
    names["#binding"] = "binding"
    if before.binding.binding_id is None:
        return "attribute_not_exists(#binding)"
    values[":seen_binding"] = {"S": before.binding.binding_id}
    return "#binding = :seen_binding"


_CHANNEL_ATTRIBUTES = {Channel.DESKTOP: "desktop_at", Channel.MOBILE: "mobile_at"}

_NUMBERS = ("expires_at", "bound_at", "last_step", "locked_until", "unbound_at")

_NEEDED = {
    State.UNBOUND: [],
    State.PENDING: ["binding_id", "expires_at"],
    State.BOUND: ["binding_id", "bound_at", "last_step"],
}

_ATTRIBUTES = (
    "account",
    "version",
    "event",
    "state",
    "binding",
    *SECRET_ATTRIBUTES,
    *_NUMBERS,
    *_CHANNEL_ATTRIBUTES.values(),
    "accepted_from",
    "failures",
    "suspended",
)


def _attributes(binding: Binding) -> dict[str, Any]:
    """A binding as attributes of its item; what is None, empty or zero is not there."""
    attributes: dict[str, Any] = {"state": {"S": binding.state.value}}
    if binding.binding_id is not None:
        attributes["binding"] = {"S": binding.binding_id}
    if binding.sealed is not None:
        attributes["secret"] = {"B": binding.sealed.blob}
        attributes["secret_key"] = {"S": binding.sealed.key_id}
    for name in _NUMBERS:
        value = getattr(binding, name)
        if value is not None:
            attributes[name] = {"N": str(value)}
    for channel, at in binding.channels.items():
        attributes[_CHANNEL_ATTRIBUTES[channel]] = {"N": str(at)}
    if binding.accepted_from is not None:
        attributes["accepted_from"] = {"S": binding.accepted_from}
    if binding.failures:
        attributes["failures"] = {"N": str(binding.failures)}
    if binding.suspended:
        attributes["suspended"] = {"BOOL": True}
    return attributes


def _event_attributes(event: Event) -> dict[str, Any]:
    return {
        name: {"N": str(value)} if isinstance(value, int) else {"S": str(value)}
        for name, value in event.flat().items()
    }


def _read(account: str, item: dict[str, Any], *, secrets: bool) -> Stored:
    """The item as a value; KeyError, TypeError or ValueError where it is not what was ever written."""
    sealed = None
    if secrets and "secret" in item:
        sealed = SealedSecret(item["secret_key"]["S"], bytes(item["secret"]["B"]))
    binding = Binding(
        account=account,
        state=State(item["state"]["S"]),
        binding_id=item["binding"]["S"] if "binding" in item else None,
        sealed=sealed,
        channels={
            channel: number(item[name]) for channel, name in _CHANNEL_ATTRIBUTES.items() if name in item
        },
        accepted_from=item["accepted_from"]["S"] if "accepted_from" in item else None,
        failures=number(item["failures"]) if "failures" in item else 0,
        suspended=item["suspended"]["BOOL"] if "suspended" in item else False,
        **{name: number(item[name]) for name in _NUMBERS if name in item},
    )
    needed = [
        *_NEEDED[binding.state],
        *(["sealed"] if secrets and binding.state is not State.UNBOUND else []),
    ]
    if any(getattr(binding, name) is None for name in needed):
        raise KeyError(*needed)
    return Stored(binding, number(item["version"]), item["event"]["M"]["event_id"]["S"])
