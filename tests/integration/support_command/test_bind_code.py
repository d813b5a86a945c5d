"""The bind code on the support command's screen: after an unbinding, and by invite."""

import re

import pytest

from infra.support.command_errors import Exit
from tests.kit.log_lines import LogLines
from tests.kit.support_terminal import Lambda, Terminal, lines
from tests.kit.user import Answer, User

COMPROMISE = ("--ticket", "T-9", "--reason", "suspected_compromise")


def shown_code(terminal: Terminal) -> str:
    """Return the bind code on the screen, as it is read out."""
    code = lines(terminal.out)["BIND CODE"]
    assert re.fullmatch(r"\d{4} \d{4}", code)
    return code


def bind(user: User, code: str) -> Answer:
    return user.call("POST", "/bind", {"bind_code": code})


def test_a_suspected_compromise_shows_a_bind_code_that_binds(
    user: User, terminal: Terminal, log_lines: LogLines
):
    user.bound_phone()
    assert terminal.run("unbind", user.account, *COMPROMISE, typing=[user.account]) is Exit.DONE
    assert "Has the password been changed at the login server?" in terminal.out
    assert lines(terminal.out)["valid until"] == "2027-01-16 16:01:00 +0800"
    assert "Call the client on the number that is on file" in terminal.out
    code = shown_code(terminal)
    user.clock.advance(1)
    assert bind(user, code).status == 201
    assert code.replace(" ", "") not in "".join(log_lines.text)


def test_a_suspected_compromise_of_an_unbound_account_is_carried_out_too(user: User, terminal: Terminal):
    assert terminal.run("unbind", user.account, *COMPROMISE, typing=[user.account]) is Exit.DONE
    code = shown_code(terminal)
    user.clock.advance(1)
    assert user.bind().code == "bind_code_required"
    assert bind(user, code).status == 201


def test_a_repeated_answer_says_that_its_bind_code_is_gone(user: User, terminal: Terminal):
    user.bound_phone()
    terminal.run("unbind", user.account, *COMPROMISE, "--yes")
    assert terminal.run("unbind", user.account, *COMPROMISE, "--yes") is Exit.NOTHING_TO_DO
    assert "The bind code of that answer is not shown again." in terminal.out
    assert "BIND CODE" not in terminal.out


@pytest.mark.parametrize("reason", ["lost_device", "account_closed"])
def test_no_bind_code_is_shown_if_none_is_needed(user: User, terminal: Terminal, reason: str):
    user.bound_phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", reason, "--yes")
    assert terminal.run(*asked) is Exit.DONE
    assert "BIND CODE" not in terminal.out


def test_invite_issues_a_new_code_after_asking(user: User, terminal: Terminal, local: Lambda):
    terminal.run("unbind", user.account, *COMPROMISE, "--yes")
    first = shown_code(terminal)
    asked = ("invite", user.account)
    assert terminal.run(*asked, typing=["T-10", "no"]) is Exit.NOT_CONFIRMED
    assert "totp-binding-local-invite" not in local.names
    assert terminal.run(*asked, typing=["T-10", user.account]) is Exit.DONE
    assert f"A bind code has been issued for {user.account}." in terminal.out
    code = shown_code(terminal)
    user.clock.advance(1)
    assert bind(user, first).code == "bind_code_required"
    assert bind(user, code).status == 201


def test_invite_answers_a_script_in_json(user: User, terminal: Terminal):
    status, answer = terminal.json("invite", user.account, "--ticket", "T-9", "--yes")
    assert (status, answer["outcome"]) == (Exit.DONE, "invited")
    assert bind(user, answer["bind_code"]).status == 201


@pytest.mark.parametrize("options", [["--yes"], []])
def test_a_bound_account_needs_no_bind_code(user: User, terminal: Terminal, options: list[str]):
    user.bound_phone()
    asked = ("invite", user.account, "--ticket", "T-9", *options)
    assert terminal.run(*asked, typing=[]) is Exit.NOTHING_TO_DO
    assert "is bound, so it needs no bind code" in terminal.out


def test_an_account_that_nobody_has_used_is_pointed_out_before_the_question(
    user: User, terminal: Terminal
):
    asked = ("invite", user.account, "--ticket", "T-9")
    assert terminal.run(*asked, typing=[""]) is Exit.NOT_CONFIRMED
    before_the_question = terminal.out.partition("Type the account")[0]
    assert f"Nobody has used {user.account} yet" in before_the_question
