"""The stage, region, profile and port that the support command uses."""

from typing import Any

import pytest

from infra.support.command_errors import Exit
from tests.kit.support_terminal import KEYS, Terminal
from tests.kit.user import User


def test_the_default_region_is_hong_kong(user: User, at_prod: Terminal, monkeypatch: pytest.MonkeyPatch):
    at_prod.run("status", user.account, "--region", "eu-west-1")
    assert "stage prod, eu-west-1, as " in at_prod.out
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    at_prod.run("status", user.account)
    assert "stage prod, ap-east-1, as " in at_prod.out


def test_the_named_profile_is_used(
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
def test_an_invalid_port_is_refused(
    user: User, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, port: str
):
    monkeypatch.setenv("PORT", port)
    assert terminal.run("status", user.account) is Exit.USAGE
    assert "PORT" in terminal.err


@pytest.mark.parametrize("stage", ["Prod", "../x", "", "prod:1"])
def test_an_invalid_stage_is_refused(terminal: Terminal, stage: str):
    terminal.stage = stage
    assert terminal.run("status", "88000001") is Exit.USAGE
    assert "stage" in terminal.err
