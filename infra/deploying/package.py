"""The code and the layer as they are uploaded: without what no Lambda reads, the same on every machine.

Chalice keeps both as files and uploads what it finds, so they are built here first and made lean.
"""

import hashlib
import shutil
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chalice.deploy.packager import AppOnlyDeploymentPackager, DependencyBuilder, LayerDeploymentPackager
from chalice.utils import UI, OSUtils

from infra.deploying.console import Stop
from infra.environment import ROOT

PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
"""Lambda's runtime: the Python that deploys, since that is the one the tests ran on."""

LARGEST_CODE = 90_000
LARGEST_LAYER = 6_800_000
LARGEST_UNPACKED = 22_000_000
"""Bytes that code and layer may have, zipped, and the two together unpacked; a start reads all of it.

A tenth more than they have: 81 KB and 6.15 MB, unpacked 19.3 MB for arm64 and 20.0 for x86_64, by
Python 3.11, 3.12 and 3.13 alike.
"""

_UNREAD_SUFFIXES = (".pyi", ".pyc", "/py.typed", "/RECORD", "/INSTALLER", "/direct_url.json")
_UNREAD_PARTS = ("/bin/", "/cffi/", "/pycparser/", "/include/", "/licenses/", "/tests/", "/test/")
"""cffi and pycparser write bindings; what was written needs only ``_cffi_backend``."""

_EPOCH = (1980, 1, 1, 0, 0, 0)

_MODE = 0o644 << 16
"""What a lean zip says of each file: who may read it, and nothing of its kind, as other zips do."""


@dataclass(frozen=True, slots=True)
class Package:
    """One zip as it is uploaded; sizes in bytes."""

    path: Path
    unpacked: int

    @property
    def size(self) -> int:
        """The zip's own size."""
        return self.path.stat().st_size


@dataclass(frozen=True, slots=True)
class Packages:
    """The functions' code, and the layer that they share."""

    code: Package
    layer: Package

    @property
    def too_large(self) -> list[str]:
        """What is over its bound, in words."""
        measured = (
            ("the code", self.code.size, LARGEST_CODE),
            ("the layer", self.layer.size, LARGEST_LAYER),
            ("both unpacked", self.code.unpacked + self.layer.unpacked, LARGEST_UNPACKED),
        )
        return [f"{what} has {size} bytes of {most}" for what, size, most in measured if size > most]


def build(architecture: str) -> Packages:
    """Package code and layer for ``arm64`` or ``x86_64``. Stop where a dependency has no wheel."""
    for cache in (ROOT / "chalicelib").rglob("__pycache__"):
        shutil.rmtree(cache)
    drop_cut_off(ROOT / ".chalice" / "deployments")
    files = _Stored()
    words = _Heard()
    dependencies = DependencyBuilder(files, architecture=architecture)
    code = AppOnlyDeploymentPackager(files, dependencies, words, architecture)
    layer = LayerDeploymentPackager(files, dependencies, words, architecture)
    packages = Packages(
        _lean(Path(code.create_deployment_package(str(ROOT), PYTHON))),
        _lean(Path(layer.create_deployment_package(str(ROOT), PYTHON))),
    )
    if words.missing:
        packages.layer.path.unlink()
        raise Stop(f"the layer is incomplete: {words.missing}")
    return packages


def drop_cut_off(folder: Path) -> None:
    """Delete the zips that a run was killed over, which Chalice would take for whole by their names."""
    for path in folder.glob("*.zip"):
        if not zipfile.is_zipfile(path):
            path.unlink()


def source_digest(entry: str) -> str:
    """A digest of everything that decides what is uploaded: sources, pins, Python, configuration."""
    digest = hashlib.sha256(f"{PYTHON}\n{entry}".encode())
    for path in sorted(_sources()):
        digest.update(f"\n{path.relative_to(ROOT).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield ROOT / "app.py"
    yield ROOT / "requirements.txt"
    yield ROOT / "infra" / "deploying" / "package.py"
    for path in (ROOT / "chalicelib").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


class _Stored(OSUtils):
    """Zips without compressing, since the only one to read such a zip is who makes it lean."""

    ZIP_DEFLATED = zipfile.ZIP_STORED


class _Heard(UI):
    """Takes in what Chalice says while it packages; only dependencies that it misses matter."""

    def __init__(self) -> None:
        super().__init__()
        self.missing = ""

    def write(self, msg: str) -> None:
        """Remember a complaint about dependencies."""
        if "Could not install dependencies" in msg:
            self.missing = " ".join(msg.split())


def _lean(path: Path) -> Package:
    """Rewrite a zip without what no Lambda reads; sorted and undated, it is the same everywhere.

    Chalice hands out the zip of the run before while nothing has changed: that one is left alone.
    """
    lean = path.with_suffix(".lean")
    with zipfile.ZipFile(path) as before:
        found = sorted(before.infolist(), key=lambda entry: entry.filename)
        kept = [entry for entry in found if not (entry.is_dir() or _is_unread(f"/{entry.filename}"))]
        package = Package(path, sum(entry.file_size for entry in kept))
        if kept == found and all(entry.external_attr == _MODE for entry in kept):
            return package
        with zipfile.ZipFile(lean, "w", zipfile.ZIP_DEFLATED) as after:
            for entry in kept:
                undated = zipfile.ZipInfo(entry.filename, _EPOCH)
                undated.external_attr = _MODE
                undated.compress_type = zipfile.ZIP_DEFLATED
                after.writestr(undated, before.read(entry))
    lean.replace(path)
    return package


def _is_unread(name: str) -> bool:
    return name.endswith(_UNREAD_SUFFIXES) or any(part in name for part in _UNREAD_PARTS)
