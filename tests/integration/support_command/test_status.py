"""The support command's status."""

from typing import Any

import boto3

from infra.support.command_errors import Exit
from tests.kit.login import MOBILE
from tests.kit.support_terminal import Terminal, lines
from tests.kit.user import User


def test_status_shows_the_state_of_an_account(user: User, terminal: Terminal):
    phone = user.bound_phone()
    user.verify(phone.code(), client=MOBILE)
    for _ in range(5):
        user.verify(phone.wrong())
    assert terminal.run("status", user.account) is Exit.DONE
    assert lines(terminal.out) == {
        "account": user.account,
        "state": "bound",
        "bound at": "2027-01-15 16:00:00 +0800",
        "desktop since": "2027-01-15 16:00:00 +0800",
        "phone since": "2027-01-15 16:01:00 +0800",
        "wrong codes in a row": "5",
        "wrong codes in a month": "5",
        "locked until": "2027-01-15 16:06:00 +0800",
        "suspended": "no",
    }


def test_an_account_never_used_has_a_status_and_is_probably_mistyped(user: User, terminal: Terminal):
    assert terminal.run("status", user.account) is Exit.DONE
    assert f"Nobody has used {user.account} yet: check the number." in terminal.out
    shown = lines(terminal.out)
    assert (shown["state"], shown["bound at"], shown["locked until"]) == ("not bound", "-", "-")


def test_the_month_count_survives_a_right_code(user: User, terminal: Terminal):
    phone = user.bound_phone()
    user.verify(phone.wrong())
    user.verify(phone.code())
    terminal.run("status", user.account)
    shown = lines(terminal.out)
    assert (shown["wrong codes in a row"], shown["wrong codes in a month"]) == ("0", "1")
    assert "Nobody has used" not in terminal.out


def test_an_unreadable_account_says_to_unbind_it_and_unbinding_brings_it_back(
    user: User, terminal: Terminal, aws: dict[str, Any]
):
    item = {"account": {"S": user.account}, "version": {"N": "7"}, "state": {"S": "half"}}
    boto3.client("dynamodb").put_item(TableName=aws["BINDINGS_TABLE"], Item=item)
    assert terminal.run("status", user.account) is Exit.DONE
    assert lines(terminal.out) == {"account": user.account, "state": "UNREADABLE"}
    assert "unbind the account: it starts again from nothing" in terminal.out
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other")
    assert terminal.run(*asked, typing=[user.account]) is Exit.DONE
    terminal.run("status", user.account)
    assert lines(terminal.out)["state"] == "not bound"
