"""Change sets: planned, printed, executed, discarded, whatever state a stack is in."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.deploy import stacks as module
from infra.deploy.console import Stop
from infra.deploy.stacks import ChangeSet, Stacks
from tests.deployment.conftest import Cloud

NAME, ARN = "totp-binding-trial", "arn:aws:cloudformation:ap-east-1:1:stack/totp-binding-trial/1"
ABSENT = ClientError(
    {"Error": {"Code": "ValidationError", "Message": "Stack x does not exist"}}, "DescribeStacks"
)
TEMPLATE = {"TemplateBody": "{}"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)


def stack(status: str, **more: Any) -> dict[str, Any]:
    return {"Stacks": [{"StackId": ARN, "StackStatus": status, **more}]}


def event(number: int, resource: str, status: str, reason: str = "") -> dict[str, Any]:
    return {
        "EventId": str(number),
        "LogicalResourceId": resource,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


def events(*newest_first: dict[str, Any]) -> dict[str, Any]:
    return {"StackEvents": list(newest_first)}


def change(action: str, resource: str, replacement: str = "False") -> dict[str, Any]:
    detail = {
        "Action": action,
        "LogicalResourceId": resource,
        "ResourceType": "AWS::X::Y",
        "Replacement": replacement,
    }
    return {"ResourceChange": detail}


def planned(*statuses: Any, **described: Any) -> Cloud:
    """A CloudFormation whose stack has these states, one after another, and one change set."""
    found = [one if isinstance(one, Exception) else stack(one) for one in statuses]
    return Cloud(
        describe_stacks=found,
        create_change_set={"Id": "change-set", "StackId": ARN},
        describe_change_set={"Status": "CREATE_COMPLETE", "Changes": [], **described},
        delete_change_set={},
        delete_stack={},
        describe_stack_events=[events(event(9, NAME, "DELETE_COMPLETE"))],
    )


@pytest.mark.parametrize(
    ("status", "kind", "undo"),
    [
        (ABSENT, "CREATE", "DELETE"),
        ("REVIEW_IN_PROGRESS", "CREATE", "DELETE"),
        ("UPDATE_COMPLETE", "UPDATE", None),
    ],
)
def test_a_stack_is_created_or_updated(status: Any, kind: str, undo: str | None):
    cloud = planned(status)
    change_set = Stacks(cloud, "role").plan(NAME, {"A": "1"}, TEMPLATE, undo=True)
    assert change_set == ChangeSet("change-set", NAME, ARN, ())
    [asked] = cloud.called("create_change_set")
    assert (asked["ChangeSetType"], asked.get("OnStackFailure"), asked["RoleARN"]) == (
        kind,
        undo,
        "role",
    )
    assert asked["Parameters"] == [{"ParameterKey": "A", "ParameterValue": "1"}]


@pytest.mark.parametrize(
    "status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"]
)
def test_a_stack_whose_creation_failed_is_deleted_first(status: str):
    cloud = planned(status, status, ABSENT)
    cloud.answers["describe_stack_events"] = [events(), events(event(9, NAME, "DELETE_COMPLETE"))]
    Stacks(cloud).plan(NAME, {}, TEMPLATE)
    order = [name for name, _ in cloud.calls if name in ("delete_stack", "create_change_set")]
    assert order == ["delete_stack", "create_change_set"]
    assert cloud.called("create_change_set")[0]["ChangeSetType"] == "CREATE"


def test_another_run_is_waited_for(capsys: pytest.CaptureFixture[str]):
    cloud = planned("UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
    assert Stacks(cloud).plan(NAME, {}, TEMPLATE) is not None
    assert "by another run" in capsys.readouterr().out


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED"])
def test_a_stack_that_only_a_person_can_help_stops_the_run(status: str):
    cloud = planned(status)
    with pytest.raises(Stop, match="continue-update-rollback"):
        Stacks(cloud).plan(NAME, {}, TEMPLATE)
    assert not cloud.called("create_change_set")


@pytest.mark.parametrize(
    "reason", ["The submitted information didn't contain changes.", "No updates are to be performed."]
)
def test_a_change_set_without_changes_is_deleted_and_said_to_be(
    reason: str, capsys: pytest.CaptureFixture[str]
):
    cloud = planned("CREATE_COMPLETE", Status="FAILED", StatusReason=reason)
    assert Stacks(cloud).plan(NAME, {}, TEMPLATE) is None
    assert cloud.called("delete_change_set") == [{"ChangeSetName": "change-set"}]
    assert "nothing to change" in capsys.readouterr().out


def test_a_refused_change_set_stops_with_cloudformations_words():
    cloud = planned("CREATE_COMPLETE", Status="FAILED", StatusReason="Template is wrong")
    with pytest.raises(Stop, match="Template is wrong"):
        Stacks(cloud).plan(NAME, {}, TEMPLATE)
    assert cloud.called("delete_change_set")


def test_additions_changes_and_replacements_are_printed(capsys: pytest.CaptureFixture[str]):
    changes = [
        change("Add", "New"),
        change("Modify", "Old"),
        change("Modify", "Table", "True"),
        change("Remove", "Gone"),
    ]
    found = Stacks(planned("CREATE_COMPLETE", Changes=changes)).plan(NAME, {}, TEMPLATE)
    assert found is not None
    assert found.lost == ("Table", "Gone")
    printed = capsys.readouterr().out
    assert "add     New (AWS::X::Y)" in printed
    assert "modify  Table (AWS::X::Y, replaced)" in printed
    assert "remove  Gone" in printed


def test_all_pages_of_a_change_set_are_read():
    pages = [
        {"Status": "CREATE_IN_PROGRESS", "Changes": []},
        {"Status": "CREATE_COMPLETE", "Changes": [change("Add", "A")], "NextToken": "more"},
        {"Status": "CREATE_COMPLETE", "Changes": [change("Remove", "B")]},
    ]
    cloud = planned("CREATE_COMPLETE")
    cloud.answers["describe_change_set"] = pages
    found = Stacks(cloud).plan(NAME, {}, TEMPLATE)
    assert found is not None
    assert found.lost == ("B",)


def executed(statuses: list[Any], *seen: dict[str, Any]) -> Cloud:
    cloud = Cloud(
        describe_stacks=[one if isinstance(one, Exception) else stack(one) for one in statuses],
        describe_stack_events=list(seen),
        execute_change_set={},
    )
    Stacks(cloud).execute(ChangeSet("change-set", NAME, ARN, ()))
    return cloud


def test_the_events_of_a_change_are_printed_once_and_none_of_before(capsys: pytest.CaptureFixture[str]):
    old, a, b = (
        event(1, "Old", "UPDATE_COMPLETE"),
        event(2, "A", "UPDATE_COMPLETE"),
        event(3, "B", "CREATE_COMPLETE"),
    )
    executed(["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"], events(old), events(a, old), events(b, a, old))
    printed = capsys.readouterr().out.splitlines()
    assert printed == [f"  {NAME}: A update complete", f"  {NAME}: B create complete"]


def test_a_status_of_before_is_not_taken_for_the_end():
    """CloudFormation may show the old status for a moment after a change set is executed."""
    old, new = event(1, NAME, "CREATE_COMPLETE"), event(2, NAME, "UPDATE_IN_PROGRESS")
    cloud = executed(
        ["CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"],
        events(old),
        events(old),
        events(new, old),
    )
    assert len(cloud.called("describe_stacks")) == 3


@pytest.mark.parametrize("end", ["UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", ABSENT])
def test_a_failed_change_stops_with_its_first_reason(end: Any):
    first = event(2, "Handler", "UPDATE_FAILED", "no such code")
    second = event(3, "Other", "UPDATE_FAILED", "cancelled")
    with pytest.raises(Stop, match="Handler: no such code"):
        executed(["UPDATE_IN_PROGRESS", end], events(), events(second, first))


def test_a_stack_that_cannot_be_deleted_says_why():
    cloud = Cloud(
        describe_stacks=[stack("CREATE_COMPLETE"), stack("DELETE_IN_PROGRESS"), stack("DELETE_FAILED")],
        describe_stack_events=[events(), events(event(2, "Policy", "DELETE_FAILED", "it is attached"))],
        delete_stack={},
    )
    with pytest.raises(Stop, match="Policy: it is attached"):
        Stacks(cloud).remove(NAME)


def test_a_stack_that_is_gone_needs_no_deleting():
    Stacks(Cloud(describe_stacks=ABSENT)).remove(NAME)


def test_other_trouble_is_not_taken_for_an_absent_stack():
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeStacks")
    with pytest.raises(ClientError):
        Stacks(Cloud(describe_stacks=denied)).describe(NAME)


def test_a_stack_that_was_only_planned_has_no_outputs():
    assert Stacks(Cloud(describe_stacks=stack("REVIEW_IN_PROGRESS"))).outputs(NAME) is None
    outputs = [{"OutputKey": "A", "OutputValue": "b"}]
    assert Stacks(Cloud(describe_stacks=stack("UPDATE_COMPLETE", Outputs=outputs))).outputs(NAME) == {
        "A": "b"
    }


@pytest.mark.parametrize(
    ("template", "parameters", "found"),
    [({"A": 1}, {"P": "1"}, "same"), ({"A": 2}, {"P": "1"}, "other"), ({"A": 1}, {"P": "2"}, "other")],
)
def test_a_stack_is_compared_by_template_and_parameters(template: Any, parameters: Any, found: str):
    given = [
        {"ParameterKey": "P", "ParameterValue": "1"},
        {"ParameterKey": "Q", "ParameterValue": "usual"},
    ]
    cloud = Cloud(
        get_template={"TemplateBody": '{"A":1}'},
        describe_stacks=stack("CREATE_COMPLETE", Parameters=given),
    )
    assert Stacks(cloud).has(NAME, template, parameters) is (found == "same")
