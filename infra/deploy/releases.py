"""The releases of a stage, in its artefact bucket: templates, parameters, zips and their digests."""

import hashlib
import json
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.console import line
from infra.deploy.package import Package
from infra.deploy.template_json import as_json

_ABSENT = ("404", "NoSuchKey", "NotFound")


@dataclass(frozen=True, slots=True)
class Release:
    """One release: the id of the one that it replaced, a template's key, the digests of the zips."""

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

    def url(self, release: Release) -> str:
        """Return the address by which CloudFormation reads a release's template."""
        return f"{self._s3.meta.endpoint_url}/{self.name}/{release.template}"

    def upload(self, package: Package, before: str | None) -> Release:
        """Upload zips and template, if they are not there yet; the release that they make."""
        code, layer = package.artefacts.code, package.artefacts.layer
        template = deepcopy(package.template)
        for folder, property_, zipped in (("code", "CodeUri", code), ("layer", "ContentUri", layer)):
            key = self._put(folder, "zip", zipped.path.read_bytes())
            for resource in template["Resources"].values():
                if property_ in resource.get("Properties", {}):
                    resource["Properties"][property_] = f"s3://{self.name}/{key}"
        key = self._put("templates", "json", as_json(template).encode())
        return Release(package.release, before, key, package.parameters, code.digest, layer.digest)

    def record(self, release: Release) -> None:
        """Keep what a release consists of."""
        content = json.dumps(asdict(release), ensure_ascii=False, indent=2).encode()
        self._s3.put_object(Bucket=self.name, Key=f"releases/{release.id}.json", Body=content)

    def find(self, id: str | None) -> Release | None:
        """Return the record of a release, or None if there is none."""
        try:
            found = self._s3.get_object(Bucket=self.name, Key=f"releases/{id}.json")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT:
                raise
            return None
        return Release(**json.loads(found["Body"].read()))

    def _put(self, folder: str, kind: str, content: bytes) -> str:
        key = f"{folder}/{hashlib.sha256(content).hexdigest()}.{kind}"
        try:
            self._s3.head_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT:
                raise
            self._s3.put_object(Bucket=self.name, Key=key, Body=content)
            line(f"uploaded     {key[:24]}… ({len(content) / 1e6:.2f} MB)")
        return key
