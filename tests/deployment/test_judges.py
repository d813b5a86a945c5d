"""Every template as it is deployed, before judges that know AWS's schemas."""

from collections.abc import Callable
from typing import Any

import pytest
from samtranslator.model.exceptions import InvalidDocumentException

from infra import templates
from infra.deploy import judge
from infra.deploy.console import Stop
from infra.deploy.package import Package, build_package
from infra.deploy.stage import Stage
from tests.deployment.conftest import ROLE, VALUES

REGION = "ap-east-1"


@pytest.fixture
def package(packages, stage: Stage) -> Package:
    return build_package(stage, VALUES, ROLE)


def judged(package: Package) -> None:
    judge.judge(judge.translate(package.template, package.parameters, REGION), REGION)


@pytest.mark.parametrize("region", [REGION, "us-east-1"])
@pytest.mark.parametrize("name", [name for name in templates.NAMES if name != "service"])
def test_templates_of_other_stacks_are_valid(name: str, region: str):
    judge.judge(templates.read(name), region)


def test_the_services_template_is_valid_with_chalices_part(package: Package):
    judged(package)


@pytest.mark.parametrize("fields", [{"traffic": "Linear10PercentEvery1Minute"}, {"concurrency": 0}])
def test_and_so_it_is_with_other_fields_of_the_stages_file(
    packages, stage: Stage, fields: dict[str, Any]
):
    judged(build_package(stage.model_copy(update=fields), VALUES, ROLE))


def test_snapshots_are_valid_from_python_3_12_on(packages, stage: Stage):
    package = build_package(stage.model_copy(update={"snap_start": True}), VALUES, ROLE)
    functions = [
        one for one in package.template["Resources"].values() if "Runtime" in one.get("Properties", {})
    ]
    for function in functions:
        function["Properties"]["Runtime"] = "python3.13"
    judged(package)
    for function in functions:
        function["Properties"]["Runtime"] = "python3.11"
    with pytest.raises(Stop, match="SnapStart"):
        judged(package)


Spoil = Callable[[dict[str, Any]], Any]
SPOILT: dict[str, Spoil] = {
    "a misspelt property": lambda r: r["APIHandler"]["Properties"].update(FunctionNme="x"),
    "a misspelt property of an event": lambda r: r["RecordEvents"]["Properties"]["Events"][
        "RecordEventsDynamodbEventSource"
    ]["Properties"].update(BisectBatch=True),
    "an alarm that is not there": lambda r: r["APIHandler"]["Properties"].update(
        DeploymentPreference={"Type": "Canary10Percent5Minutes", "Alarms": [{"Ref": "Nope"}]}
    ),
    "an alias that is not there": lambda r: r["APIHandlerInvokePermission"]["Properties"].update(
        FunctionName={"Ref": "APIHandlerAliasprod"}
    ),
    "a batch that is too large": lambda r: r["RecordEvents"]["Properties"]["Events"][
        "RecordEventsDynamodbEventSource"
    ]["Properties"].update(BatchSize=100_000),
    "a function that Chalice does not know": lambda r: r.update(
        Typo={"Properties": {"FunctionName": "x"}}
    ),
}


@pytest.mark.parametrize("mistake", SPOILT)
def test_the_judges_find(package: Package, mistake: str):
    SPOILT[mistake](package.template["Resources"])
    with pytest.raises((Stop, InvalidDocumentException)):
        judged(package)
