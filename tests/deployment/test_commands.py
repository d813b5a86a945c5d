"""The commands: what each one does, and how it ends."""

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.deploy import commands, destroy, link
from infra.deploy.commands import COMMANDS, main
from infra.deploy.console import Stop
from infra.deploy.package import by_hand
from infra.deploy.stage import Stage
from infra.environment import ROOT
from tests.deployment.conftest import Cloud

MOST_LINES, MOST_LINES_OF_A_FILE = 2_200, 250


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud(get_caller_identity={"Account": "1", "Arn": "arn:me"})
    monkeypatch.setattr(Stage, "session", lambda self: cloud)
    return cloud


class Stacks:
    """The stacks that are left, by name."""

    def __init__(self, *names: str, held: str = "") -> None:
        self.names = [f"totp-binding-trial{name}" for name in names]
        self.removed: list[str] = []
        self._held = held

    def describe(self, name: str) -> dict[str, Any] | None:
        return {} if name in self.names else None

    def outputs(self, name: str) -> dict[str, str] | None:
        given = {"BindingsTable": "b", "KmsKey": "arn:key/1", "ArtefactBucket": "artefacts"}
        return given if name in self.names else None

    def remove(self, name: str) -> None:
        if name in self.names:
            if self._held and name.endswith(self._held):
                raise Stop("a policy is attached")
            self.names.remove(name)
            self.removed.append(name)

    def protect(self, name: str, *, protected: bool) -> None:
        assert not protected


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> Stacks:
    made = Stacks("", "-edge", "-data", "-bootstrap")
    monkeypatch.setattr(commands, "Stacks", lambda cloudformation: made)
    return made


def test_destroy_removes_the_service_and_keeps_the_data(
    session: Cloud,
    stacks: Stacks,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(link, "DEPLOYED", tmp_path)
    (tmp_path / "trial.json").write_text("{}")
    assert main(["destroy", "--stage", "trial"]) == 0
    # The firewall goes before the API that it is associated with.
    assert stacks.removed == ["totp-binding-trial-edge", "totp-binding-trial"]
    assert stacks.names == ["totp-binding-trial-data", "totp-binding-trial-bootstrap"]
    assert "kept         totp-binding-trial-data" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("typed", ["", "\n", "prod\n", "Trial\n"])
def test_with_data_it_wants_the_stages_name(
    typed: str, session: Cloud, stacks: Stacks, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert main(["destroy", "--stage", "trial", "--with-data"]) == 1
    assert stacks.removed == []


def removal() -> Cloud:
    return Cloud(
        update_table={},
        get_waiter=lambda name: None,
        delete_table={},
        delete_alias={},
        schedule_key_deletion={},
        list_object_versions={
            "Versions": [{"Key": "k", "VersionId": "1"}],
            "DeleteMarkers": [{"Key": "k", "VersionId": "2"}],
        },
        delete_objects={},
        delete_bucket={},
    )


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    made = removal()
    monkeypatch.setattr(Cloud, "get_waiter", lambda self, name: Cloud(wait={}), raising=False)
    return made


def test_the_stack_that_names_the_data_goes_last(cloud: Cloud, stage: Stage):
    stacks = Stacks("-data", "-bootstrap")
    destroy.remove_data(cloud, stacks, stage)  # type: ignore[arg-type]
    assert stacks.removed == ["totp-binding-trial-bootstrap", "totp-binding-trial-data"]
    assert cloud.called("update_table") == [{"TableName": "b", "DeletionProtectionEnabled": False}]
    assert cloud.called("schedule_key_deletion") == [{"KeyId": "arn:key/1", "PendingWindowInDays": 30}]
    [deleted] = cloud.called("delete_objects")
    assert [one["VersionId"] for one in deleted["Delete"]["Objects"]] == ["1", "2"]


def test_a_run_that_was_cut_off_can_be_repeated(cloud: Cloud, stage: Stage):
    for operation, code in (
        ("update_table", "ResourceNotFoundException"),
        ("delete_alias", "NotFoundException"),
        ("schedule_key_deletion", "KMSInvalidStateException"),
        ("list_object_versions", "NoSuchBucket"),
    ):
        cloud.answers[operation] = ClientError({"Error": {"Code": code}}, operation)
    stacks = Stacks("-data")
    destroy.remove_data(cloud, stacks, stage)  # type: ignore[arg-type]
    assert stacks.names == []


def test_a_policy_that_somebody_holds_ends_it_before_the_data_is_touched(cloud: Cloud, stage: Stage):
    with pytest.raises(Stop, match="attached"):
        destroy.remove_data(cloud, Stacks("-data", "-bootstrap", held="-bootstrap"), stage)  # type: ignore[arg-type]
    assert cloud.calls == []


def test_trouble_with_aws_ends_in_a_sentence(
    session: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    session.answers["describe_stacks"] = ClientError(
        {"Error": {"Code": "AccessDenied"}}, "DescribeStacks"
    )
    assert main(["link", "--stage", "trial"]) == 1
    assert "docs/deploying.md" in capsys.readouterr().err


def test_a_file_that_cannot_be_used_ends_in_a_sentence(capsys: pytest.CaptureFixture[str]):
    assert main(["deploy", "--stage", "No Such"]) == 1
    assert "stopped: infra/stages/No Such.json" in capsys.readouterr().err


def test_the_makefile_has_a_target_for_each_command():
    text = (ROOT / "Makefile").read_text("utf-8")
    assert [name for name in COMMANDS if f"\n{name}: ##" not in text] == []


def test_the_commands_by_hand_are_chalices_and_the_aws_command_lines(stage: Stage):
    chalice, package, deploy = by_hand(stage, "bucket", "arn:role")
    assert "chalice --project-dir build/package/trial/project package --stage trial" in chalice
    assert "--merge-template ../merge.json" in chalice
    assert "cloudformation package --template-file build/package/trial/out/sam.json" in package
    assert "cloudformation deploy --stack-name totp-binding-trial" in deploy
    assert "--role-arn arn:role" in deploy


def test_chalices_configuration_holds_no_role_and_no_stage():
    """Without a role Chalice's own deploy and delete stop before their first call."""
    config = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
    assert config["manage_iam_role"] is False
    assert "iam_role_arn" not in json.dumps(config)
    assert config["stages"] == {"local": {}}


def test_deployment_and_rehearsal_stay_small():
    files = [
        path for folder in ("deploy", "rehearsal") for path in (ROOT / "infra" / folder).glob("*.py")
    ]
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in files}
    assert sum(lines.values()) <= MOST_LINES
    assert max(lines.values()) <= MOST_LINES_OF_A_FILE
