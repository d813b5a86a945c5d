"""The support command's unlock."""

from infra.support.command_errors import Exit
from tests.kit.support_terminal import Terminal
from tests.kit.user import User


def test_unlock_lets_the_same_authenticator_in_again(user: User, terminal: Terminal):
    phone = user.bound_phone()
    for _ in range(5):
        user.verify(phone.wrong())
    assert user.verify(phone.code()).code == "locked"
    assert terminal.run("unlock", user.account, "--ticket", "T-3") is Exit.DONE
    assert "The binding is as it was" in terminal.out
    assert user.verify(phone.code()).status == 200
    assert terminal.run("unlock", user.account, "--ticket", "T-3") is Exit.NOTHING_TO_DO
