"""The bindings table: load an item, decide, and write it if nobody wrote in between.

Each write carries an event with an id of its own. The table's stream turns the events into the audit
trail, and a write whose answer was lost is recognised by its event id.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws import items
from chalicelib.aws.clients import aws_errors, describe, may_have_landed, was_not_applied
from chalicelib.aws.items import Stored
from chalicelib.core.binding import Binding, Decision
from chalicelib.core.errors import Busy, Refused, Unavailable
from chalicelib.core.events import Event, Source

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_WRITES = 8
"""Writes that one call tries. The 5th wrong code locks an account, so a call that loses five races
against wrong codes finds the lock. The others are for right codes in between."""

PATIENCE_SECONDS = 8.0
"""Seconds after which a call starts no further write; API Gateway itself gives up after 29."""

_PAUSES = (0.05, 0.1, 0.2, 0.4)
"""Seconds of pause after a throttled write, less a random part. The last value repeats."""

_jitter = random.SystemRandom()

AnswerT = TypeVar("AnswerT")


class BindingTable:
    """The bindings table, by one clock.

    With ``secrets=False`` the sealed secret is never read, only removed: the support desk's view.
    """

    def __init__(
        self,
        reads: "DynamoDBClient",
        writes: "DynamoDBClient",
        table: str,
        clock: Callable[[], float],
        *,
        secrets: bool,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._reads = reads
        self._writes = writes
        self._table = table
        self._clock = clock
        self._secrets = secrets
        self._monotonic = monotonic
        self._sleep = sleep

    def now(self) -> int:
        """Return the time that decisions are made at, in Unix seconds."""
        return int(self._clock())

    def look(self, account: str) -> Binding:
        """Return an account's binding as it shows now. Raises Unavailable if it cannot be read."""
        return _readable(self.load(account)).shown_at(self.now())

    def load(self, account: str) -> Stored:
        """Return what the table holds for an account, by a strongly consistent read."""
        with aws_errors("reading a binding"):
            answer = self._reads.get_item(
                TableName=self._table,
                Key={"account": {"S": account}},
                ConsistentRead=True,
                **self._projection(),
            )
        return items.read_stored(account, answer.get("Item"), secrets=self._secrets)

    def change(
        self,
        account: str,
        source: Source,
        decide: Callable[[Binding, int], Decision[AnswerT]],
        recover: Callable[[int], Decision[AnswerT]] | None = None,
    ) -> AnswerT:
        """Decide on the newest item until a decision is written or needs no write.

        ``decide`` takes the binding and the time in Unix seconds. After the last lost race it is
        called once more, since the account may be locked by then. ``recover`` decides on an item that
        cannot be read; without it, such an item is Unavailable.

        A write that got no answer may still land, so its answer is kept until an item shows which
        write landed. Raises Unavailable if that can no longer be told, or if AWS fails or is slow, and
        Busy if others keep winning.
        """
        give_up_at = self._monotonic() + PATIENCE_SECONDS
        stored = self.load(account)
        unanswered: dict[str, AnswerT] = {}
        for attempt in range(MOST_WRITES + 1):
            now = self.now()
            decision = _decision(stored, decide, recover, now)
            if decision.event_type is None:
                return decision.answer
            if attempt == MOST_WRITES:
                break
            if self._monotonic() > give_up_at:
                raise Unavailable("writing a binding: AWS answers too slowly")
            event = Event(uuid4().hex, decision.event_type, now, source)
            failed = self._write(stored, decision.binding, event, _pause(attempt))
            if failed is None:
                return decision.answer
            if failed.may_have_landed:
                unanswered[event.event_id] = decision.answer
            if failed.newest.event_id in unanswered:
                return unanswered[failed.newest.event_id]
            if failed.newest != stored:
                if unanswered and failed.newest.version != stored.next_version(now):
                    raise Unavailable("a write got no answer, and others have written since")
                stored, unanswered = failed.newest, {}
            failure = failed.failure
        raise failure

    def _write(self, before: Stored, after: Binding, event: Event, pause: float) -> "_Failed | None":
        """Send a write once, and pause if it was throttled. Return None if it has landed.

        Raises Unavailable if AWS refuses it.
        """
        update = items.update(before, after, event, secrets=self._secrets)
        try:
            self._writes.update_item(
                TableName=self._table,
                ReturnValuesOnConditionCheckFailure="ALL_OLD" if self._secrets else "NONE",
                **update,
            )
            return None
        except self._writes.exceptions.ConditionalCheckFailedException as error:
            return _Failed(self._after_lost_race(after.account, error), Busy())
        except (ClientError, BotoCoreError) as error:
            failure = Unavailable(f"writing a binding: {describe(error)}")
            if was_not_applied(error):
                self._sleep(pause)
                return _Failed(before, failure)
            if may_have_landed(error):
                return _Failed(self.load(after.account), failure, may_have_landed=True)
            raise failure from error

    def _after_lost_race(self, account: str, error: ClientError) -> Stored:
        """Return the item that won. It comes with the error, unless support may not see it whole."""
        if self._secrets:
            item: Any = error.response.get("Item")
            return items.read_stored(account, item, secrets=True)
        return self.load(account)

    def _projection(self) -> dict[str, Any]:
        if self._secrets:
            return {}
        names = {f"#{name}": name for name in items.READABLE_BY_SUPPORT}
        return {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}


@dataclass(frozen=True, slots=True)
class _Failed:
    """A write that did not succeed, with the item as it is now, and what to raise if it was the last."""

    newest: Stored
    failure: Refused
    may_have_landed: bool = False


def _pause(attempt: int) -> float:
    return _jitter.uniform(0.5, 1) * _PAUSES[min(attempt, len(_PAUSES) - 1)]


def _decision(
    stored: Stored,
    decide: Callable[[Binding, int], Decision[AnswerT]],
    recover: Callable[[int], Decision[AnswerT]] | None,
    now: int,
) -> Decision[AnswerT]:
    if recover is not None and stored.unreadable is not None:
        return recover(now)
    return decide(_readable(stored), now)


def _readable(stored: Stored) -> Binding:
    if stored.unreadable is not None:
        raise Unavailable("the item of a binding cannot be read")
    return stored.binding
