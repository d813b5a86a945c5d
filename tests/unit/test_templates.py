"""The templates are such that CloudFormation takes them, and keep what must be kept."""

import pytest
import yaml

from infra.gateway_answers import REFUSALS, both_languages
from tests.templates import TEXTS, resources

OF_DATA = ("HasData", "MakesRecord")


@pytest.mark.parametrize("name", TEXTS)
def test_no_template_uses_aliases_which_cloudformation_refuses(name: str):
    tokens = list(yaml.scan(TEXTS[name]))
    assert not [token for token in tokens if isinstance(token, yaml.AliasToken | yaml.AnchorToken)]


def test_everything_belongs_to_one_of_the_two_stacks():
    conditions = {part["Condition"] for part in resources("resources.yaml").values()}
    assert conditions == {*OF_DATA, "HasService"}


def test_the_data_outlives_its_stack():
    kept = [part for part in resources("resources.yaml").values() if part["Condition"] in OF_DATA]
    assert {part["Type"] for part in kept} >= {"AWS::DynamoDB::Table", "AWS::KMS::Key"}
    for part in kept:
        assert part["UpdateReplacePolicy"] == "Retain"
        # A first deployment that fails leaves no tables whose names the next one would find taken.
        assert part["DeletionPolicy"] == "RetainExceptOnCreate"


def test_tables_can_be_neither_deleted_nor_lost():
    tables = [
        part["Properties"]
        for part in resources("resources.yaml").values()
        if part["Type"] == "AWS::DynamoDB::Table"
    ]
    assert len(tables) == 3
    for table in tables:
        assert table["DeletionProtectionEnabled"] is True
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_the_firewall_shows_nobody_a_login_token():
    firewall = resources("edge.yaml")["Firewall"]["Properties"]
    assert firewall["VisibilityConfig"]["SampledRequestsEnabled"] is False
    for rule in firewall["Rules"]:
        assert rule["VisibilityConfig"]["SampledRequestsEnabled"] is False


def test_a_call_that_the_firewall_blocks_is_answered_in_the_contracts_form():
    status, headers, document = both_languages(REFUSALS["WAF_FILTERED"], "some-id")
    assert (status, document["code"], headers["Retry-After"]) == (429, "too_many_requests", "1")
