"""The templates are such that CloudFormation accepts them, and keep what must be kept."""

import re
from typing import Any

import pytest
import yaml

from infra import templates
from infra.gateway_answers import REFUSALS, both_languages
from tests.templates import TEXTS, resources

MOST_LINES = 1_820
KEPT = {
    "data": {"BindingsTable", "AuditTable", "KeysTable", "Key", "KeyAlias", "ArtefactBucket"}
    | {"WitnessBucket", "WitnessBucketPolicy"},
    "bootstrap": {"InvocationRecord", "ApiGatewayLogsRole"},
}
"""The resources that hold what cannot be created again, or that others may use by now."""


@pytest.mark.parametrize("name", TEXTS)
def test_no_template_uses_aliases_which_cloudformation_refuses(name: str):
    tokens = list(yaml.scan(TEXTS[name]))
    assert not [token for token in tokens if isinstance(token, yaml.AliasToken | yaml.AnchorToken)]


def test_the_templates_stay_short_enough_to_be_read():
    assert sum(len(text.splitlines()) for text in TEXTS.values()) <= MOST_LINES


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "bootstrap"])
def test_no_other_template_than_the_bootstrap_has_iam(name: str):
    assert [one for one in resources(name).values() if one["Type"].startswith("AWS::IAM")] == []


@pytest.mark.parametrize("name", TEXTS)
def test_no_resource_of_one_stage_matches_a_pattern_of_another(name: str):
    """`totp-binding-uat-*` would match `totp-binding-uat-2-unbind`, if a stage could be named uat-2."""
    allowed = templates.read(name)["Parameters"]["Stage"]["AllowedPattern"]
    assert re.fullmatch(allowed, "prod")
    assert not re.fullmatch(allowed, "uat-2")


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_outlives_its_stack(name: str):
    retained = {
        logical_id
        for logical_id, one in resources(name).items()
        # A failed creation leaves no tables behind whose names the next one would find taken.
        if one.get("DeletionPolicy") == "RetainExceptOnCreate" and one["UpdateReplacePolicy"] == "Retain"
    }
    assert retained == KEPT[name]


def test_tables_can_be_neither_deleted_nor_lost():
    tables = [
        one["Properties"] for one in resources("data").values() if one["Type"] == "AWS::DynamoDB::Table"
    ]
    assert len(tables) == 3
    for table in tables:
        assert table["DeletionProtectionEnabled"] is True
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_protected_tables_come_after_all_that_can_fail():
    """A rollback cannot delete a protected table, so nothing may fail after it was created."""
    data = templates.read("data")["Resources"]
    tables = {name for name, one in data.items() if one["Type"] == "AWS::DynamoDB::Table"}
    for table in tables:
        assert before(data, table) == data.keys() - tables


def before(found: dict[str, dict[str, Any]], name: str) -> set[str]:
    """Return the resources that CloudFormation creates before one."""
    waits_for = set(found[name].get("DependsOn", [])) | (references(found[name]) & found.keys())
    return waits_for.union(*(before(found, one) for one in waits_for))


def references(value: Any) -> set[str]:
    """Return the names that a structure refers to by Ref or Fn::GetAtt."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    named = {value["Ref"]} if "Ref" in value else set(value.get("Fn::GetAtt", [])[:1])
    return named.union(*map(references, value.values()))


@pytest.mark.parametrize(
    ("taker", "givers"), [("bootstrap", ["data"]), ("service", ["data"]), ("edge", ["service"])]
)
def test_a_stack_takes_what_an_earlier_one_gives(taker: str, givers: list[str]):
    """Parameters without a default come from the stage's file or from outputs of the same name."""
    parameters = templates.read(taker)["Parameters"]
    needed = {name for name, one in parameters.items() if "Default" not in one} - {"Stage"}
    # Chalice adds the API's id to the outputs of the service's stack.
    given = {"RestApiId"}.union(*(templates.read(name)["Outputs"] for name in givers))
    assert needed <= given


def test_the_apis_concurrency_is_limited_only_if_asked():
    limit = templates.read("service")["Resources"]["APIHandler"]["Properties"][
        "ReservedConcurrentExecutions"
    ]
    assert limit == {"Fn::If": ["LimitsConcurrency", {"Ref": "Concurrency"}, {"Ref": "AWS::NoValue"}]}
    assert templates.read("service")["Conditions"]["LimitsConcurrency"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "Concurrency"}, 0]}]
    }


def test_the_firewall_shows_nobody_a_login_token():
    firewall = resources("edge")["Firewall"]["Properties"]
    assert firewall["VisibilityConfig"]["SampledRequestsEnabled"] is False
    for rule in firewall["Rules"]:
        assert rule["VisibilityConfig"]["SampledRequestsEnabled"] is False


def counts(rule: dict[str, Any], method: str, path: str) -> bool:
    """Evaluate the statement of a rate-based rule on a request, as WAF does."""
    limited = rule["Statement"]["RateBasedStatement"]
    assert limited["AggregateKeyType"] == "IP"
    return (
        matches(limited["ScopeDownStatement"], method, path) if "ScopeDownStatement" in limited else True
    )


def matches(statement: dict[str, Any], method: str, path: str) -> bool:
    """Evaluate one statement of WAF. KeyError if it is of a kind that is not known here."""
    ((kind, part),) = statement.items()
    if kind == "OrStatement":
        return any(matches(one, method, path) for one in part["Statements"])
    ((field, _),) = part["FieldToMatch"].items()
    value = {"Method": method, "UriPath": path}[field]
    for transformation in part["TextTransformations"]:
        value = {"NONE": str, "LOWERCASE": str.lower}[transformation["Type"]](value)
    test = {"EXACTLY": value.__eq__, "ENDS_WITH": value.endswith}[part["PositionalConstraint"]]
    return bool(kind == "ByteMatchStatement" and test(part["SearchString"]))


@pytest.mark.parametrize(
    "path",
    [
        "/api/verify",
        "/api/verify/",
        "/api/%76erify",
        "/api/bind/confirm",
        "/api/bind/confirm/",
        "/api/bind/%63onfirm",
        "/api//verify",
        "/api/verify;x=1",
        "/api/bind",
    ],
)
@pytest.mark.parametrize("method", ["POST", "post"])
def test_the_rule_for_codes_counts_every_post_however_its_path_is_written(method: str, path: str):
    assert counts(rule_for_codes(), method, path)


def test_the_rule_for_codes_does_not_count_what_sends_no_code():
    assert not counts(rule_for_codes(), "GET", "/api/binding")
    assert not counts(rule_for_codes(), "GET", "/api/.well-known/jwks.json")


def rule_for_codes() -> dict[str, Any]:
    rules: list[dict[str, Any]] = resources("edge")["Firewall"]["Properties"]["Rules"]
    (rule,) = (rule for rule in rules if rule["Name"] == "codes-by-address")
    assert rule["Action"] == {"Block": {}}
    return rule


def test_a_call_that_the_firewall_blocks_is_answered_in_the_contracts_form():
    status, headers, document = both_languages(REFUSALS["WAF_FILTERED"], "some-id")
    assert (status, document["code"], headers["Retry-After"]) == (429, "too_many_requests", "1")
