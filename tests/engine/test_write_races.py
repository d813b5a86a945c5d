"""Races on one account, decided by DynamoDB itself."""

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from chalicelib.aws import clients
from chalicelib.aws.bindings import BindingTable
from chalicelib.core import rules
from chalicelib.core.bind_code import BindCode, Policy
from chalicelib.core.binding import (
    Accepted,
    Attempt,
    Binding,
    BindRequest,
    Denied,
    Draft,
    OpenedSecret,
    SealedSecret,
)
from chalicelib.core.channel import Channel
from chalicelib.core.events import Source
from chalicelib.core.unbinding import Request, Unbinding, unbind
from tests.kit.phone import code_at, wrong_code
from tests.kit.race import at_once

SECRET = b"12345678901234567890"
BASE32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
NOW = 1_800_000_000
DRAFT = Draft("binding-1", SealedSecret("key-1", b"sealed"))

SUPPORT = Request("t", "o", lambda end: BindCode(b"", b"", end), "lost_device")

Make = Callable[[str], str]
_numbers = count()


def attempt(code: str, channel: Channel) -> Attempt:
    return Attempt(
        code=code,
        typed_at=NOW,
        channel=channel,
        address=None,
        jti="pass-1",
        unseal=lambda binding: OpenedSecret(SECRET, DRAFT.sealed),
    )


def request(draft: Draft) -> BindRequest:
    return BindRequest(
        typed_at=NOW,
        always=False,
        bind_code=lambda: None,
        hashed=lambda salt: b"",
        draft=lambda: draft,
    )


class Account:
    """One account, changed from many threads at once."""

    def __init__(self, table: str) -> None:
        reads, writes = clients.dynamodb_for_reads(), clients.dynamodb_for_writes()
        self.name = f"race-{next(_numbers)}"
        self.table = BindingTable(reads, writes, table, lambda: NOW, secrets=True)
        self.desk = BindingTable(reads, writes, table, lambda: NOW, secrets=False)

    def change(self, decide: Callable[[Binding, int], Any]) -> Any:
        return self.table.change(self.name, Source(request_id="r"), decide)

    def bind(self, code: str = code_at(BASE32, NOW)) -> None:
        self.change(lambda seen, now: rules.begin(seen, request(DRAFT), now))
        self.change(lambda seen, now: rules.confirm(seen, attempt(code, Channel.DESKTOP), now))

    def verify(self, code: str) -> Any:
        return self.change(lambda seen, now: rules.verify(seen, attempt(code, Channel.MOBILE), now))

    def unbind(self) -> Any:
        return self.desk.change(
            self.name,
            Source(request_id="d", operator="o", ticket="t"),
            lambda seen, now: unbind(seen, SUPPORT, Policy.COMPROMISE, now),
        )


@pytest.fixture(scope="session")
def tables() -> dict[str, str]:
    return {}


@pytest.fixture
def account(make_table: Make, tables: dict[str, str]) -> Account:
    if "bindings" not in tables:
        tables["bindings"] = make_table("BindingsTable")
    return Account(tables["bindings"])


def word(answer: Any) -> str:
    return answer.code.value if isinstance(answer, Denied) else type(answer).__name__


@pytest.mark.parametrize("round_number", range(10))
def test_of_64_equal_codes_one_is_accepted(account: Account, round_number: int):
    account.bind()
    code = code_at(BASE32, NOW + 30)
    answers = at_once([lambda: account.verify(code)] * 64)
    assert Counter(map(word, answers)) == {"Accepted": 1, "code_used": 63}


@pytest.mark.parametrize("size", [64, 128, 256])
def test_of_many_wrong_codes_exactly_5_are_checked(account: Account, size: int):
    account.bind()
    wrong = wrong_code(BASE32, NOW)
    answers = at_once([lambda: account.verify(wrong)] * size)
    assert Counter(map(word, answers)) == {"wrong_code": 5, "locked": size - 5}
    assert account.table.load(account.name).binding.failures == 5


@pytest.mark.parametrize("round_number", range(5))
def test_an_unbinding_among_logins_holds_and_nobody_logs_in_after_it(
    account: Account, round_number: int
):
    account.bind()
    code = code_at(BASE32, NOW + 30)
    calls: list[Callable[[], Any]] = [lambda: account.verify(code)] * 16
    answers = at_once([*calls, account.unbind])
    assert isinstance(answers[-1], Unbinding)
    assert answers[-1].given.dropped
    words = Counter(map(word, answers[:-1]))
    assert words["Accepted"] <= 1
    assert set(words) <= {"Accepted", "code_used", "not_bound"}
    assert account.table.load(account.name).binding.binding_id is None


@pytest.mark.parametrize("round_number", range(5))
def test_of_many_binds_at_once_one_secret_remains_and_the_others_are_superseded(
    account: Account, round_number: int
):
    drafts = [Draft(f"binding-{n}", SealedSecret("key-1", f"secret {n}".encode())) for n in range(6)]

    def begin(draft: Draft) -> Callable[[], Any]:
        return lambda: account.change(lambda seen, now: rules.begin(seen, request(draft), now))

    answers = at_once([begin(draft) for draft in drafts])
    assert [word(answer) for answer in answers] == ["Begun"] * 6
    assert sum(not answer.superseded for answer in answers) == 1
    stored = account.table.load(account.name)
    assert stored.version == 6
    assert stored.binding.sealed in [draft.sealed for draft in drafts]


def test_in_a_crowd_of_binds_each_is_written_or_busy_and_none_is_both(account: Account):
    draft = Draft("binding-1", SealedSecret("key-1", b"secret"))

    def begin() -> Any:
        return account.change(lambda seen, now: rules.begin(seen, request(draft), now))

    words = Counter(map(word, at_once([begin] * 128)))
    assert set(words) == {"Begun", "Busy"}
    assert account.table.load(account.name).version == words["Begun"]


@pytest.mark.parametrize("round_number", range(5))
def test_of_many_confirmations_at_once_one_binds(account: Account, round_number: int):
    account.change(lambda seen, now: rules.begin(seen, request(DRAFT), now))
    code = code_at(BASE32, NOW)

    def confirm() -> Any:
        return account.change(lambda seen, now: rules.confirm(seen, attempt(code, Channel.DESKTOP), now))

    answers = at_once([confirm] * 16)
    assert Counter(map(word, answers)) == {"Accepted": 1, "already_bound": 15}
    assert sum(isinstance(answer, Accepted) for answer in answers) == 1
