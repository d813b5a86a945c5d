"""The number of AWS calls for an answer, counted by botocore."""

from tests.kit.user import User
from tests.kit.wire import Wire


def test_a_verification_is_one_read_and_one_write(user: User, wire: Wire):
    phone = user.bound_phone()
    wire.calls.clear()
    assert user.verify(phone.code()).status == 200
    assert wire.calls == ["GetItem", "UpdateItem"]
    wire.calls.clear()
    assert user.verify(phone.wrong()).code == "wrong_code"
    assert wire.calls == ["GetItem", "UpdateItem"]


def test_a_call_that_changes_nothing_is_one_read(user: User, wire: Wire):
    phone = user.bound_phone()
    code = phone.code()
    user.verify(code)
    wire.calls.clear()
    assert user.verify(code).code == "code_used"
    assert wire.calls == ["GetItem"]
    for _ in range(5):
        user.verify(phone.wrong())
    wire.calls.clear()
    assert user.verify(phone.code(1)).code == "locked"
    assert wire.calls == ["GetItem"]


def test_a_malformed_code_costs_no_call(user: User, wire: Wire):
    user.bound_phone()
    wire.calls.clear()
    assert user.verify("12345").code == "malformed_code"
    assert wire.calls == []


def test_keys_are_opened_again_after_five_minutes_and_not_before(user: User, wire: Wire):
    phone = user.bound_phone()
    user.clock.advance(300)
    wire.calls.clear()
    assert user.verify(phone.code()).status == 200
    assert sorted(wire.calls) == ["Decrypt", "Decrypt", "GetItem", "Query", "Query", "UpdateItem"]


def test_a_refused_bind_opens_no_key(user: User, wire: Wire, service):
    from chalicelib import wiring

    user.bound_phone()
    wiring.reset()
    wire.calls.clear()
    assert user.bind().code == "already_bound"
    assert wire.calls == ["GetItem"]
