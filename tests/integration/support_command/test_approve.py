"""Two pairs of eyes at the support command: a request waits, and another operator approves it."""

import re
from collections.abc import Callable

import pytest

from chalicelib import wiring
from infra.support.command_errors import Exit
from tests.kit.support_terminal import Lambda, Terminal, lines
from tests.kit.user import User


@pytest.fixture(autouse=True)
def _two_operators(local: Lambda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNBIND_APPROVALS", "2")
    wiring.reset()


@pytest.fixture
def sit_down(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Change the person at the terminal."""

    def change(name: str) -> None:
        monkeypatch.setenv("LOGNAME", name)

    change("amy")
    return change


def asked_for(user: User, reason: str = "lost_device", ticket: str = "T-9") -> tuple[str, ...]:
    return ("unbind", user.account, "--ticket", ticket, "--reason", reason)


def test_an_unbinding_waits_until_another_operator_approves_it(
    user: User, terminal: Terminal, sit_down: Callable[[str], None]
):
    user.bound_phone()
    assert terminal.run(*asked_for(user), typing=[user.account]) is Exit.WAITING
    assert "WAITING: nothing has been carried out yet." in terminal.out
    assert f"approve {user.account} --ticket T-9" in terminal.out
    assert "2027-01-15 17:01:00 +0800" in terminal.out
    assert user.look().json["state"] == "bound"
    sit_down("bob")
    assert terminal.run("approve", user.account, typing=["T-9", user.account]) is Exit.DONE
    before_the_question = terminal.out.partition("Type the account")[0]
    assert re.split(r" {2,}", lines(before_the_question)["T-9"]) == [
        "unbind",
        "amy",
        "phone lost or broken",
        "2027-01-15 17:01:00 +0800",
    ]
    assert f"{user.account} is unbound." in terminal.out
    assert user.look().json["state"] == "unbound"


def test_an_invitation_waits_too_and_its_code_is_shown_to_the_approver(
    user: User, terminal: Terminal, sit_down: Callable[[str], None]
):
    asked = ("invite", user.account, "--ticket", "T-9", "--yes")
    status, answer = terminal.json(*asked)
    assert (status, answer["outcome"], "bind_code" in answer) == (Exit.WAITING, "waiting", False)
    sit_down("bob")
    assert terminal.run("approve", user.account, "--ticket", "T-9", "--yes") is Exit.DONE
    assert "BIND CODE" in lines(terminal.out)


def test_a_waiting_suspected_compromise_suspends_at_once(
    user: User, terminal: Terminal, sit_down: Callable[[str], None]
):
    user.bound_phone()
    asked = asked_for(user, "suspected_compromise")
    assert terminal.run(*asked, typing=[user.account]) is Exit.WAITING
    terminal.run("status", user.account)
    assert lines(terminal.out)["suspended"] == "yes"
    assert "Waiting for another operator's approval:" in terminal.out


def test_nobody_approves_a_request_of_their_own(
    user: User, terminal: Terminal, sit_down: Callable[[str], None]
):
    user.bound_phone()
    terminal.run(*asked_for(user), "--yes")
    asked = ("approve", user.account, "--ticket", "T-9", "--yes")
    assert terminal.run(*asked) is Exit.USAGE
    assert "must be another operator" in terminal.err
    assert user.look().json["state"] == "bound"


@pytest.mark.parametrize("options", [["--yes"], []])
def test_a_ticket_under_which_nothing_waits_approves_nothing(
    user: User, terminal: Terminal, sit_down: Callable[[str], None], options: list[str]
):
    user.bound_phone()
    terminal.run(*asked_for(user), "--yes")
    sit_down("bob")
    asked = ("approve", user.account, "--ticket", "T-8", *options)
    assert terminal.run(*asked, typing=[user.account]) is Exit.NOTHING_TO_DO
    assert "No request waits" in terminal.out
    assert user.look().json["state"] == "bound"


def test_approving_needs_the_account_typed_again(
    user: User, terminal: Terminal, sit_down: Callable[[str], None]
):
    user.bound_phone()
    terminal.run(*asked_for(user), "--yes")
    sit_down("bob")
    asked = ("approve", user.account, "--ticket", "T-9")
    assert terminal.run(*asked, typing=["yes"]) is Exit.NOT_CONFIRMED
    assert user.look().json["state"] == "bound"
