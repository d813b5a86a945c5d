"""Stream mappings that Lambda is still busy with are waited for."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.deploying import mappings
from infra.deploying.console import Stop
from infra.deploying.functions import STREAM_SETTINGS
from tests.deployment.conftest import Cloud

MAPPING = {"UUID": "u1"}


def lambda_with(*states: str | None, **found: Any) -> tuple[Cloud, Callable[[float], None], list[float]]:
    """Lambda with a mapping in these states, one at each look, that refuses changes while busy."""
    left, slept = list(states), list[float]()

    def look(**asked: Any) -> Any:
        if left[0] is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetEventSourceMapping")
        return {"UUID": "u1", "State": left[0], **found}

    def change(**asked: Any) -> Any:
        if left[0] in mappings.BUSY:
            raise ClientError({"Error": {"Code": "ResourceInUseException"}}, "change")
        left.pop(0)
        return {}

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(left) > 1:
            left.pop(0)

    cloud = Cloud(
        get_event_source_mapping=look,
        update_event_source_mapping=change,
        delete_event_source_mapping=change,
    )
    return cloud, sleep, slept


def done(cloud: Cloud) -> list[str]:
    return [name for name, _ in cloud.calls if not name.startswith("get")]


def test_a_mapping_that_was_just_made_is_waited_for_before_and_after_it_is_changed():
    states = ["Creating", "Creating", "Enabled", "Updating", "Updating", "Enabled"]
    cloud, sleep, slept = lambda_with(*states)
    mappings.bring_to(cloud, MAPPING, STREAM_SETTINGS, sleep)
    assert done(cloud) == ["update_event_source_mapping"]
    assert len(slept) == 4
    assert cloud.calls[-1][0] == "get_event_source_mapping"


def test_one_that_reads_well_already_is_left_alone(capsys):
    cloud, sleep, slept = lambda_with("Enabled", **STREAM_SETTINGS)
    mappings.bring_to(cloud, MAPPING, STREAM_SETTINGS, sleep)
    assert done(cloud) == []
    assert slept == []
    assert "note" not in capsys.readouterr().out


def test_one_that_somebody_switched_off_is_told_of(capsys):
    cloud, sleep, _ = lambda_with("Disabled", **STREAM_SETTINGS)
    mappings.bring_to(cloud, MAPPING, STREAM_SETTINGS, sleep)
    assert "Disabled" in capsys.readouterr().out


def test_nobody_waits_for_ever():
    cloud, sleep, slept = lambda_with("Creating")
    with pytest.raises(Stop, match="still creating"):
        mappings.bring_to(cloud, MAPPING, STREAM_SETTINGS, sleep)
    assert sum(slept) == mappings.PATIENCE_SECONDS


def test_it_is_deleted_once_it_is_free_and_waited_for_until_it_is_gone():
    cloud, sleep, slept = lambda_with("Updating", "Updating", "Enabled", "Deleting", None)
    mappings.remove(cloud, MAPPING, sleep)
    assert done(cloud) == ["delete_event_source_mapping"]
    assert len(slept) == 3


def test_one_that_an_earlier_run_deleted_is_not_deleted_again():
    cloud, sleep, _ = lambda_with("Deleting", None)
    mappings.remove(cloud, MAPPING, sleep)
    assert done(cloud) == []
