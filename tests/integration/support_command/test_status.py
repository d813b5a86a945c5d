"""The support command's status."""

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
        "locked until": "2027-01-15 16:06:00 +0800",
        "suspended": "no",
    }


def test_an_account_never_used_has_a_status(user: User, terminal: Terminal):
    assert terminal.run("status", user.account) is Exit.DONE
    shown = lines(terminal.out)
    assert (shown["state"], shown["bound at"], shown["locked until"]) == ("not bound", "-", "-")
