"""Time on the running stack: login server, service and page share one clock."""

from email.utils import parsedate_to_datetime

from tests.kit.stack import Stack


def test_all_of_the_stack_is_at_the_time_of_the_test(running: Stack):
    account = running.add_account("time-1")
    running.clock.advance(30)
    answer = running.api("GET", "/binding", running.token(account))
    assert answer.status == 200
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == running.clock()


def test_a_login_token_binds_for_five_minutes_and_confirms_for_fifteen(running: Stack):
    account = running.add_account("time-2")
    token = running.token(account)
    running.clock.advance(300)
    begun = running.api("POST", "/bind", token)
    assert begun.status == 201
    running.clock.advance(30)
    assert running.api("POST", "/bind", token).code == "login_expired"
    running.clock.advance(570)
    code = {"code": running.code(begun.json["secret"])}
    assert running.api("POST", "/bind/confirm", token, code).status == 200


def test_a_qr_code_ends_with_its_term_and_a_login_token_after_fifteen_minutes(running: Stack):
    token = running.token(running.add_account("time-5"))
    secret = running.api("POST", "/bind", token).json["secret"]
    running.clock.advance(630)
    code = {"code": running.code(secret)}
    assert running.api("POST", "/bind/confirm", token, code).code == "bind_expired"
    running.clock.advance(300)
    assert running.api("POST", "/bind/confirm", token, code).code == "login_expired"


def test_a_code_is_good_for_three_steps_and_then_expired(running: Stack):
    account = running.add_account("time-3")
    token, secret = running.bound(account)
    running.clock.advance(90)
    in_time, too_late = ({"code": running.code(secret, steps)} for steps in (-1, -2))
    refused = running.api("POST", "/verify", token, too_late)
    assert (refused.code, refused.json["seconds_behind"]) == ("code_expired", 60)
    assert running.api("POST", "/verify", token, in_time).status == 200


def test_a_lock_is_over_at_its_end(running: Stack):
    account = running.add_account("time-4")
    token, secret = running.bound(account)
    for _ in range(5):
        assert running.api("POST", "/verify", token, {"code": running.wrong_code(secret)}).status == 403
    locked = running.api("POST", "/verify", token, {"code": running.code(secret, 1)})
    assert (locked.code, locked.json["retry_after"]) == ("locked", 300)
    running.clock.advance(300)
    assert running.api("GET", "/binding", token).json["locked_until"] is None
    assert running.api("POST", "/verify", token, {"code": running.code(secret)}).status == 200
