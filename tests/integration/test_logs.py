"""The log names each event, and never a secret, a code, a token or a pass."""

import json

from tests.kit.log_lines import LogLines
from tests.kit.login import MOBILE
from tests.kit.user import User
from tests.kit.wire import Wire


class Context:
    aws_request_id = "request"


def test_no_line_ever_holds_a_secret_a_code_a_token_or_a_pass(
    user: User, service, wire: Wire, log_lines: LogLines, capfd
):
    tokens = [user.token(), user.token(MOBILE), user.token(iss="x"), user.token(exp=1)]
    hidden = list(tokens)
    for token in tokens:
        user.look(token=token)
        user.bind(token=token)
    begun = user.bind().json
    hidden += [begun["secret"], begun["otpauth_uri"], begun["qr_png"]]
    phone = user.phone()
    hidden.append(phone.secret)
    codes = [phone.code(), phone.wrong(), phone.code(1), phone.code(-3)]
    wire.drop_answer("UpdateItem")
    hidden.append(user.confirm(phone.code(), token=tokens[0]).json["pass"])
    for code in codes:
        for typed in (code, code + "x", {"code": code}, f"{code[:3]}\x00{code[3:]}"):
            answer = user.verify(typed, token=tokens[1]).json
            hidden += [answer["pass"]] if "pass" in answer else []
        user.call("POST", "/verify", code.encode(), token=tokens[0])
        user.call(
            "POST", "/verify", json.dumps({"code": code, "x": code}).encode()[:-1], token=tokens[0]
        )
    for operation in ("GetItem", "UpdateItem"):
        wire.refuse(operation, "ValidationException", 400)
        user.verify(phone.code(1), token=tokens[0])
    for _ in range(5):
        user.verify(phone.wrong())
    for name in ("lookup", "unlock", "unbind"):
        event = {"account": user.account, "operator": "wong", "ticket": "T", "reason": "other"}
        getattr(service, name)(event, Context)
        getattr(service, name)(event | {"operator": f"{begun['secret']}\n"}, Context)
    assert sum(line.get("code") == "wrong_code" for line in log_lines.json) >= 5
    said = "\n".join([*log_lines.text, *capfd.readouterr()])
    assert not [words for words in hidden if words in said or words[:40] in said]
    free = ("timestamp", "request_id")
    told = [str(value) for line in log_lines.json for name, value in line.items() if name not in free]
    assert not [code for code in codes if any(code in value for value in told)]


def test_an_error_is_one_line_with_account_channel_address_and_code(user: User, log_lines: LogLines):
    phone = user.bound_phone()
    log_lines.text.clear()
    user.verify(phone.wrong(), client=MOBILE)
    (line,) = log_lines.json
    assert {
        name: line[name] for name in ("message", "account", "channel", "address", "code", "path")
    } == {
        "message": "refused",
        "account": user.account,
        "channel": "mobile",
        "address": "127.0.0.1",
        "code": "wrong_code",
        "path": "/verify",
    }
    assert line["request_id"]
