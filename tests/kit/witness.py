"""The bucket that witnesses audit rows, read by tests."""

import json
from dataclasses import dataclass
from typing import Any

import boto3


@dataclass
class Witness:
    """The bucket that witnesses audit rows."""

    bucket: str

    def versions(self) -> list[dict[str, Any]]:
        """Return every version of every object, newest last."""
        pages = boto3.client("s3").get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        return [version for page in pages for version in page.get("Versions", [])]

    def rows(self, account: str) -> list[dict[str, Any]]:
        """Return the witnessed rows of an account, by their ids."""
        s3, rows = boto3.client("s3"), []
        for version in self.versions():
            name = {"Key": version["Key"], "VersionId": version["VersionId"]}
            body = s3.get_object(Bucket=self.bucket, **name)["Body"].read()
            rows += [json.loads(line) for line in body.splitlines()]
        return sorted(
            (row for row in rows if row["account"] == account), key=lambda row: row["event_id"]
        )
