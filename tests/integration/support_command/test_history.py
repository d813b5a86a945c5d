"""The support command's history."""

import re

import pytest

from infra.local.http_server import json_response
from infra.support.command_errors import Exit
from tests.kit.support_terminal import Lambda, Terminal
from tests.kit.user import User

EMPTY = {"account": "88000001", "history": []}


def test_history_is_a_table_and_says_how_to_see_older_events(terminal: Terminal, local: Lambda):
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


def test_an_account_that_nobody_has_used_is_probably_mistyped(user: User, terminal: Terminal):
    assert terminal.run("history", user.account) is Exit.DONE
    assert f"Nobody has used {user.account} yet: check the number." in terminal.out


def test_an_account_without_older_events_says_so(user: User, terminal: Terminal, local: Lambda):
    local.instead = lambda: json_response(200, {"outcome": "found", "known": True} | EMPTY)
    assert terminal.run("history", "88000001") is Exit.DONE
    assert terminal.out.endswith("Nothing is recorded for this account.\n")


def test_history_names_the_session_of_a_proved_operator_and_marks_a_claim(
    terminal: Terminal, local: Lambda
):
    role = "arn:aws:sts::123456789012:assumed-role/totp-binding-prod-support-ap-east-1"
    event = {"event_id": "0004", "type": "invited", "at": "2026-11-22T01:02:04Z"}
    proved = event | {"operator": f"{role}/mei.chan", "operator_proved": True}
    claimed = event | {"operator": "mei.chan", "operator_proved": False}
    local.instead = lambda: json_response(200, {"outcome": "found", "history": [proved, claimed]})
    assert terminal.run("history", "88000001") is Exit.DONE
    operators = [re.split(r" {2,}", row)[3] for row in terminal.out.splitlines()[2:]]
    assert operators == ["mei.chan", "mei.chan (not proved)"]


@pytest.mark.parametrize("options", [["--limit", "0"], ["--limit", "101"]])
def test_an_invalid_limit_is_refused_in_one_sentence(user: User, terminal: Terminal, options: list[str]):
    assert terminal.run("history", user.account, *options) is Exit.USAGE
    assert terminal.err == "Not accepted: limit: must be a whole number from 1 to 100.\n"
    status, answer = terminal.json("history", user.account, *options)
    assert (status, answer["outcome"], answer["problem"]) == (Exit.USAGE, "failed", "invalid")
