"""Releases: what was deployed, remembered well enough to go back to it.

After each deployment the functions are published as Lambda versions and the layer's version is
kept, so that the code before is still in the account when it is wanted.
"""

import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from infra.deploying.api import Api
from infra.deploying.console import Stop, line
from infra.deploying.memory import Memory
from infra.deploying.stage import Stage

KEPT = 4
"""How many releases can be gone back through."""

_CONFIGURATION = ("Handler", "Runtime", "Timeout", "MemorySize")


@dataclass(frozen=True, slots=True)
class Release:
    """One deployment: ``versions`` by function, ``codes`` the digests of what they run."""

    number: int
    at: str
    digest: str
    versions: Mapping[str, str]
    codes: Mapping[str, str]
    layer: str
    deployment: str

    def __str__(self) -> str:
        return f"release {self.number} of {self.at}"


class Releases:
    """The releases of one stage, oldest first; the last one is what serves."""

    def __init__(self, session: Any, stage: Stage, memory: Memory) -> None:
        self._lambda = session.client("lambda")
        self._stage = stage
        self._memory = memory

    def all(self) -> list[Release]:
        """Every release that is remembered."""
        stored = self._memory.read("releases") or []
        return [Release(**entry) for entry in stored]

    def latest_if_serving(self, digest: str, environment: Mapping[str, str]) -> Release | None:
        """The latest release, where it is of this digest and the functions run just that."""
        latest = next(iter(self.all()[-1:]), None)
        if latest is None or latest.digest != digest:
            return None
        for name, code in latest.codes.items():
            live = self._configuration(name)
            if live is None or live["CodeSha256"] != code:
                return None
            layers = [layer["Arn"] for layer in live.get("Layers", [])]
            if layers != [latest.layer] or live["Environment"]["Variables"] != environment:
                return None
        return latest

    def next_number(self) -> int:
        """The number of a release made now."""
        return max((release.number for release in self.all()), default=0) + 1

    def add(self, digest: str, functions: Iterable[str], deployment: str) -> Release:
        """Publish what the functions run now as a release, and drop what is too old."""
        published = {name: self._publish(self._stage.function(name)) for name in functions}
        release = Release(
            number=self.next_number(),
            at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            digest=digest,
            versions={name: answer["Version"] for name, answer in published.items()},
            codes={name: answer["CodeSha256"] for name, answer in published.items()},
            layer=next(iter(published.values()))["Layers"][0]["Arn"],
            deployment=deployment,
        )
        self._remember([*self.all(), release][-KEPT:])
        return release

    def go_back(self, api: Api) -> Release:
        """Run the code before, with its layer, settings and routes. Stop where there is none.

        What is gone back from is forgotten at the very end, so that a cut-off rollback can be
        run again.
        """
        releases = self.all()
        if len(releases) < 2:
            raise Stop("there is no release before this one to go back to.")
        left, wanted = releases[-1], releases[-2]
        line(f"from         {left}")
        line(f"to           {wanted}")
        for name, version in wanted.versions.items():
            self._restore(name, version)
            line(f"function     {self._stage.function(name)} runs version {version} again")
        api.go_back_to(wanted.deployment)
        line(f"API          deployment {wanted.deployment} again")
        self._remember(releases[:-1])
        return wanted

    def prune(self, api: Api) -> None:
        """Drop versions, layers and API deployments that no release needs."""
        releases = self.all()
        api.prune({release.deployment for release in releases})
        for name in releases[-1].versions:
            needed = {"$LATEST", *(release.versions.get(name) for release in releases)}
            for version in self._versions(name):
                if version not in needed:
                    self._lambda.delete_function(
                        FunctionName=self._stage.function(name), Qualifier=version
                    )
        self.drop_layers({release.layer for release in releases})

    def drop_layers(self, needed: set[str]) -> None:
        """Delete the versions of the stage's layer but for those needed."""
        pages = self._lambda.get_paginator("list_layer_versions").paginate(LayerName=self._stage.layer)
        for layer in [layer for page in pages for layer in page["LayerVersions"]]:
            if layer["LayerVersionArn"] not in needed:
                self._lambda.delete_layer_version(
                    LayerName=self._stage.layer, VersionNumber=layer["Version"]
                )

    def _publish(self, function: str) -> dict[str, Any]:
        self._lambda.get_waiter("function_updated_v2").wait(FunctionName=function)
        published: dict[str, Any] = self._lambda.publish_version(FunctionName=function)
        return published

    def _restore(self, name: str, version: str) -> None:
        function = self._stage.function(name)
        try:
            kept = self._lambda.get_function(FunctionName=function, Qualifier=version)
        except ClientError as error:
            raise Stop(f"version {version} of {function} cannot be had: {error}.") from error
        code = _fetched(kept["Code"]["Location"])
        configuration = kept["Configuration"]
        updated = self._lambda.get_waiter("function_updated_v2")
        self._lambda.update_function_configuration(
            FunctionName=function,
            Layers=[layer["Arn"] for layer in configuration["Layers"]],
            Environment={"Variables": configuration["Environment"]["Variables"]},
            **{key: configuration[key] for key in _CONFIGURATION},
        )
        updated.wait(FunctionName=function)
        # The layer's libraries are machine code of the architecture that they were packaged for.
        self._lambda.update_function_code(
            FunctionName=function, ZipFile=code, Architectures=configuration["Architectures"]
        )
        updated.wait(FunctionName=function)

    def _configuration(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._lambda.get_function_configuration(
                FunctionName=self._stage.function(name)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        return found

    def _versions(self, name: str) -> list[str]:
        pages = self._lambda.get_paginator("list_versions_by_function").paginate(
            FunctionName=self._stage.function(name)
        )
        return [version["Version"] for page in pages for version in page["Versions"]]

    def _remember(self, releases: list[Release]) -> None:
        self._memory.store("releases", [asdict(release) for release in releases])


def _fetched(location: str) -> bytes:
    """The zip at an address that Lambda has just given out. Stop where it cannot be had."""
    try:
        with urllib.request.urlopen(location) as answer:  # noqa: S310 - from AWS
            code: bytes = answer.read()
    except OSError as error:
        raise Stop(f"the code before cannot be fetched: {error}. Run the same again.") from error
    return code
