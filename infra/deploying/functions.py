"""What Chalice cannot do for the functions: stream settings, the first keys, a call of a function."""

import json
from collections.abc import Iterable
from typing import Any

from botocore.config import Config

from infra.deploying import mappings
from infra.deploying.console import Stop, line
from infra.deploying.stage import Stage
from infra.local.stack import SCHEDULED_EVENT

STREAM_SETTINGS: dict[str, Any] = {
    "BisectBatchOnFunctionError": True,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
}
"""No record of a stream is given up before the stream itself lets go of it, after 24 hours."""


class Functions:
    """One stage's functions."""

    def __init__(self, session: Any, stage: Stage) -> None:
        config = Config(read_timeout=60, retries={"total_max_attempts": 1})
        self._lambda = session.client("lambda", config=config)
        self._stage = stage

    def call(self, name: str, event: Any) -> Any:
        """What a function answers. Stop where it fails."""
        answer = self._lambda.invoke(
            FunctionName=self._stage.function(name), Payload=json.dumps(event).encode()
        )
        payload = answer["Payload"].read()
        if "FunctionError" in answer:
            raise Stop(f"{name} failed: {payload.decode('utf-8', 'replace')[:300]}")
        return json.loads(payload)

    def read_streams_well(self, names: Iterable[str]) -> None:
        """Set how streams are read; unchanged ones are left alone."""
        for name in names:
            for mapping in mappings.of_function(self._lambda, self._stage.function(name)):
                mappings.bring_to(self._lambda, mapping, STREAM_SETTINGS)
                line(f"stream       {name} retries until it succeeds, record by record")

    def make_first_keys(self) -> None:
        """Run the key rotation, which makes what is missing. Stop where it cannot."""
        made = self.call("rotate_keys", SCHEDULED_EVENT)
        created = [key for purpose in made.values() for key in purpose["created"]]
        line(f"keys         {len(created)} made by rotate_keys" if created else "keys         all there")
