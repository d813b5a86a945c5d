"""Event source mappings: Lambda refuses to change one that it is still busy with."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.deploying.console import Stop, line

BUSY = ("Creating", "Enabling", "Disabling", "Updating", "Deleting")
"""States in which Lambda answers any change with ResourceInUseException."""

PATIENCE_SECONDS = 180.0
"""How long Lambda may be busy with one: usually seconds, now and then more than a minute."""

POLL_SECONDS = 2.0


def of_function(functions: Any, name: str) -> list[dict[str, Any]]:
    """The mappings that lead to a function, also where the function itself is gone."""
    found: list[dict[str, Any]] = functions.list_event_source_mappings(FunctionName=name)[
        "EventSourceMappings"
    ]
    return found


def bring_to(
    functions: Any,
    mapping: Mapping[str, Any],
    settings: Mapping[str, Any],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Give a mapping these settings, and be back once it reads by them."""
    uuid = mapping["UUID"]
    found = _when_free(functions, uuid, sleep)
    if found is None:
        raise Stop(f"the stream mapping {uuid} has just been deleted. Run the same again.")
    if any(found.get(key) != value for key, value in settings.items()):
        functions.update_event_source_mapping(UUID=uuid, **settings)
        found = _when_free(functions, uuid, sleep)
    if found is not None and found["State"] != "Enabled":
        line(f"note         the stream mapping {uuid} is {found['State']}: nobody reads its stream")


def remove(
    functions: Any, mapping: Mapping[str, Any], sleep: Callable[[float], None] = time.sleep
) -> None:
    """Delete a mapping, and be back once it is gone; harmless where it is."""
    uuid = mapping["UUID"]
    if _when_free(functions, uuid, sleep) is not None:
        functions.delete_event_source_mapping(UUID=uuid)
        _when_free(functions, uuid, sleep)


def _when_free(functions: Any, uuid: str, sleep: Callable[[float], None]) -> dict[str, Any] | None:
    """A mapping once Lambda is done with it; None where it is gone. Stop where that takes too long."""
    waited = 0.0
    while True:
        try:
            found: dict[str, Any] = functions.get_event_source_mapping(UUID=uuid)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        if found["State"] not in BUSY:
            return found
        if waited >= PATIENCE_SECONDS:
            raise Stop(
                f"Lambda is still {found['State'].lower()} the stream mapping {uuid}. "
                "Run the same again in some minutes."
            )
        sleep(POLL_SECONDS)
        waited += POLL_SECONDS
