"""The releases of a stage, kept in its artefact bucket: templates, parameters, zips and their digests."""

import hashlib
import json
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.artefacts import Artefacts
from infra.deploy.console import Stop, line
from infra.deploy.package import Package
from infra.deploy.templates import as_json

_ABSENT = ("404", "NoSuchKey", "NotFound")


@dataclass(frozen=True, slots=True)
class Release:
    """One release; ``before`` is the id of the release that it replaced, if there was one."""

    id: str
    before: str | None
    template: str
    parameters: dict[str, str]
    code: str
    layer: str


class Bucket:
    """The artefact bucket. All keys but those of the records follow from the content."""

    def __init__(self, s3: Any, name: str) -> None:
        self._s3 = s3
        self.name = name

    def url(self, key: str) -> str:
        """Return the address by which CloudFormation reads an object."""
        return f"{self._s3.meta.endpoint_url}/{self.name}/{key}"

    def upload(self, package: Package) -> dict[str, Any]:
        """Upload the zips; the template that names them."""
        places = {
            "./deployment.zip": self._put_file("code", package.artefacts.code.path),
            "./layer-deployment.zip": self._put_file("layer", package.artefacts.layer.path),
        }
        template = deepcopy(package.template)
        for resource in template["Resources"].values():
            for name in ("CodeUri", "ContentUri"):
                if name in resource.get("Properties", {}):
                    place = resource["Properties"][name]
                    resource["Properties"][name] = f"s3://{self.name}/{places[place]}"
        return template

    def put_template(self, template: dict[str, Any]) -> str:
        """Upload a template; its key."""
        content = as_json(template).encode()
        key = f"templates/{hashlib.sha256(content).hexdigest()}.json"
        self._put(key, content)
        return key

    def record(self, release: Release) -> None:
        """Keep what a release consists of."""
        content = json.dumps(asdict(release), ensure_ascii=False, indent=2).encode()
        self._s3.put_object(Bucket=self.name, Key=_record(release.id), Body=content)

    def has(self, id: str) -> bool:
        """Return True if a release was recorded."""
        return self._there(_record(id))

    def release(self, id: str) -> Release:
        """Return the record of a release. Raises Stop if there is none."""
        try:
            found = self._s3.get_object(Bucket=self.name, Key=_record(id))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT:
                raise
            raise Stop(f"{self.name} has no record of the release {id}.") from error
        return Release(**json.loads(found["Body"].read()))

    def _put_file(self, folder: str, path: Path) -> str:
        content = path.read_bytes()
        key = f"{folder}/{hashlib.sha256(content).hexdigest()}.zip"
        self._put(key, content)
        return key

    def _put(self, key: str, content: bytes) -> None:
        if not self._there(key):
            self._s3.put_object(Bucket=self.name, Key=key, Body=content)
            line(f"uploaded     {key[:24]}… ({len(content) / 1e6:.2f} MB)")

    def _there(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT:
                raise
            return False
        return True


def release_of(package: Package, template: str, before: str | None) -> Release:
    """Return the release that a package is, once its template is uploaded."""
    artefacts: Artefacts = package.artefacts
    return Release(
        package.release,
        before,
        template,
        package.parameters,
        artefacts.code.digest,
        artefacts.layer.digest,
    )


def _record(id: str) -> str:
    return f"releases/{id}.json"
