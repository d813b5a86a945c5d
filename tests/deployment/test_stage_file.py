"""The stage's file: what is accepted, and what follows from it."""

import json
from pathlib import Path

import pytest

from infra.deploy import stage as stages
from infra.deploy.console import Stop
from infra.deploy.stage import Stage, read_stage
from infra.environment import ROOT


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stages, "STAGES", tmp_path)

    def write(content: object) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "trial.json").write_text(text, "utf-8")

    return write


def test_the_example_is_a_stage_with_every_usual_value_spelled_out():
    example = read_stage("example")
    usual = Stage(name="example", settings=example.settings)
    assert example == usual
    fields = json.loads((ROOT / "infra" / "stages" / "example.json").read_text("utf-8")).keys()
    assert fields | {"name", "url", "userpool", "concurrency"} == Stage.model_fields.keys()


def test_without_a_file_a_stage_has_no_settings(write):
    stage = read_stage("trial")
    assert (stage.region, stage.settings, stage.edge) == ("ap-east-1", {}, True)


def test_the_region_of_the_command_line_takes_precedence(write):
    write({"region": "ap-southeast-1"})
    assert read_stage("trial").region == "ap-southeast-1"
    assert read_stage("trial", "us-east-1").region == "us-east-1"


def test_settings_become_an_environment_of_text(write):
    write({"settings": {"A": "文", "B": {"c": ["极"]}, "D": 300}})
    assert read_stage("trial").environment == {"A": "文", "B": '{"c": ["极"]}', "D": "300"}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"ratte": 100}, "ratte"),
        ({"rate": "many"}, "rate"),
        ({"rate": 0}, "rate"),
        ({"architecture": "sparc"}, "architecture"),
        ({"traffic": "Sometimes"}, "traffic"),
        ({"timeout": 30}, "timeout"),
        ({"region": "hong kong"}, "region"),
        ({"url": "2fa.broker.example"}, "url"),
        ({"name": "prod"}, "name"),
        ("{", "JSON"),
        ("[]", "JSON"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(write, content: object, word: str):
    write(content)
    with pytest.raises(Stop, match=word):
        read_stage("trial")


@pytest.mark.parametrize("name", ["", "Prod", "uat-2", "../prod", "a" * 21, "1st", "prod\n"])
def test_names_that_a_template_would_refuse_are_refused(name: str):
    with pytest.raises(Stop):
        read_stage(name)


def test_a_user_pool_and_login_settings_of_its_own_exclude_each_other(write):
    write({"userpool": True, "settings": {"LOGIN_ISSUER": "https://login"}})
    with pytest.raises(Stop, match="LOGIN_ISSUER"):
        read_stage("trial")


def test_a_user_pool_provides_the_login_settings():
    pool = {"Issuer": "https://cognito/p", "DesktopClientId": "d", "MobileClientId": "m"}
    given = Stage(name="trial", userpool=True).with_user_pool(pool).settings
    assert given["LOGIN_KEY_SET_URL"] == "https://cognito/p/.well-known/jwks.json"
    assert given["LOGIN_CLIENTS"] == {
        "d": {"channel": "desktop", "may_bind": True},
        "m": {"channel": "mobile", "may_bind": False},
    }


def test_stacks_are_named_after_the_stage():
    names = [Stage(name="prod").stack_of(one) for one in ("data", "bootstrap", "service", "edge")]
    assert names == [
        "totp-binding-prod-data",
        "totp-binding-prod-bootstrap",
        "totp-binding-prod",
        "totp-binding-prod-edge",
    ]
