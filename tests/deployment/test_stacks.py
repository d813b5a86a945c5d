"""Stacks in every state that an earlier run may have left them in."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.deploy import put_edge, with_user_pool
from infra.deploying import stacks
from infra.deploying.console import Stop
from infra.deploying.stacks import Made, Stacks, Template, read_template
from infra.deploying.stage import Stage
from tests.deployment.conftest import Cloud

TEMPLATE = Template("{}", {"Stage": None, "Part": "all", "Needed": None})


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "POLL_SECONDS", 0)


class Formation(Cloud):
    """CloudFormation with one stack, which goes through these states, one at each look."""

    def __init__(self, *states: str | None, events: Any = (), **answers: Any) -> None:
        usual = {"create_stack": {}, "update_stack": {}, "update_termination_protection": {}}
        super().__init__(**usual, delete_stack={}, **answers)
        self.states = list(states)
        self.events = list(events)
        self.outputs: dict[str, str] = {}
        self.protected = False

    def describe_stacks(self, **asked: Any) -> Any:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state is None:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "x")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        stack = {"StackStatus": state, "EnableTerminationProtection": self.protected}
        return {"Stacks": [stack | {"Outputs": outputs}]}

    def describe_stack_events(self, **asked: Any) -> Any:
        return {"StackEvents": self.events}

    def get_paginator(self, name: str) -> Any:
        events = self.events
        return type("Pages", (), {"paginate": lambda *_, **__: [{"StackEvents": events}]})()

    @property
    def done(self) -> list[str]:
        return [name for name, _ in self.calls]


def test_a_new_stack_is_created_with_the_values_it_has_parameters_for():
    formation = Formation(None, "CREATE_COMPLETE")
    Stacks(formation).put("s", TEMPLATE, {"Stage": "prod", "Other": "x"}, keep=True)
    [(name, asked)] = formation.calls
    assert name == "create_stack"
    given = {one["ParameterKey"]: one["ParameterValue"] for one in asked["Parameters"]}
    assert given == {"Stage": "prod", "Part": "all"}
    assert asked["EnableTerminationProtection"] is True


@pytest.mark.parametrize("state", ["IMPORT_COMPLETE", "CREATE_COMPLETE"])
def test_one_that_is_kept_is_protected_again_where_it_was_not(state: str):
    formation = Formation(state, "UPDATE_COMPLETE")
    Stacks(formation).put("s", TEMPLATE, {}, keep=True)
    protection = (
        "update_termination_protection",
        {"StackName": "s", "EnableTerminationProtection": True},
    )
    assert formation.calls[0] == protection
    formation.protected = True
    Stacks(formation).put("s", TEMPLATE, {}, keep=True)
    assert formation.done == ["update_termination_protection", "update_stack", "update_stack"]


def test_what_an_unfinished_creation_left_is_removed_first():
    formation = Formation("ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", None, "CREATE_COMPLETE")
    Stacks(formation).put("s", TEMPLATE, {})
    assert formation.done == ["update_termination_protection", "delete_stack", "create_stack"]


def test_an_update_that_is_under_way_is_waited_for():
    formation = Formation("UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
    Stacks(formation).put("s", TEMPLATE, {})
    assert formation.done == ["update_stack"]


def test_a_stack_that_only_a_person_can_help_stops_the_deployment():
    with pytest.raises(Stop, match="UPDATE_ROLLBACK_FAILED"):
        Stacks(Formation("UPDATE_ROLLBACK_FAILED")).put("s", TEMPLATE, {})


def test_nothing_to_update_is_no_failure(capsys):
    nothing = ClientError({"Error": {"Message": "No updates are to be performed."}}, "UpdateStack")
    formation = Formation("CREATE_COMPLETE")
    formation._answers["update_stack"] = nothing
    Stacks(formation).put("s", TEMPLATE, {})
    assert "nothing to change" in capsys.readouterr().out


def test_a_failure_is_told_by_its_first_reason():
    rows = [("Later", "CREATE_FAILED", "cancelled"), ("Key", "CREATE_FAILED", "no right")]
    events = [
        {
            "EventId": name,
            "LogicalResourceId": name,
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
        }
        for name, status, reason in rows
    ]
    with pytest.raises(Stop, match="Key: no right"):
        Stacks(Formation(None, "ROLLBACK_COMPLETE", events=events)).put("s", TEMPLATE, {})


def event(resource: str, status: str, name: str = "") -> dict[str, str]:
    kind = "AWS::CloudFormation::Stack" if resource == "s" else f"AWS::{resource}"
    return {
        "EventId": f"{resource} {status} {name}",
        "LogicalResourceId": resource,
        "PhysicalResourceId": name,
        "ResourceType": kind,
        "ResourceStatus": status,
    }


ATTEMPT = [
    event("s", "CREATE_IN_PROGRESS", "arn"),
    event("Key", "CREATE_IN_PROGRESS"),
    event("Key", "CREATE_IN_PROGRESS", "key-1"),
    event("Key", "CREATE_COMPLETE", "key-1"),
    event("Role", "CREATE_COMPLETE", "role-1"),
    event("Table", "CREATE_IN_PROGRESS", "table-1"),
    event("Bucket", "CREATE_IN_PROGRESS"),
    event("Bucket", "CREATE_FAILED", "somebody-elses"),
    event("Table", "CREATE_FAILED", "table-1"),
    event("s", "ROLLBACK_IN_PROGRESS", "arn"),
    event("Role", "DELETE_COMPLETE", "role-1"),
    event("Table", "DELETE_FAILED", "table-1"),
]
"""A first creation that met a bucket, and could not be taken back because of a table."""


@pytest.mark.parametrize("state", ["ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"])
def test_a_failed_creation_has_left_what_it_made_and_not_what_it_met(state: str):
    formation = Formation(state, events=ATTEMPT[::-1])
    left = Stacks(formation).left_by_creation("s")
    assert left == [Made("AWS::Key", "key-1"), Made("AWS::Table", "table-1")]
    assert formation.done == []


@pytest.mark.parametrize(
    "reason",
    [
        "totp-binding-prod-audit already exists in stack arn:aws:cloudformation:ap-east-1:1:stack/other",
        'Resource handler returned message: "taken" (RequestToken: 1, HandlerErrorCode: AlreadyExists)',
    ],
)
def test_what_it_met_was_not_made_though_its_name_was_told_at_first(reason: str):
    met = event("Table", "CREATE_FAILED", "table-1") | {"ResourceStatusReason": reason}
    formation = Formation("ROLLBACK_FAILED", events=[*ATTEMPT[:6], met][::-1])
    left = Stacks(formation).left_by_creation("s")
    assert left == [Made("AWS::Key", "key-1"), Made("AWS::Role", "role-1")]


@pytest.mark.parametrize(
    "history",
    [
        [*ATTEMPT[:4], event("s", "CREATE_COMPLETE", "arn")],
        # Kept as it was when it failed, and finished by an update.
        [*ATTEMPT[:9], event("s", "CREATE_FAILED", "arn"), event("s", "UPDATE_COMPLETE", "arn")],
        [event("s", "IMPORT_COMPLETE", "arn"), event("s", "UPDATE_IN_PROGRESS", "arn"), *ATTEMPT[1:4]],
        # Made so long ago that it is not told of any more.
        ATTEMPT[1:4],
    ],
    ids=["created", "finished later", "imported", "long ago"],
)
def test_a_stack_that_may_have_been_in_use_has_left_nothing_that_may_be_deleted(history: list[Any]):
    events = [*history, event("s", "DELETE_IN_PROGRESS", "arn"), event("s", "DELETE_FAILED", "arn")]
    assert Stacks(Formation("DELETE_FAILED", events=events[::-1])).left_by_creation("s") == []


def test_a_stack_that_is_there_is_updated_and_one_that_is_not_has_left_nothing():
    assert Stacks(Formation("UPDATE_COMPLETE")).left_by_creation("s") is None
    assert Stacks(Formation(None)).left_by_creation("s") == []


def test_short_forms_are_written_out(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(
        "Resources:\n"
        "  A: {B: !Ref C, D: !GetAtt E.F.G, H: !Sub 'x${I}', J: !If [K, !Ref L, !Ref M]}\n"
        "Parameters: {C: {Type: String}, D: {Type: Number, Default: 5}, E: {Default: ''}}\n"
    )
    template = read_template(path)
    assert template.parameters == {"C": None, "D": "5", "E": ""}
    assert json.loads(template.body)["Resources"]["A"] == {
        "B": {"Ref": "C"},
        "D": {"Fn::GetAtt": ["E", "F.G"]},
        "H": {"Fn::Sub": "x${I}"},
        "J": {"Fn::If": ["K", {"Ref": "L"}, {"Ref": "M"}]},
    }


def test_a_template_that_needs_a_bucket_stops_the_deployment(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text("Description: " + "x" * stacks.LARGEST_TEMPLATE)
    with pytest.raises(Stop, match=r"t\.yaml"):
        read_template(path)


def test_the_edge_is_told_which_api_it_stands_in_front_of():
    formation = Formation(None, "CREATE_COMPLETE")
    put_edge(Stage("prod", parameters={"CallsByAddress": "50"}), Stacks(formation), "abc", "api")
    [(_, asked)] = formation.calls
    given = {one["ParameterKey"]: one["ParameterValue"] for one in asked["Parameters"]}
    assert asked["StackName"] == "totp-binding-prod-edge"
    assert given.items() >= {
        ("Stage", "prod"),
        ("RestApiId", "abc"),
        ("ApiStage", "api"),
        ("CallsByAddress", "50"),
        ("DomainName", ""),
    }


POOL = {"Issuer": "https://login.example/pool", "DesktopClientId": "d", "MobileClientId": "m"}


def test_a_user_pool_is_made_when_asked_for_and_found_again_when_not():
    formation = Formation(None, None, "CREATE_COMPLETE")
    formation.outputs = POOL
    made = with_user_pool(Stage("prod"), Stacks(formation), create=True)
    assert formation.done == ["create_stack"]
    found = with_user_pool(Stage("prod"), Stacks(formation), create=False)
    assert formation.done == ["create_stack"]
    assert made.settings == found.settings
    assert found.settings["LOGIN_ISSUER"] == POOL["Issuer"]


def test_without_a_user_pool_the_stages_own_settings_hold():
    stage = Stage("prod", settings={"LOGIN_ISSUER": "https://own.example"})
    assert with_user_pool(stage, Stacks(Formation(None)), create=False) is stage
