"""Many calls at once, over HTTP against the running stack."""

from collections import Counter
from functools import partial

import pytest

from tests.kit.race import at_once
from tests.kit.stack import Stack

ROUNDS = range(10)


@pytest.mark.parametrize("round_number", ROUNDS)
def test_32_equal_codes_at_once_give_one_pass(running: Stack, round_number: int):
    account = "88000011"
    token, secret = running.bound(account)
    code = running.code(secret, 1)
    answers = at_once([partial(running.api, "POST", "/verify", token, {"code": code})] * 32)
    assert Counter(answer.code for answer in answers) == {None: 1, "code_used": 31}
    assert running.unbind(account)["outcome"] == "unbound"


@pytest.mark.parametrize("round_number", ROUNDS)
def test_of_64_wrong_codes_at_once_exactly_5_are_checked(running: Stack, round_number: int):
    account = "88000012"
    token, secret = running.bound(account)
    near = {running.code(secret, step) for step in range(-22, 4)}
    wrong = [code for code in (f"{number:06}" for number in range(100)) if code not in near][:64]
    answers = at_once([partial(running.api, "POST", "/verify", token, {"code": code}) for code in wrong])
    assert Counter(answer.code for answer in answers) == {"wrong_code": 5, "locked": 59}
    left = sorted(answer.json["attempts_left"] for answer in answers if answer.code == "wrong_code")
    assert left == [0, 1, 2, 3, 4]
    assert running.support("lookup", {"account": account, "operator": "e2e"})["failures"] == 5
    assert running.unbind(account)["outcome"] == "unbound"


@pytest.mark.parametrize("round_number", ROUNDS)
def test_64_accounts_at_once_each_see_only_their_own(
    running: Stack, crowd: list[str], round_number: int
):
    running.clock.advance(30)
    tokens = at_once([partial(running.token, account) for account in crowd])
    looks = at_once([partial(running.api, "GET", "/binding", token) for token in tokens])
    assert [look.json["account"] for look in looks] == crowd
    begun = at_once([partial(running.api, "POST", "/bind", token) for token in tokens])
    assert [answer.json["account"] for answer in begun] == crowd
    codes = [running.code(answer.json["secret"]) for answer in begun]
    confirmed = at_once(
        [
            partial(running.api, "POST", "/bind/confirm", token, {"code": code})
            for token, code in zip(tokens, codes, strict=True)
        ]
    )
    assert {answer.status for answer in confirmed} == {200}
    ids = [answer.headers["x-request-id"] for answer in looks + begun + confirmed]
    assert len(set(ids)) == len(ids)
    unbound = at_once([partial(running.unbind, account) for account in crowd])
    assert [answer["account"] for answer in unbound] == crowd
