"""Every deployed function, run from the zip and the layers that were uploaded."""

import io
import os
import threading
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.rehearsal.runtime_api import RunningFunction


@dataclass(frozen=True, slots=True)
class _Deployed:
    """What decides that a function must be started anew."""

    code: str
    layers: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    handler: str


class Fleet:
    """Starts functions when they are first called, and anew when they were deployed anew."""

    def __init__(self, session: Any, aws_url: str, python: Path, home: Path) -> None:
        self._lambda = session.client("lambda", endpoint_url=aws_url)
        self._region: str = session.region_name
        self._aws_url = aws_url
        self._python = python
        self._home = home
        self._running: dict[str, tuple[_Deployed, RunningFunction]] = {}
        self._current: set[str] = set()
        self._lock = threading.Lock()
        self.started = 0

    def invoke(self, name: str, payload: bytes) -> tuple[bytes, bool]:
        """What the function of that name answers, and whether that is an error.

        ``ResourceNotFoundException`` of botocore's where there is none.
        """
        return self._function(name).invoke(payload)

    def fetched(self, name: str) -> set[bytes]:
        """The zips of a function and its layers, as the account hands them out."""
        found = self._lambda.get_function(FunctionName=name)
        locations = [found["Code"]["Location"]]
        for layer in found["Configuration"].get("Layers", []):
            version = self._lambda.get_layer_version_by_arn(Arn=layer["Arn"])
            locations.append(version["Content"]["Location"])
        return {_content(location) for location in locations}

    def look_again(self) -> None:
        """Ask the account anew what is deployed: something may have been."""
        with self._lock:
            self._current.clear()

    def stop(self) -> None:
        """End every process."""
        for _, running in self._running.values():
            running.stop()
        self._running.clear()

    def _function(self, name: str) -> RunningFunction:
        with self._lock:
            if name in self._current:
                return self._running[name][1]
            configuration = self._lambda.get_function_configuration(FunctionName=name)
            deployed = _Deployed(
                configuration["CodeSha256"],
                tuple(layer["Arn"] for layer in configuration.get("Layers", [])),
                tuple(sorted(configuration["Environment"]["Variables"].items())),
                configuration["Handler"],
            )
            before = self._running.get(name)
            if before is None or before[0] != deployed:
                if before is not None:
                    before[1].stop()
                self._running[name] = (deployed, self._start(name, configuration, deployed))
                self.started += 1
            self._current.add(name)
            return self._running[name][1]

    def _start(self, name: str, configuration: dict[str, Any], deployed: _Deployed) -> RunningFunction:
        task = self._unpacked(self._lambda.get_function(FunctionName=name)["Code"]["Location"])
        options = []
        for arn in deployed.layers:
            layer = self._lambda.get_layer_version_by_arn(Arn=arn)
            options.append(self._unpacked(layer["Content"]["Location"]))
        version = configuration["Runtime"]
        path = [task] + [
            opt / sub for opt in options for sub in ("python", f"python/lib/{version}/site-packages")
        ]
        environment = {
            **dict(deployed.environment),
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": str(task),
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_ACCESS_KEY_ID": "role",
            "AWS_SECRET_ACCESS_KEY": "role",
            "AWS_ENDPOINT_URL": self._aws_url,
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
            "AWS_EXECUTION_ENV": "AWS_Lambda_" + version,
        }
        log = self._home / f"{name}.log"
        arn = configuration["FunctionArn"]
        return RunningFunction(self._python, task, deployed.handler, environment, arn, log)

    def _unpacked(self, location: str) -> Path:
        """A zip of the account's, fetched and unpacked once.

        What its first function compiles stays beside it for the others; in Lambda each compiles anew.
        """
        folder = self._home / location.rpartition("/")[2].removesuffix(".zip")
        if not folder.exists():
            with zipfile.ZipFile(io.BytesIO(_content(location))) as packed:
                packed.extractall(folder)
        return folder


def _content(location: str) -> bytes:
    with urllib.request.urlopen(location) as answer:  # noqa: S310 - the emulator's own address
        content: bytes = answer.read()
    return content
