"""The operator that the support command names."""

import getpass
from typing import Any

import boto3
import pytest

from infra.support.command_errors import Exit
from tests.kit.support_terminal import Lambda, Terminal
from tests.kit.user import User


def test_the_operator_of_a_local_stage_is_the_machines_user(
    user: User, terminal: Terminal, local: Lambda
):
    terminal.run("status", user.account)
    assert local.invoked[-1][1]["operator"] == getpass.getuser()
    assert f"stage local, us-east-1, as {getpass.getuser()}" in terminal.out


def test_the_operator_of_a_deployed_stage_is_the_caller_that_sts_names(
    user: User, at_prod: Terminal, deployed: Lambda, monkeypatch: pytest.MonkeyPatch
):
    credentials = boto3.client("sts").assume_role(
        RoleArn="arn:aws:iam::123456789012:role/support/SupportDesk",
        RoleSessionName="mei.chan@broker.hk",
    )["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", credentials["SessionToken"])
    user.bound_phone()
    asked = ("unbind", user.account, "--ticket", "T-9", "--reason", "other", "--yes")
    assert at_prod.run(*asked) is Exit.DONE
    name, event = deployed.invoked[-1]
    assert name == "totp-binding-prod-unbind"
    assert event["operator"].endswith("SupportDesk/mei.chan@broker.hk")
    assert event["operator"].startswith("assumed-role/")


def test_a_long_operator_name_keeps_its_end(at_prod: Terminal, deployed: Lambda, wire: Any, user: User):
    session = "s" * 58 + "@br.hk"
    arn = f"arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Support_0123456789abcdef/{session}"

    class Http:
        status_code = 200

    wire.next("GetCallerIdentity", lambda really: ((Http, {"Arn": arn}), None))
    assert at_prod.run("status", user.account) is Exit.DONE
    assert deployed.invoked[-1][1]["operator"] == session


def test_the_operator_is_no_option(user: User, terminal: Terminal):
    with pytest.raises(SystemExit) as ended:
        terminal.run("status", user.account, "--operator", "somebody.else")
    assert ended.value.code == Exit.USAGE
