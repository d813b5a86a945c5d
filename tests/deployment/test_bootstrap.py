"""The administrator's part: run once, told when it is outdated, careful with what is kept."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra import templates
from infra.deploy import bootstrap
from infra.deploy.bootstrap import Bootstrap, ensure
from infra.deploy.console import Stop
from infra.deploy.stacks import ChangeSet
from infra.deploy.stage import Stage
from tests.deployment.conftest import VALUES, Cloud

OURS = "arn:aws:iam::1:role/totp-binding-trial-bootstrap-ApiGatewayLogsRole"
OUTPUTS = {
    "data": {"KmsKey": VALUES["KmsKey"], "BindingsTable": "b"},
    "bootstrap": {"DeployerPolicyArn": "arn:policy"},
    "userpool": {"Issuer": "https://cognito"},
}


class Stacks:
    """Stacks that were deployed from this clone, but for what a test changes."""

    def __init__(self, missing: tuple[str, ...] = (), lost: tuple[str, ...] = ()) -> None:
        self.missing, self.lost = missing, lost
        self.planned: list[tuple[str, dict[str, str]]] = []
        self.executed: list[str] = []
        self.takes_in: list[str] = []
        self.discarded: list[str] = []
        self.protected: list[str] = []
        self.deployed = {name: templates.read(name) for name in OUTPUTS}
        self.refuses: Exception | None = None

    def outputs(self, name: str) -> dict[str, str] | None:
        short = name.rpartition("-")[2]
        return None if short in self.missing and name not in self.executed else OUTPUTS[short]

    def has(self, name: str, template: Any, parameters: dict[str, str]) -> bool:
        self.planned.append((name, parameters))
        return bool(self.deployed[name.rpartition("-")[2]] == template)

    def plan(self, name: str, parameters: dict[str, str], template: Any) -> ChangeSet | None:
        if self.refuses:
            raise self.refuses
        self.planned.append((name, parameters))
        if template["ImportExistingResources"]:
            self.takes_in.append(name)
        return ChangeSet("c", name, "arn", self.lost)

    def execute(self, change_set: ChangeSet) -> None:
        self.executed.append(change_set.stack)

    def discard(self, change_set: ChangeSet) -> None:
        self.discarded.append(change_set.stack)

    def protect(self, name: str, *, protected: bool) -> None:
        self.protected.append(name)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch):
    def given(**how: Any) -> Stacks:
        stacks = Stacks(**how)
        monkeypatch.setattr(bootstrap, "Stacks", lambda cloudformation: stacks)
        return stacks

    return given


def session(role: str | None = None) -> Cloud:
    return Cloud(get_account={"cloudwatchRoleArn": role} if role else {})


def test_data_comes_first_and_its_key_goes_to_the_roles(given, stage: Stage):
    stacks = given(missing=("data", "bootstrap"))
    outputs = ensure(session(), stage)
    assert stacks.executed == ["totp-binding-trial-data", "totp-binding-trial-bootstrap"]
    assert dict(stacks.planned)["totp-binding-trial-bootstrap"]["KmsKey"] == VALUES["KmsKey"]
    assert stacks.protected == stacks.executed
    assert outputs["DeployerPolicyArn"] == "arn:policy"


def test_a_record_that_outlived_its_stack_is_taken_in_and_data_is_not(given, stage: Stage):
    """The key has no name: tables that are taken in would meet a new one, which opens nothing."""
    stacks = given(missing=("data", "bootstrap"))
    ensure(session(), stage)
    assert stacks.takes_in == ["totp-binding-trial-bootstrap"]


def test_one_that_is_up_to_date_is_left_alone(given, stage: Stage):
    stacks = given()
    assert ensure(session(OURS), stage) == {**OUTPUTS["data"], **OUTPUTS["bootstrap"]}
    assert not stacks.executed


@pytest.mark.parametrize("name", ["data", "bootstrap"])
def test_an_outdated_one_stops_the_deployment_and_names_the_command(name: str, given, stage: Stage):
    stacks = given()
    stacks.deployed[name] = {"Resources": {}}
    with pytest.raises(Stop, match=f"totp-binding-trial-{name} is outdated.*make bootstrap STAGE=trial"):
        ensure(session(OURS), stage)
    assert not stacks.executed


def test_a_deployer_without_a_bootstrap_is_told_who_makes_it(given, stage: Stage):
    stacks = given(missing=("bootstrap",))
    stacks.refuses = ClientError({"Error": {"Code": "AccessDenied"}}, "CreateChangeSet")
    with pytest.raises(Stop, match="administrator runs make bootstrap STAGE=trial"):
        ensure(session(), stage)


def test_other_trouble_is_passed_on(given, stage: Stage):
    given(missing=("bootstrap",)).refuses = ClientError(
        {"Error": {"Code": "Throttling"}}, "CreateChangeSet"
    )
    with pytest.raises(ClientError):
        ensure(session(), stage)


def test_an_update_that_would_destroy_the_data_is_discarded(given, stage: Stage):
    stacks = given(lost=("BindingsTable",))
    with pytest.raises(Stop, match="BindingsTable"):
        Bootstrap(session(OURS), stage).run()
    assert stacks.discarded == ["totp-binding-trial-data"]
    assert not stacks.executed


@pytest.mark.parametrize(
    ("role", "sets"),
    [(None, "yes"), (OURS, "yes"), ("arn:aws:iam::1:role/of-somebody-else", "no")],
)
def test_the_role_by_which_api_gateway_logs_is_set_unless_another_does(
    role: str | None, sets: str, given, stage: Stage
):
    stacks = given()
    Bootstrap(session(role), stage).run()
    assert dict(stacks.planned)["totp-binding-trial-bootstrap"]["ApiGatewayLogs"] == sets


def test_a_login_server_is_part_of_it_if_the_stage_asks(given):
    stacks = given()
    outputs = Bootstrap(session(), Stage(name="trial", userpool=True)).run()
    assert stacks.executed[-1] == "totp-binding-trial-userpool"
    assert outputs["Issuer"] == "https://cognito"
