"""A month of the audit trail as JSON Lines, with a manifest, in a file or in a bucket."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in UTC: from ``start`` until just before ``end``, in Unix seconds."""

    name: str
    start: int
    end: int

    @classmethod
    def parse(cls, name: str) -> "Month":
        """The month of a name such as ``2026-11``; ValueError where it is none."""
        if not _MONTH.fullmatch(name) or name.startswith("0000"):
            raise ValueError("must be a month such as 2026-11")
        first = datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC)
        years, month = divmod(first.month, 12)
        after = first.replace(year=first.year + years, month=month + 1)
        return cls(name, int(first.timestamp()), int(after.timestamp()))


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as plain JSON: strings and whole numbers, which lead back to the item and its seal."""
    return {name: _plain(attribute) for name, attribute in row.items()}


def _plain(attribute: Mapping[str, Any]) -> Any:
    if "S" in attribute:
        return attribute["S"]
    if "N" in attribute and re.fullmatch(r"-?[0-9]+", attribute["N"]):
        return int(attribute["N"])
    # Nothing that record_events writes; whoever put it there, the export shows it.
    return repr(attribute)


def write(rows: Iterable[Mapping[str, Any]], to: Path, about: dict[str, Any]) -> dict[str, Any]:
    """Write the rows to a file and its manifest beside it; the manifest.

    The file appears under its name only once it is whole.
    """
    unfinished = to.with_name(to.name + ".part")
    digest, count, accounts = hashlib.sha256(), 0, set()
    with unfinished.open("wb") as file:
        for row in rows:
            line = json.dumps(plain(row), ensure_ascii=False, sort_keys=True).encode() + b"\n"
            file.write(line)
            digest.update(line)
            count += 1
            accounts.add(row["account"]["S"])
    manifest = about | {
        "file": to.name,
        "rows": count,
        "accounts": len(accounts),
        "bytes": unfinished.stat().st_size,
        "sha256": digest.hexdigest(),
    }
    unfinished.replace(to)
    manifest_path(to).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    return manifest


def manifest_path(to: Path) -> Path:
    """Where the manifest of an export lies."""
    return to.with_name(to.name + ".manifest.json")


def upload(paths: Iterable[Path], bucket: str, prefix: str, retain_until: int) -> list[str]:
    """Put files into a bucket with Object Lock, where nobody can delete them before that time.

    Compliance mode: not even the account's root user may shorten it. The objects' addresses.
    """
    s3 = boto3.client("s3")
    addresses = []
    for path in paths:
        key = f"{prefix}{path.name}"
        with path.open("rb") as body:
            s3.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ChecksumAlgorithm="SHA256",
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=datetime.fromtimestamp(retain_until, UTC),
            )
        addresses.append(f"s3://{bucket}/{key}")
    return addresses
