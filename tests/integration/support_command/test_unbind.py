"""The support command's unbind: it shows the binding, asks, and changes nothing unconfirmed."""

import pytest

from chalicelib.support.requests import REASONS
from infra.support.command import main
from infra.support.command_errors import Exit
from tests.kit.support_terminal import Lambda, Terminal
from tests.kit.user import User


def test_unbind_shows_the_binding_and_asks_for_the_account_again(user: User, terminal: Terminal):
    user.bound_phone()
    answered = terminal.run(
        "unbind", user.account, "--ticket", "T-9", "--reason", "lost_device", typing=[user.account]
    )
    assert answered is Exit.DONE
    before_the_question = terminal.out.partition("Type the account")[0]
    assert "2027-01-15 16:00:00 +0800" in before_the_question
    assert "Ticket T-9, reason: phone lost or broken." in before_the_question
    assert f"{user.account} is unbound." in terminal.out
    assert "极星 9.3" in terminal.out
    assert user.look().json["state"] == "unbound"


@pytest.mark.parametrize("typed", ["", "y", "yes", "acc", "ACC"])
def test_unbind_changes_nothing_unless_the_account_is_typed_again(
    user: User, terminal: Terminal, local: Lambda, typed: str
):
    user.bound_phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other")
    assert terminal.run(*asked, typing=[typed]) is Exit.NOT_CONFIRMED
    assert "Nothing has been changed." in terminal.out
    assert user.look().json["state"] == "bound"
    assert "totp-binding-local-unbind" not in local.names


def test_unbind_changes_nothing_if_the_terminal_is_closed(user: User, terminal: Terminal):
    user.bound_phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other")
    assert terminal.run(*asked, typing=[]) is Exit.NOT_CONFIRMED
    assert user.look().json["state"] == "bound"


def test_unbind_changes_nothing_if_it_is_interrupted(
    user: User, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
):
    user.bound_phone()

    def interrupt() -> bool:
        raise KeyboardInterrupt

    asked = ["unbind", user.account, "--stage", "local"]
    monkeypatch.setattr("sys.stdin.isatty", interrupt, raising=False)
    assert main(asked) == Exit.INTERRUPTED
    assert user.look().json["state"] == "bound"


def test_unbind_asks_for_a_missing_ticket_and_reason(user: User, terminal: Terminal, local: Lambda):
    user.bound_phone()
    typing = ["", " T-12 ", "0", "no", "2", user.account]
    assert terminal.run("unbind", user.account, typing=typing) is Exit.DONE
    name, event = local.invoked[-1]
    assert name == "totp-binding-local-unbind"
    assert (event["ticket"], event["reason"]) == ("T-12", REASONS[1])


def test_unbind_asks_nothing_if_the_account_is_not_bound(user: User, terminal: Terminal, local: Lambda):
    assert terminal.run("unbind", user.account, typing=[]) is Exit.NOTHING_TO_DO
    assert f"{user.account} is not bound, so nothing has been changed." in terminal.out
    assert local.names == ["totp-binding-local-lookup"]


def test_a_pending_binding_can_be_unbound(user: User, terminal: Terminal):
    user.phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other")
    assert terminal.run(*asked, typing=[user.account]) is Exit.DONE
    assert "QR code shown, not confirmed yet" in terminal.out
    assert user.look().json["state"] == "unbound"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_unbind_needs_yes_without_a_terminal(user: User, terminal: Terminal, options: list[str]):
    user.bound_phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other", *options)
    assert terminal.run(*asked) is Exit.USAGE
    assert "--yes" in terminal.out + terminal.err
    assert user.look().json["state"] == "bound"


def test_json_never_asks_even_on_a_terminal(user: User, terminal: Terminal):
    user.bound_phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other", "--json")
    assert terminal.run(*asked, typing=[user.account]) is Exit.USAGE
    assert user.look().json["state"] == "bound"


def test_a_script_unbinds_with_yes(user: User, terminal: Terminal):
    user.bound_phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other", "--yes")
    status, answer = terminal.json(*asked)
    assert (status, answer["outcome"]) == (Exit.DONE, "unbound")
    assert answer["bound_at"] == "2027-01-15T08:00:00Z"
    status, answer = terminal.json(*asked)
    assert (status, answer["outcome"], answer["repeated"]) == (Exit.NOTHING_TO_DO, "unbound", True)
    other = ("unbind", user.account, "--ticket", "T-10", "--reason", "other", "--yes")
    status, answer = terminal.json(*other)
    assert (status, answer["outcome"]) == (Exit.NOTHING_TO_DO, "not_bound")


def test_yes_needs_a_ticket_and_a_reason(user: User, terminal: Terminal):
    user.bound_phone()
    assert terminal.run("unbind", user.account, "--yes") is Exit.USAGE
    assert terminal.err.count("\n") == 1
    assert "ticket" in terminal.err
    assert "reason" in terminal.err
    assert user.look().json["state"] == "bound"


def test_a_repeated_answer_is_said_loudly_with_the_state_of_now(user: User, terminal: Terminal):
    user.bound_phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "lost_device")
    assert terminal.run(*asked, typing=[user.account]) is Exit.DONE
    user.clock.advance(1)
    user.bound_phone()
    assert terminal.run(*asked, typing=[user.account]) is Exit.NOTHING_TO_DO
    answer = terminal.out.partition("anything else to leave it as it is: \n")[2].splitlines()
    assert answer[0].startswith("NOTHING HAS BEEN CHANGED NOW. Ticket T-9")
    assert answer[1].startswith(f"The first answer was: {user.account} is unbound.")
    assert answer[2] == "THE ACCOUNT IS NOW: bound."
    assert user.look().json["state"] == "bound"
