"""The operator that the support command names."""

import getpass
from dataclasses import replace

import pytest

from chalicelib import wiring
from infra.support.command_errors import Exit
from tests.kit.sts import Sts, support_session
from tests.kit.support_terminal import Lambda, Terminal, become
from tests.kit.user import User


def test_the_operator_of_a_local_stage_is_the_machines_user(
    user: User, terminal: Terminal, local: Lambda
):
    terminal.run("status", user.account)
    assert local.invoked[-1][1]["operator"] == getpass.getuser()
    assert f"stage local, us-east-1, as {getpass.getuser()}" in terminal.out


def test_the_operator_of_a_deployed_stage_is_the_whole_arn_that_sts_names(
    user: User, at_prod: Terminal, deployed: Lambda, sts: Sts, monkeypatch: pytest.MonkeyPatch
):
    become(monkeypatch, sts, "mei.chan@broker.hk")
    user.bound_phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other", "--yes")
    assert at_prod.run(*asked) is Exit.DONE
    name, event = deployed.invoked[-1]
    assert name == "totp-binding-prod-unbind"
    assert event["operator"] == support_session("prod", "mei.chan@broker.hk")


def test_an_operator_is_shown_by_the_name_of_the_session(
    user: User, at_prod: Terminal, sts: Sts, monkeypatch: pytest.MonkeyPatch
):
    become(monkeypatch, sts, "mei.chan@broker.hk")
    assert at_prod.run("status", user.account) is Exit.DONE
    assert at_prod.out.splitlines()[0] == "stage prod, us-east-1, as mei.chan@broker.hk"


def test_the_longest_name_of_a_session_is_kept_whole(
    user: User, at_prod: Terminal, deployed: Lambda, sts: Sts, monkeypatch: pytest.MonkeyPatch
):
    session = "s" * 58 + "@br.hk"
    become(monkeypatch, sts, session)
    assert at_prod.run("status", user.account) is Exit.DONE
    assert deployed.invoked[-1][1]["operator"] == support_session("prod", session)


def test_every_call_carries_a_valid_proof(
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


def test_a_local_stage_proves_the_name_of_the_machines_user(
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


def test_the_operator_is_no_option(user: User, terminal: Terminal):
    with pytest.raises(SystemExit) as ended:
        terminal.run("status", user.account, "--operator", "somebody.else")
    assert ended.value.code == Exit.USAGE
