"""The policies say of each row of the table what the table says, and the page prints the table."""

from collections.abc import Iterator
from copy import deepcopy

import pytest

from tests.permissions.page import PAGE, page
from tests.permissions.rendered import STAFF_ROLES, Rendered, listed, read_stack
from tests.permissions.simulator import Policy, judge
from tests.permissions.table import PEOPLE, ROWS

TABLE = [row for _, rows in ROWS for row in rows]


@pytest.fixture(scope="module")
def rendered(aws: dict[str, str]) -> Rendered:
    return read_stack()


def test_every_row_holds(rendered: Rendered):
    judged = judge(rendered.question(row.who, row.request(rendered.resources)) for row in TABLE)
    assert [row for row, allowed in zip(TABLE, judged, strict=True) if allowed is not row.may] == []


def test_the_session_of_a_role_knows_nothing_of_mfa():
    """AWS puts no aws:MultiFactorAuthPresent into what AssumeRole hands out."""
    assert [row for row in TABLE if row.mfa is not None and row.who not in PEOPLE] == []


def test_the_page_prints_the_table():
    assert PAGE.read_text("utf-8") == page()


def test_no_condition_is_idle(rendered: Rendered):
    """Each condition of each policy refuses something that the table says is refused."""
    loosened = [
        (f"{who}: {said}", who, policy)
        for who in rendered.policies
        for policies in [rendered.policies[who]]
        for said, policy in without_each_condition(policies[0])
    ]
    refused = [row for row in TABLE if not row.may]
    questions = [
        (said, rendered.question(who, row.request(rendered.resources), (policy,)))
        for said, who, policy in loosened
        for row in refused
        if row.who == who
    ]
    judged = judge((question for _, question in questions), strict=False)
    let_through = {said for (said, _), allowed in zip(questions, judged, strict=True) if allowed}
    assert [said for said, _, _ in loosened if said not in let_through] == []


@pytest.mark.parametrize("who", [*PEOPLE, *(f"{name} role" for name in STAFF_ROLES)])
def test_staff_may_nothing_that_the_table_leaves_out(who: str, rendered: Rendered):
    allowed = {(row.action, row.on) for row in TABLE if row.who == who and row.may}
    (policy,) = rendered.policies[who]
    given = {
        (action, resource)
        for statement in policy["Statement"]
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }
    names = {arn: name for name, arn in rendered.resources.items()}
    names[rendered.resources["invocations"] + "/*"] = "an invocation"
    names[rendered.resources["witness"] + "/*"] = "a witness"
    assert {(action, names[resource]) for action, resource in given} == allowed


def test_nothing_is_given_by_pattern(rendered: Rendered):
    """No action and no resource has a wildcard, but for log streams, objects of the record, and
    the one action that knows no resources."""
    for who in (name for name in rendered.policies if name not in ("administrator", "another role")):
        for statement in rendered.policies[who][0]["Statement"]:
            for action in listed(statement["Action"]):
                assert "*" not in action
                for resource in listed(statement["Resource"]):
                    exact = resource.removesuffix(":*" if action.startswith("logs:") else "/*")
                    assert "*" not in exact or action == "dynamodb:ListStreams"


def without_each_condition(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """The policy with one condition key less, each in turn, and which."""
    for index, statement in enumerate(policy["Statement"]):
        for operator, keys in statement.get("Condition", {}).items():
            for key in keys:
                looser = deepcopy(policy)
                del looser["Statement"][index]["Condition"][operator][key]
                yield f"{statement['Sid']}: {operator} {key}", looser
