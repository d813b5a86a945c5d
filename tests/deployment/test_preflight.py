"""The checks before anything is changed."""

import sys
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from chalicelib.tokens import login_keys
from infra.deploy import preflight
from infra.deploy.console import Stop
from infra.deploy.stage import Stage
from tests.deployment.conftest import SETTINGS, Cloud


def account(free: int, rate: float = 10_000, burst: int = 5_000) -> Cloud:
    limit = {"UnreservedConcurrentExecutions": free}
    return Cloud(
        get_account_settings={"AccountLimit": limit},
        get_account={"throttleSettings": {"rateLimit": rate, "burstLimit": burst}},
    )


def limit(free: int, reserved: int = 0, **fields: Any) -> int:
    return preflight.check_quotas(account(free), Stage(name="trial", **fields), reserved)


@pytest.mark.parametrize(
    ("free", "fields", "limited_to"),
    [
        (1_000, {}, 200),
        (1_000, {"burst": 5_000, "rate": 1_000}, 900),
        (1_000, {"burst": 50, "rate": 5_000}, 500),
        (250, {}, 150),
        (110, {}, 10),
        (109, {}, 0),
        (10, {}, 0),
        (1_000, {"concurrency": 0}, 0),
        (1_000, {"concurrency": 700}, 700),
        (1_000, {"concurrency": 5}, 5),
    ],
)
def test_the_api_is_limited_as_far_as_the_quota_has_room(
    free: int, fields: dict[str, int], limited_to: int
):
    """A hundred executions have to stay for everybody else in the account."""
    assert limit(free, **fields) == limited_to


def test_a_second_run_comes_to_the_same_limit():
    first = limit(250)
    assert limit(250 - first, reserved=first) == first


def test_without_a_limit_it_says_what_that_means(capsys: pytest.CaptureFixture[str]):
    limit(10)
    assert "hold up unbind" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("session", "fields"),
    [
        (account(9), {}),
        (account(1_000, rate=99), {}),
        (account(1_000, burst=199), {}),
        (account(1_000), {"concurrency": 901}),
    ],
)
def test_quotas_below_what_the_stage_lets_through_stop_it(session: Cloud, fields: dict[str, int]):
    with pytest.raises(Stop):
        preflight.check_quotas(session, Stage(name="trial", **fields), 0)


@pytest.mark.parametrize(
    "problem",
    [NoCredentialsError(), ClientError({"Error": {"Code": "ExpiredToken"}}, "GetCallerIdentity")],
)
def test_credentials_that_aws_refuses_stop_it(problem: Exception, stage: Stage):
    with pytest.raises(Stop, match="ap-east-1"):
        preflight.identify(Cloud(get_caller_identity=problem), stage)


def test_valid_settings_pass_without_what_aws_provides(stage: Stage):
    preflight.check_settings(stage)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_that_is_missing_is_named(name: str):
    settings = {key: value for key, value in SETTINGS.items() if key != name}
    with pytest.raises(Stop, match=name):
        preflight.check_settings(Stage(name="trial", settings=settings))


def test_a_stage_without_settings_is_told_of_the_example():
    with pytest.raises(Stop, match="example"):
        preflight.check_settings(Stage(name="trial"))


@pytest.mark.parametrize(("issuer", "warned"), [("极星期货", 0), ("A & B", 1), ("50%", 1)])
def test_an_issuer_that_authenticators_garble_is_warned_of(
    issuer: str, warned: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(preflight, "login_key_warnings", lambda settings: [])
    preflight.check_settings(Stage(name="trial", settings={**SETTINGS, "OTP_ISSUER": issuer}))
    assert capsys.readouterr().out.count("warning") == warned


def test_a_key_set_that_cannot_be_read_is_a_warning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(login_keys, "key_set_problem", lambda url: f"{url} is a discovery document")
    preflight.check_settings(Stage(name="trial", settings=SETTINGS))
    assert "is a discovery document" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["KMS_KEY", "BINDINGS_TABLE", "STAGE"])
def test_a_setting_that_the_templates_provide_is_refused(name: str):
    with pytest.raises(Stop, match=name):
        preflight.check_settings(Stage(name="trial", settings={**SETTINGS, name: "x"}))


def test_parameters_of_the_templates_are_accepted(stage: Stage):
    preflight.check_stage(stage.model_copy(update={"parameters": {"LogDays": 90, "DomainName": "a.b"}}))


@pytest.mark.parametrize("name", ["LogDay", "Rate", "KmsKey", "Stage", "RestApiId"])
def test_a_parameter_that_no_template_takes_or_a_field_decides_is_refused(name: str, stage: Stage):
    with pytest.raises(Stop, match=name):
        preflight.check_stage(stage.model_copy(update={"parameters": {name: "1"}}))


@pytest.mark.parametrize(("version", "refused"), [((3, 11), 1), ((3, 12), 0)])
def test_snapshots_need_python_3_12(version: Any, refused: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "version_info", version)
    stopped = 0
    try:
        preflight.check_stage(Stage(name="trial", snap_start=True))
    except Stop:
        stopped = 1
    assert stopped == refused
