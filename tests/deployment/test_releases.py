"""Releases in the artefact bucket, and the way back."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.deploy.artefacts import Artefact, Artefacts
from infra.deploy.console import Stop
from infra.deploy.deployment import Deployment
from infra.deploy.package import Package
from infra.deploy.releases import Bucket, Release
from infra.deploy.stacks import ChangeSet
from infra.deploy.stage import Stage
from tests.deployment.conftest import VALUES, Cloud

NAME = "artefacts-of-trial"
BOOTSTRAP = {
    "CloudFormationRoleArn": "arn:role",
    "CodeDeployRoleArn": "arn:canary",
    "ArtefactBucket": NAME,
    "BindingsTable": "bindings",
    "KmsKey": VALUES["KmsKey"],
}
TABLE = {"Table": {"StreamSpecification": {"StreamEnabled": True}, "LatestStreamArn": "arn:restored"}}


class S3:
    """A bucket in memory."""

    meta = type("Meta", (), {"endpoint_url": "https://s3.ap-east-1.amazonaws.com"})

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.writes: list[str] = []

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        assert Bucket == NAME
        self.objects[Key] = Body
        self.writes.append(Key)

    def head_object(self, Bucket: str, Key: str) -> None:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "404"}}, "HeadObject")

    def get_object(self, Bucket: str, Key: str) -> Any:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": type("Body", (), {"read": lambda _: self.objects[Key]})()}


@pytest.fixture
def package(tmp_path: Path) -> Package:
    (tmp_path / "code.zip").write_bytes(b"code")
    (tmp_path / "layer.zip").write_bytes(b"layer")
    template = {
        "Resources": {
            "APIHandler": {"Properties": {"CodeUri": "./deployment.zip"}},
            "ManagedLayer": {"Properties": {"ContentUri": "./layer-deployment.zip"}},
            "Topic": {"Properties": {}},
        },
        "Outputs": {"Release": {"Value": "r2"}},
    }
    code, layer = (Artefact(tmp_path / f"{name}.zip", 4, 4, name) for name in ("code", "layer"))
    return Package(template, {"Stage": "trial"}, Artefacts(code, layer))


def test_zips_and_template_are_uploaded_by_their_content(package: Package):
    s3 = S3()
    release = Bucket(s3, NAME).upload(package, "r1")
    assert sorted(key.split("/")[0] for key in s3.writes) == ["code", "layer", "templates"]
    uploaded = json.loads(s3.objects[release.template])["Resources"]
    [code] = [key for key in s3.writes if key.startswith("code")]
    assert uploaded["APIHandler"]["Properties"]["CodeUri"] == f"s3://{NAME}/{code}"
    assert uploaded["ManagedLayer"]["Properties"]["ContentUri"].startswith(f"s3://{NAME}/layer/")
    assert (release.id, release.before, release.code, release.layer) == ("r2", "r1", "code", "layer")


def test_what_is_there_is_not_uploaded_again(package: Package):
    s3 = S3()
    Bucket(s3, NAME).upload(package, None)
    s3.writes.clear()
    Bucket(s3, NAME).upload(package, None)
    assert s3.writes == []


def test_cloudformation_reads_the_template_by_its_address(package: Package):
    bucket = Bucket(S3(), NAME)
    url = bucket.url(bucket.upload(package, None))
    assert url.startswith(f"https://s3.ap-east-1.amazonaws.com/{NAME}/templates/")


def test_a_release_is_found_as_it_was_recorded():
    bucket = Bucket(S3(), NAME)
    release = Release("r2", "r1", "templates/t.json", {"Stage": "trial"}, "c", "l")
    bucket.record(release)
    assert bucket.find("r2") == release
    assert bucket.find("r1") is None


class Stacks:
    """The service's stack at one release, after the releases before it."""

    def __init__(self, serving: str | None) -> None:
        self.serving = serving
        self.planned: list[tuple[str, dict[str, str], str]] = []

    def outputs(self, name: str) -> dict[str, str] | None:
        return {"Release": self.serving, "RestAPIId": "a1"} if self.serving else None

    def plan(
        self, name: str, parameters: dict[str, str], template: dict[str, str], *, undo: bool
    ) -> Any:
        self.planned.append((name, parameters, template["TemplateURL"]))
        return ChangeSet("c", name, "arn", ())

    def execute(self, change_set: ChangeSet) -> None:
        pass


def deployment(stage: Stage, stacks: Stacks, s3: S3) -> Deployment:
    made = Deployment(Cloud(describe_table=TABLE), stage, BOOTSTRAP)
    made._stacks = stacks  # type: ignore[assignment]
    made._bucket = Bucket(s3, NAME)
    made._finish = lambda: None  # type: ignore[method-assign]
    return made


def test_a_rollback_deploys_the_template_and_parameters_of_before(stage: Stage):
    s3, stacks = S3(), Stacks("r2")
    Bucket(s3, NAME).record(
        Release(
            "r1",
            None,
            "templates/1.json",
            {"Rate": "7", "KmsKey": "old", "BindingsStreamArn": "old"},
            "",
            "",
        )
    )
    Bucket(s3, NAME).record(Release("r2", "r1", "templates/2.json", {"Rate": "8"}, "", ""))
    deployment(stage, stacks, s3).go_back()
    [(name, parameters, url)] = stacks.planned
    assert name == "totp-binding-trial"
    assert url.endswith("templates/1.json")
    # The table may have been restored since: what the data decides is as it is now.
    assert parameters == {"Rate": "7", "KmsKey": VALUES["KmsKey"], "BindingsStreamArn": "arn:restored"}


@pytest.mark.parametrize("serving", [None, "r1", "unknown"])
def test_without_a_release_before_there_is_no_way_back(serving: str | None, stage: Stage):
    s3, stacks = S3(), Stacks(serving)
    Bucket(s3, NAME).record(Release("r1", None, "templates/1.json", {}, "", ""))
    with pytest.raises(Stop, match="no release before"):
        deployment(stage, stacks, s3).go_back()
    assert not stacks.planned


@pytest.mark.parametrize(("serving", "before"), [("r1", "r1"), ("r2", "r1"), (None, None)])
def test_a_release_remembers_what_it_replaced(
    serving: str | None,
    before: str | None,
    stage: Stage,
    package: Package,
    monkeypatch: pytest.MonkeyPatch,
):
    """Deployed again, as after the commands by hand, it still knows the one before."""
    s3 = S3()
    Bucket(s3, NAME).record(Release("r2", "r1", "templates/2.json", {}, "", ""))
    made = deployment(stage, Stacks(serving), s3)
    monkeypatch.setattr(made, "package", lambda: package)
    monkeypatch.setattr(made, "_check_alias", lambda: None)
    monkeypatch.setattr(made, "_say_what_next", lambda: None)
    made.run()
    assert json.loads(s3.objects["releases/r2.json"])["before"] == before


def test_a_table_without_a_stream_stops_the_deployment(stage: Stage):
    session = Cloud(describe_table={"Table": {}})
    made = Deployment(session, stage, BOOTSTRAP)
    with pytest.raises(Stop, match="no stream"):
        made._from_data()


@pytest.mark.parametrize(("version", "warned"), [("4", 0), ("3", 1), ("14", 1)])
def test_an_alias_that_was_moved_by_hand_is_told_of(
    version: str, warned: int, stage: Stage, capsys: pytest.CaptureFixture[str]
):
    session = Cloud(
        get_alias={"FunctionVersion": version},
        list_stack_resources={
            "StackResourceSummaries": [
                {
                    "ResourceType": "AWS::Lambda::Version",
                    "PhysicalResourceId": "arn:aws:lambda:ap-east-1:1:function:totp-binding-trial:4",
                }
            ]
        },
    )
    Deployment(session, stage, BOOTSTRAP)._check_alias()
    assert capsys.readouterr().out.count("moved by hand") == warned


def test_the_session_of_a_stage_is_of_its_region(stage: Stage):
    assert isinstance(stage.session(), boto3.Session)
    assert stage.session().region_name == "ap-east-1"
