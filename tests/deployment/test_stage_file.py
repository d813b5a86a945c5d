"""What ops write down for a stage."""

import json

import pytest

from infra.deploy import deploy
from infra.deploying.console import Stop
from infra.deploying.preflight import check_settings
from infra.deploying.stacks import read_template
from infra.deploying.stage import STAGES, Stage, read_stage
from infra.environment import ROOT
from tests.kit.login import CLIENTS, SETTINGS


def test_a_stage_goes_to_hong_kong_unless_told(stage_file):
    assert stage_file({}).region == "ap-east-1"
    assert stage_file({"region": "ap-southeast-1"}).region == "ap-southeast-1"
    assert stage_file({"region": "ap-southeast-1"}, "eu-west-1").region == "eu-west-1"


def test_settings_written_as_objects_reach_the_environment_as_json(stage_file):
    given = stage_file({"settings": {**SETTINGS, "LOGIN_CLIENTS": CLIENTS, "LOGIN_AGE": 240}})
    assert json.loads(given.settings["LOGIN_CLIENTS"]) == CLIENTS
    assert given.settings["LOGIN_AGE"] == "240"
    check_settings(given)


def test_the_example_is_a_stage_that_would_be_deployed():
    example = json.loads((STAGES / "example.json").read_text("utf-8"))
    check_settings(read_stage("example"))
    assert example.keys() | {"url"} == set(Stage.__slots__) - {"name"}


@pytest.mark.parametrize("content", ["{", "[]", '{"setings": {}}'])
def test_a_file_that_cannot_be_meant_stops_the_deployment(stage_file, content: str):
    with pytest.raises(Stop, match=r"trial\.json"):
        stage_file(content)


@pytest.mark.parametrize("name", ["", "Prod", "-", "a" * 21, "prod\n", "../prod"])
def test_a_name_that_aws_would_not_take_stops_the_deployment(name: str):
    with pytest.raises(Stop, match="STAGE"):
        read_stage(name)


@pytest.mark.parametrize(("region", "room"), [("ap-southeast-1", 10), ("ap-east-1", 15)])
def test_a_name_that_leaves_a_bucket_no_room_stops_the_deployment(region: str, room: int):
    account = "123456789012"
    stage = read_stage("a" * room, region)
    template = json.loads(read_template(ROOT / "infra" / "resources.yaml").body)
    name = template["Resources"]["InvocationRecord"]["Properties"]["BucketName"]["Fn::Sub"]
    given = {"Stage": stage.name, "AWS::AccountId": account, "AWS::Region": region}
    for parameter, value in given.items():
        name = name.replace(f"${{{parameter}}}", value)
    assert len(name) == 63
    with pytest.raises(Stop, match=f"STAGE may have {room} characters at most in {region}"):
        read_stage("a" * (room + 1), region)


@pytest.mark.parametrize("missing", ["OTP_ISSUER", "LOGIN_ISSUER", "LOGIN_CLIENTS", "LOGIN_KEY_SET"])
def test_a_missing_setting_stops_the_deployment_by_its_name(stage_file, missing: str):
    settings = {name: value for name, value in SETTINGS.items() if name != missing}
    with pytest.raises(Stop, match=missing):
        check_settings(stage_file({"settings": settings}))


def test_a_user_pool_of_the_stage_gives_the_login_settings():
    pool = {
        "Issuer": "https://cognito-idp.ap-east-1.amazonaws.com/ap-east-1_x",
        "DesktopClientId": "d",
        "MobileClientId": "m",
    }
    settings = {name: value for name, value in SETTINGS.items() if not name.startswith("LOGIN_")}
    stage = Stage("trial", settings=settings).logging_in_by(pool)
    check_settings(stage)
    clients = json.loads(stage.settings["LOGIN_CLIENTS"])
    assert clients == {
        "d": {"channel": "desktop", "may_bind": True},
        "m": {"channel": "mobile", "may_bind": False},
    }


def test_a_user_pool_is_not_asked_for_beside_login_settings_of_ones_own():
    own = Stage("trial", settings={"LOGIN_ISSUER": "https://own.example", "LOGIN_CLIENTS": "{}"})
    with pytest.raises(Stop, match=r"trial\.json has LOGIN_ISSUER, LOGIN_CLIENTS, which"):
        own.check_for_user_pool()
    with pytest.raises(Stop, match="USERPOOL=1"):
        deploy(own, userpool=True)
    Stage("trial", settings={"LOGIN_AGE": "240", "OTP_ISSUER": "x"}).check_for_user_pool()
