"""The support desk's command, on a terminal and in scripts, against this machine and against AWS."""

import getpass
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.api.language import Language
from chalicelib.support.requests import REASONS
from infra.emulator.sts_stand_in import Identity
from infra.environment import ROOT
from infra.local import lambda_api, operators
from infra.local.http_server import HttpRequest, HttpResponse, Server, json_response
from infra.local.lambda_api import INVOKE_PATH, LambdaApi
from infra.support import account_view
from infra.support.command import main
from infra.support.command_errors import Exit
from infra.support.words import Words, language, phrases
from tests.kit.clock import Clock
from tests.kit.login import MOBILE
from tests.kit.sts import Sts, support_session
from tests.kit.user import User

DEPLOYED = "prod"

KEYS = {
    "aws_access_key_id": "ASIAOPERATOR",
    "aws_secret_access_key": "secret",
    "aws_session_token": "token",
}
"""The operator's credentials at the deployed stage."""


@dataclass
class Lambda:
    """Lambda's invoke call over HTTP, with the service's own functions behind it."""

    server: Server
    functions: LambdaApi
    invoked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    instead: Callable[[], HttpResponse] | None = None

    def respond(self, ask: HttpRequest) -> HttpResponse:
        match = INVOKE_PATH.fullmatch(ask.target)
        assert match is not None, ask.target
        self.invoked.append((match[1], json.loads(ask.body or b"")))
        if self.instead is not None:
            return self.instead()
        signed = ask.headers.get("Authorization")
        return self.functions.invoke(match[1], ask.body or b"", "RequestResponse", signed)

    def refuse(self, status: int, code: str) -> None:
        """Answer as AWS does where it refuses."""
        self.instead = lambda: json_response(status, {"Message": code}, {"x-amzn-ErrorType": code})

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.invoked]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """An HTTP server; each test says what it answers."""
    server = Server(0, lambda: HttpResponse(400))
    server.serve(lambda ask: HttpResponse(503))
    yield server
    server.stop()


@pytest.fixture
def local(service: Any, server: Server, sts: Sts, monkeypatch: pytest.MonkeyPatch) -> Lambda:
    """The local stage, as make run serves it."""
    sts.strangers = operators.identity
    lambda_ = Lambda(server, LambdaApi(service))
    server.respond = lambda_.respond
    monkeypatch.setenv("PORT", str(server.server_port))
    return lambda_


@pytest.fixture
def deployed(service: Any, server: Server, sts: Sts, monkeypatch: pytest.MonkeyPatch) -> Lambda:
    """A deployed stage: Lambda where the SDK looks for it, and an operator whom STS names."""
    monkeypatch.setattr(lambda_api, "STAGE", DEPLOYED)
    lambda_ = Lambda(server, LambdaApi(service))
    server.respond = lambda_.respond
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
    become(monkeypatch, sts, "mei.chan")
    wiring.components()  # before a test takes the region away that they are put together in
    return lambda_


def become(monkeypatch: pytest.MonkeyPatch, sts: Sts, name: str) -> None:
    """Have the environment's credentials be those of an operator, in whichever region."""
    for part, value in KEYS.items():
        monkeypatch.setenv(part.upper(), value)
    secret, token = KEYS["aws_secret_access_key"], KEYS["aws_session_token"]
    sts.strangers = lambda key, region: (
        Identity(secret, token, support_session(DEPLOYED, name, region))
        if key == KEYS["aws_access_key_id"]
        else None
    )


@dataclass
class Terminal:
    """Runs the command in this process, and types what it is asked for."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    stage: str
    out: str = ""
    err: str = ""

    def run(self, *arguments: str, typing: list[str] | None = None) -> Exit:
        """The exit status; what was printed is in ``out`` and ``err``.

        With ``typing`` somebody sits at the terminal, else there is nobody.
        """
        answers = iter(typing or [])

        def type_next(prompt: str) -> str:
            print(prompt)
            try:
                return next(answers)
            except StopIteration:
                raise EOFError from None

        self.monkeypatch.setattr("builtins.input", type_next)
        self.monkeypatch.setattr("sys.stdin.isatty", lambda: typing is not None, raising=False)
        self.capsys.readouterr()
        status = main([*arguments, "--stage", self.stage])
        self.out, self.err = self.capsys.readouterr()
        self.out = "".join(line for line in self.out.splitlines(keepends=True) if '"level"' not in line)
        return Exit(status)

    def json(self, *arguments: str) -> tuple[Exit, Any]:
        status = self.run(*arguments, "--json")
        return status, json.loads(self.out)


@pytest.fixture
def terminal(
    local: Lambda, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    speak(monkeypatch, "en_GB.UTF-8")
    return Terminal(capsys, monkeypatch, "local")


@pytest.fixture
def at_prod(
    deployed: Lambda, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    speak(monkeypatch, "en_GB.UTF-8")
    return Terminal(capsys, monkeypatch, DEPLOYED)


def speak(monkeypatch: pytest.MonkeyPatch, lang: str) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", lang)


@pytest.fixture(scope="module", autouse=True)
def _in_hong_kong() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Hong_Kong")
        time.tzset()
        yield
    time.tzset()


def lines(text: str) -> dict[str, str]:
    """Lines of two columns, by the first."""
    return dict(re.split(r" {2,}", line, maxsplit=1) for line in text.splitlines() if "  " in line)


# What the commands show and do.


def test_status_shows_how_an_account_stands(user: User, terminal: Terminal):
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


def test_an_untouched_account_has_a_status_too(user: User, terminal: Terminal):
    assert terminal.run("status", user.account) is Exit.DONE
    shown = lines(terminal.out)
    assert (shown["state"], shown["bound at"], shown["locked until"]) == ("not bound", "-", "-")


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
def test_anything_but_the_account_leaves_it_bound(
    user: User, terminal: Terminal, local: Lambda, typed: str
):
    user.bound_phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other")
    assert terminal.run(*asked, typing=[typed]) is Exit.NOT_CONFIRMED
    assert "Nothing has been changed." in terminal.out
    assert user.look().json["state"] == "bound"
    assert "totp-binding-local-unbind" not in local.names


def test_a_terminal_that_is_closed_leaves_it_bound(user: User, terminal: Terminal):
    user.bound_phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other")
    assert terminal.run(*asked, typing=[]) is Exit.NOT_CONFIRMED
    assert user.look().json["state"] == "bound"


def test_ctrl_c_leaves_it_bound(user: User, terminal: Terminal, monkeypatch: pytest.MonkeyPatch):
    user.bound_phone()

    def interrupt() -> bool:
        raise KeyboardInterrupt

    asked = ["unbind", user.account, "--stage", "local"]
    monkeypatch.setattr("sys.stdin.isatty", interrupt, raising=False)
    assert main(asked) == Exit.INTERRUPTED
    assert user.look().json["state"] == "bound"


def test_ticket_and_reason_are_asked_for_where_they_are_missing(
    user: User, terminal: Terminal, local: Lambda
):
    user.bound_phone()
    typing = ["", " T-12 ", "0", "no", "2", user.account]
    assert terminal.run("unbind", user.account, typing=typing) is Exit.DONE
    name, event = local.invoked[-1]
    assert name == "totp-binding-local-unbind"
    assert (event["ticket"], event["reason"]) == ("T-12", REASONS[1])


def test_unbinding_what_is_not_bound_changes_nothing_and_asks_nothing(
    user: User, terminal: Terminal, local: Lambda
):
    assert terminal.run("unbind", user.account, typing=[]) is Exit.NOTHING_TO_DO
    assert "was not bound" in terminal.out
    assert local.names == ["totp-binding-local-lookup"]


def test_a_pending_binding_can_be_unbound(user: User, terminal: Terminal):
    user.phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other")
    assert terminal.run(*asked, typing=[user.account]) is Exit.DONE
    assert "QR code shown, not confirmed yet" in terminal.out
    assert user.look().json["state"] == "unbound"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_without_a_terminal_unbind_wants_yes(user: User, terminal: Terminal, options: list[str]):
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


def test_with_yes_a_script_unbinds(user: User, terminal: Terminal):
    user.bound_phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other", "--yes")
    status, answer = terminal.json(*asked)
    assert (status, answer["outcome"]) == (Exit.DONE, "unbound")
    assert answer["bound_at"] == "2027-01-15T08:00:00Z"
    status, answer = terminal.json(*asked)
    assert (status, answer["outcome"]) == (Exit.NOTHING_TO_DO, "not_bound")


def test_yes_without_ticket_and_reason_is_not_accepted(user: User, terminal: Terminal):
    user.bound_phone()
    assert terminal.run("unbind", user.account, "--yes") is Exit.USAGE
    assert terminal.err.count("\n") == 1
    assert "ticket" in terminal.err
    assert "reason" in terminal.err
    assert user.look().json["state"] == "bound"


def test_unlock_lets_the_same_authenticator_in_again(user: User, terminal: Terminal):
    phone = user.bound_phone()
    for _ in range(5):
        user.verify(phone.wrong())
    assert user.verify(phone.code()).code == "locked"
    assert terminal.run("unlock", user.account, "--ticket", "T-3") is Exit.DONE
    assert "The binding is as it was" in terminal.out
    assert user.verify(phone.code()).status == 200
    assert terminal.run("unlock", user.account, "--ticket", "T-3") is Exit.NOTHING_TO_DO


def test_history_is_a_table_in_order_and_says_how_to_see_more(terminal: Terminal, local: Lambda):
    usual = dict.fromkeys(("channel", "operator", "ticket", "reason", "address"))
    events = [
        usual
        | {"event_id": "0004", "type": "unbound", "at": "2026-11-22T01:02:04Z"}
        | {"operator": "陳小美", "ticket": "T-9\N{RIGHT-TO-LEFT OVERRIDE}", "reason": "lost_device"},
        usual
        | {"event_id": "0003", "type": "verified", "at": "2026-11-22T01:02:03Z", "channel": "mobile"},
        usual | {"event_id": "0002", "type": "of_tomorrow", "at": "2026-11-22T01:02:02Z"},
    ]
    local.instead = lambda: json_response(200, {"outcome": "found", "history": events})
    asked = ("history", "88000001", "--limit", "3", "--before", "0005")
    assert terminal.run(*asked) is Exit.DONE
    assert local.invoked[-1][1]["before"] == "0005"
    assert local.invoked[-1][1]["limit"] == 3
    _, header, *rows, older = terminal.out.splitlines()
    assert header.split() == ["time", "what", "channel", "operator", "ticket", "reason", "address"]
    assert [re.split(r" {2,}", row)[:2] for row in rows] == [
        ["2026-11-22 09:02:04 +0800", "unbound"],
        ["2026-11-22 09:02:03 +0800", "login"],
        ["2026-11-22 09:02:02 +0800", "of_tomorrow"],
    ]
    assert "phone lost or broken" in rows[0]
    assert "T-9\N{REPLACEMENT CHARACTER} " in rows[0]
    assert older == "Older: --before 0002"
    assert terminal.run("history", "88000001", "--limit", "4") is Exit.DONE
    assert "--before" not in terminal.out
    status, answer = terminal.json(*asked)
    assert (status, answer["history"]) == (Exit.DONE, events)


def test_an_account_without_history_says_so(user: User, terminal: Terminal):
    local_answer = terminal.run("history", user.account, "--limit", "1")
    assert local_answer is Exit.DONE
    assert "Nothing is recorded" in terminal.out


@pytest.mark.parametrize("options", [["--limit", "0"], ["--limit", "101"]])
def test_what_the_function_does_not_accept_is_said_in_one_line(
    user: User, terminal: Terminal, options: list[str]
):
    assert terminal.run("history", user.account, *options) is Exit.USAGE
    assert terminal.err == "Not accepted: limit: must be a whole number from 1 to 100.\n"
    status, answer = terminal.json("history", user.account, *options)
    assert (status, answer["outcome"], answer["problem"]) == (Exit.USAGE, "failed", "invalid")


# Who is asking.


def test_on_this_machine_the_operator_is_its_user(user: User, terminal: Terminal, local: Lambda):
    terminal.run("status", user.account)
    assert local.invoked[-1][1]["operator"] == getpass.getuser()
    assert f"stage local, us-east-1, as {getpass.getuser()}" in terminal.out


def test_a_deployed_stage_is_told_whom_sts_names(
    user: User, at_prod: Terminal, deployed: Lambda, sts: Sts, monkeypatch: pytest.MonkeyPatch
):
    become(monkeypatch, sts, "mei.chan@broker.hk")
    user.bound_phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other", "--yes")
    assert at_prod.run(*asked) is Exit.DONE
    name, event = deployed.invoked[-1]
    assert name == "totp-binding-prod-unbind"
    assert event["operator"] == "umed-role/totp-binding-prod-support-us-east-1/mei.chan@broker.hk"


def test_a_long_name_keeps_its_end(
    user: User, at_prod: Terminal, deployed: Lambda, sts: Sts, monkeypatch: pytest.MonkeyPatch
):
    session = "s" * 58 + "@br.hk"
    become(monkeypatch, sts, session)
    assert at_prod.run("status", user.account) is Exit.DONE
    assert deployed.invoked[-1][1]["operator"] == session


def test_every_call_carries_a_proof_that_holds(
    user: User, at_prod: Terminal, deployed: Lambda, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPERATOR_PROOF", "required")
    wiring.reset()
    user.bound_phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other")
    assert at_prod.run(*asked, typing=[user.account]) is Exit.DONE
    assert at_prod.run("unlock", user.account, "--ticket", "T-9") is Exit.NOTHING_TO_DO
    assert at_prod.run("history", user.account) is Exit.DONE
    assert [name.rpartition("-")[2] for name in deployed.names] == [
        "lookup",
        "unbind",
        "unlock",
        "lookup",
    ]
    assert len({event["proof"]["signature"] for _, event in deployed.invoked}) == 4


def test_a_caller_outside_the_support_role_is_told_so(user: User, at_prod: Terminal, sts: Sts):
    known = sts.strangers
    sts.strangers = lambda key, region: replace(known(key, region), arn="arn:aws:iam::123456789012:root")
    assert at_prod.run("status", user.account) is Exit.USAGE
    assert at_prod.err == (
        "Not accepted: proof: the caller must be in the role "
        "totp-binding-prod-support-us-east-1 of this account.\n"
    )


def test_on_this_machine_the_users_name_is_proved(
    user: User, terminal: Terminal, local: Lambda, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPERATOR_PROOF", "required")
    wiring.reset()
    for name, key in {"mei.chan": "meichan", "陳": "local"}.items():
        monkeypatch.setenv("LOGNAME", name)
        assert terminal.run("status", user.account, "--region", "ap-east-1") is Exit.DONE
        event = local.invoked[-1][1]
        assert (event["operator"], event["proof"]["access_key_id"]) == (name, key)
        assert "session_token" not in event["proof"]


def test_the_operator_cannot_be_typed(user: User, terminal: Terminal):
    with pytest.raises(SystemExit) as ended:
        terminal.run("status", user.account, "--operator", "somebody.else")
    assert ended.value.code == Exit.USAGE


# Where it looks.


def test_a_deployed_stage_is_in_hong_kong_unless_told(
    user: User, at_prod: Terminal, monkeypatch: pytest.MonkeyPatch
):
    at_prod.run("status", user.account, "--region", "eu-west-1")
    assert "stage prod, eu-west-1, as " in at_prod.out
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    at_prod.run("status", user.account)
    assert "stage prod, ap-east-1, as " in at_prod.out


def test_the_profile_named_is_the_one_used(
    user: User, at_prod: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
):
    (tmp_path / "config").write_text("[profile desk]\nregion = ap-southeast-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    for name in KEYS:
        monkeypatch.delenv(name.upper())
    keys = "\n".join(f"{name} = {value}" for name, value in KEYS.items())
    (tmp_path / "credentials").write_text(f"[desk]\n{keys}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    assert at_prod.run("status", user.account, "--profile", "desk") is Exit.DONE
    assert "stage prod, ap-southeast-1, as " in at_prod.out
    assert at_prod.run("status", user.account, "--profile", "dusk") is Exit.NO_ACCESS
    assert at_prod.err == "This machine has no AWS profile dusk: check --profile, or ask for one.\n"
    monkeypatch.setenv("AWS_PROFILE", "dawn")
    assert at_prod.run("status", user.account) is Exit.NO_ACCESS
    assert "dawn" in at_prod.err


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "８０００"])
def test_a_port_that_is_none_is_said(
    user: User, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, port: str
):
    monkeypatch.setenv("PORT", port)
    assert terminal.run("status", user.account) is Exit.USAGE
    assert "PORT" in terminal.err


@pytest.mark.parametrize("stage", ["Prod", "../x", "", "prod:1"])
def test_a_stage_that_is_none_is_said(terminal: Terminal, stage: str):
    terminal.stage = stage
    assert terminal.run("status", "88000001") is Exit.USAGE
    assert "stage" in terminal.err


# What AWS refuses, and what to ask for then.


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_where_nothing_runs_it_says_what_to_start(terminal: Terminal, monkeypatch: pytest.MonkeyPatch):
    port = closed_port()
    monkeypatch.setenv("PORT", str(port))
    assert terminal.run("status", "88000001") is Exit.TRY_AGAIN
    assert terminal.err == (
        f"Nothing answers at http://127.0.0.1:{port}: "
        "is `make run` running there, and is PORT the same?\n"
    )


@pytest.mark.parametrize(
    ("status", "code", "exit_status", "words"),
    [
        (403, "AccessDeniedException", Exit.NO_ACCESS, "does not let you call totp-binding-prod-lookup"),
        (403, "ExpiredTokenException", Exit.NO_ACCESS, "log in again"),
        (403, "UnrecognizedClientException", Exit.NO_ACCESS, "credentials"),
        (403, "InvalidSignatureException", Exit.NO_ACCESS, "clock"),
        (404, "ResourceNotFoundException", Exit.NO_ACCESS, "no function totp-binding-prod-lookup"),
        (429, "TooManyRequestsException", Exit.TRY_AGAIN, "too busy"),
        (502, "EC2UnexpectedException", Exit.TRY_AGAIN, "EC2UnexpectedException"),
        (400, "InvalidRuntimeException", Exit.FAILED, "InvalidRuntimeException"),
    ],
)
def test_what_lambda_refuses_comes_out_as_one_sentence(
    at_prod: Terminal, deployed: Lambda, status: int, code: str, exit_status: Exit, words: str
):
    deployed.refuse(status, code)
    assert at_prod.run("status", "88000001") is exit_status
    assert at_prod.out == ""
    assert at_prod.err.count("\n") == 1
    assert words in at_prod.err
    assert len(deployed.invoked) == 1


def test_a_refusal_is_json_too_for_scripts(at_prod: Terminal, deployed: Lambda):
    deployed.refuse(403, "AccessDeniedException")
    status, answer = at_prod.json("status", "88000001")
    assert status is Exit.NO_ACCESS
    assert (answer["outcome"], answer["problem"]) == ("failed", "access_denied")
    assert "MFA" in answer["detail"]


@pytest.mark.parametrize(
    ("code", "status", "exit_status", "words"),
    [
        ("ExpiredToken", 403, Exit.NO_ACCESS, "log in again"),
        ("InvalidClientTokenId", 403, Exit.NO_ACCESS, "credentials"),
        ("SignatureDoesNotMatch", 403, Exit.NO_ACCESS, "clock"),
        ("AccessDenied", 403, Exit.NO_ACCESS, "sts:GetCallerIdentity"),
        ("Throttling", 400, Exit.TRY_AGAIN, "too busy"),
    ],
)
def test_whom_sts_does_not_know_gets_no_further(
    at_prod: Terminal, deployed: Lambda, wire: Any, code: str, status: int, exit_status: Exit, words: str
):
    wire.refuse("GetCallerIdentity", code, status)
    assert at_prod.run("status", "88000001") is exit_status
    assert words in at_prod.err
    assert deployed.invoked == []


def test_without_credentials_it_says_to_ask_for_a_profile(
    at_prod: Terminal, monkeypatch: pytest.MonkeyPatch
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert at_prod.run("status", "88000001") is Exit.NO_ACCESS
    assert "ask for a profile for the support desk" in at_prod.err


def test_an_sso_login_that_was_never_made_says_to_log_in(
    at_prod: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
):
    (tmp_path / "config").write_text(
        "[profile desk]\nsso_session = broker\nsso_account_id = 123456789012\nsso_role_name = Support\n"
        "[sso-session broker]\nsso_region = ap-east-1\nsso_start_url = https://broker.example/start\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert at_prod.run("status", "88000001", "--profile", "desk") is Exit.NO_ACCESS
    assert "aws sso login --profile desk" in at_prod.err


def test_aws_out_of_reach_says_to_check_the_network(at_prod: Terminal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{closed_port()}")
    assert at_prod.run("status", "88000001") is Exit.TRY_AGAIN
    assert "check network, VPN and --region" in at_prod.err


def test_an_answer_that_got_lost_says_to_look_first(user: User, at_prod: Terminal, wire: Any):
    user.bound_phone()
    wire.drop_answer("Invoke")
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other", "--yes")
    assert at_prod.run(*asked) is Exit.TRY_AGAIN
    assert "look with status" in at_prod.err
    assert wire.calls.count("Invoke") == 1


def test_aws_trouble_behind_the_function_says_to_ask_again(user: User, terminal: Terminal, wire: Any):
    wire.refuse("GetItem", "ProvisionedThroughputExceededException", times=2)
    assert terminal.run("status", user.account) is Exit.TRY_AGAIN
    assert "ask again in a minute" in terminal.err


@pytest.mark.parametrize(
    "reply",
    [
        json_response(200, {"errorMessage": "boom"}, {"X-Amz-Function-Error": "Unhandled"}),
        HttpResponse(200, {"Content-Type": "application/json"}, b"not JSON"),
        json_response(200, ["a list"]),
        json_response(200, {}),
    ],
)
def test_a_function_that_fails_is_for_operations(terminal: Terminal, local: Lambda, reply: HttpResponse):
    headers = reply.headers | {"x-amzn-RequestId": "r-1"}
    local.instead = lambda: HttpResponse(reply.status, headers, reply.body)
    assert terminal.run("status", "88000001") is Exit.FAILED
    assert "r-1" in terminal.err


# The words.


@pytest.mark.parametrize(
    ("environment", "spoken"),
    [
        ({}, Language.ENGLISH),
        ({"LANG": "C"}, Language.ENGLISH),
        ({"LANG": "C.UTF-8"}, Language.ENGLISH),
        ({"LANG": "fr_FR.UTF-8"}, Language.ENGLISH),
        ({"LANG": "en_HK.UTF-8"}, Language.ENGLISH),
        ({"LANG": "zh_CN.UTF-8"}, Language.SIMPLIFIED),
        ({"LANG": "zh_SG"}, Language.SIMPLIFIED),
        ({"LANG": "zh_HK.UTF-8"}, Language.TRADITIONAL),
        ({"LANG": "zh_TW.Big5"}, Language.TRADITIONAL),
        ({"LANG": "zh_HK@modifier"}, Language.TRADITIONAL),
        ({"LANG": "zh_CN", "LC_MESSAGES": "en_US", "LC_ALL": "zh_TW"}, Language.TRADITIONAL),
        ({"LANG": "zh_CN", "LC_MESSAGES": "en_US", "LC_ALL": ""}, Language.ENGLISH),
    ],
)
def test_the_terminal_decides_on_the_language(environment: dict[str, str], spoken: Language):
    assert language(environment) is spoken


@pytest.mark.parametrize(
    ("lang", "words"), [("zh_CN.UTF-8", "状态"), ("zh_HK.UTF-8", "狀態"), ("de_DE.UTF-8", "state")]
)
def test_the_words_come_in_that_language(
    user: User, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, lang: str, words: str
):
    speak(monkeypatch, lang)
    terminal.run("status", user.account)
    assert words in lines(terminal.out)


def test_every_language_has_every_phrase_with_the_same_gaps():
    gaps = {
        spoken: {name: sorted(re.findall(r"{(\w+)}", text)) for name, text in phrases(spoken).items()}
        for spoken in Language
    }
    assert gaps[Language.SIMPLIFIED] == gaps[Language.TRADITIONAL] == gaps[Language.ENGLISH]
    assert all(text.strip() for spoken in Language for text in phrases(spoken).values())


def test_every_reason_state_and_event_has_a_word():
    from chalicelib.core.binding import State
    from chalicelib.core.channel import Channel
    from chalicelib.core.events import EventType

    named = phrases(Language.ENGLISH)
    wanted = [f"reason.{reason}" for reason in REASONS]
    wanted += [f"state.{state}" for state in State] + [f"channel.{channel}" for channel in Channel]
    wanted += [f"type.{event_type}" for event_type in EventType] + ["type.tampered", "type.unreadable"]
    assert [name for name in wanted if name not in named] == []


def test_a_table_lines_up_where_characters_are_wide():
    shown = account_view.table([["状态", "已绑定"], ["ab", "c"], ["e\N{COMBINING ACUTE ACCENT}", "d"]])
    starts = [
        account_view.width(row[: row.rindex(last)])
        for row, last in zip(shown.splitlines(), "已cd", strict=True)
    ]
    assert starts == [6, 6, 6]


def test_a_time_that_is_none_is_a_dash():
    assert account_view.local_time(None, Words(Language.ENGLISH)) == "-"


# The file itself.


def test_it_runs_as_a_module(user: User, local: Lambda, clock: Clock):
    user.bound_phone()
    clock.time = time.time()  # the command signs by this machine's clock
    asked = ["status", user.account, "--stage", "local", "--json"]
    ran = subprocess.run(
        [sys.executable, "-m", "infra.support", *asked],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert json.loads(ran.stdout)["state"] == "bound"
    refused = subprocess.run(
        [sys.executable, "-m", "infra.support", "unbind", user.account, "--stage", "local"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LC_ALL": "zh_CN.UTF-8"},
        stdin=subprocess.DEVNULL,
    )
    assert refused.returncode == Exit.USAGE
    assert refused.stderr == phrases(Language.SIMPLIFIED)["trouble.needs_yes"] + "\n"


def test_a_terminal_without_the_characters_still_tells_what_was_done(
    user: User, local: Lambda, clock: Clock
):
    user.bound_phone()
    clock.time = time.time()  # the command signs by this machine's clock
    asked = ["unbind", user.account, "--ticket", "T-9", "--reason", "other", "--yes", "--stage", "local"]
    ran = subprocess.run(
        [sys.executable, "-m", "infra.support", *asked],
        cwd=ROOT,
        capture_output=True,
        check=False,
        env=os.environ | {"LC_ALL": "zh_CN.UTF-8", "PYTHONIOENCODING": "ascii"},
    )
    assert (ran.returncode, ran.stderr) == (Exit.DONE, b"")
    assert ran.stdout.startswith(f"{user.account} ???".encode())


PAGES = ["support.en.md", "support.zh-CN.md", "support.zh-HK.md"]


@pytest.mark.parametrize("page", PAGES)
def test_the_page_lists_every_exit_status_and_reason(page: str):
    text = (ROOT / "docs" / page).read_text("utf-8")
    listed = {int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert listed == {int(status) for status in Exit}
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(REASONS)


@pytest.mark.parametrize("page", PAGES)
def test_the_events_for_the_console_are_taken_as_they_stand(page: str, service: Any, local: Lambda):
    text = (ROOT / "docs" / page).read_text("utf-8")
    shown = re.findall(r"`totp-binding-prod-(\w+)`.*?```json\n(.*?)```", text, re.DOTALL)
    assert [name for name, _ in shown] == ["lookup", "unlock", "unbind"]
    for name, event in shown:
        reply = local.functions.invoke(f"totp-binding-local-{name}", event.encode(), "RequestResponse")
        assert json.loads(reply.body)["outcome"] in ("found", "not_locked", "not_bound")


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_the_page_are_commands(page: str, user: User, terminal: Terminal):
    text = (ROOT / "docs" / page).read_text("utf-8")
    shown = re.findall(r"^python -m infra.support (.*)$", text, re.MULTILINE)
    assert {line.split()[0] for line in shown} == {"status", "history", "unlock", "unbind"}
    for line in shown:
        assert terminal.run(*line.split(), typing=[]) in (Exit.DONE, Exit.NOTHING_TO_DO)
