"""The whole story of an account, on the emulated AWS."""

from tests.conftest import DESKTOP, MOBILE, User


def test_bind_confirm_verify(user: User):
    assert user.look().json["state"] == "unbound"
    phone = user.phone()
    assert user.look().json["state"] == "pending"
    confirmed = user.confirm(phone.code())
    assert confirmed.status == 200
    assert confirmed.json["state"] == "bound"
    assert user.verify(phone.code()).code == "code_used"
    assert user.verify(phone.code(1), client=MOBILE).json["channel_first_use"] is True
    assert user.verify(phone.wrong(), client=DESKTOP).json["attempts_left"] == 4
