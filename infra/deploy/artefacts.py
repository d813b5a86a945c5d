"""The zips of code and layer: locked wheels and the project's files alone, the same on every machine."""

import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import chalice
import chalice.app

from infra.deploy.console import Stop, line
from infra.environment import ROOT

PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
"""Lambda's runtime: the Python that deploys, since the tests ran on it."""

LOCK = ROOT / "requirements.txt"
WHEELS = ROOT / "build" / "wheels"

LARGEST = {"code": 130_000, "layer": 6_800_000, "both, unpacked,": 22_000_000}
"""Bounds in bytes, a tenth above the sizes of today: a cold start reads all of it."""

GLIBC = 34 if sys.version_info >= (3, 12) else 26
"""The minor version of glibc 2 in Lambda's runtime."""

_UNREAD = re.compile(
    r"/(py\.typed|RECORD|INSTALLER|direct_url\.json)$|\.py[ic]$|/(bin|cffi|pycparser|include|licenses|tests?)/"
)
"""cffi and pycparser write bindings; what they wrote needs only ``_cffi_backend``."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """One zip as it is uploaded. Sizes are in bytes; the digest is SHA-256 in hexadecimal."""

    path: Path
    size: int
    unpacked: int
    digest: str


@dataclass(frozen=True, slots=True)
class Artefacts:
    """The functions' code, and the layer that they share."""

    code: Artefact
    layer: Artefact

    def show(self) -> None:
        """Print the sizes and digests. Raises Stop if a size exceeds its bound."""
        for name, one in (("code", self.code), ("layer", self.layer)):
            sizes = f"{one.size / 1e6:.2f} MB zipped, {one.unpacked / 1e6:.2f} MB unpacked"
            line(f"{name:<12} {sizes}, sha256 {one.digest}")
        found = (self.code.size, self.layer.size, self.code.unpacked + self.layer.unpacked)
        for (name, most), size in zip(LARGEST.items(), found, strict=True):
            if size > most:
                raise Stop(f"{name} has {size} bytes of {most}: see infra/deploy/artefacts.py.")


def sources() -> Iterator[tuple[str, Path]]:
    """Yield the project's files that are deployed, each with its name in the zip."""
    for path in (ROOT / "app.py", *(ROOT / "chalicelib").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(ROOT).as_posix(), path


def build_code(target: Path) -> Artefact:
    """Zip the project's files and the part of Chalice that runs in Lambda."""
    files = [*sources(), ("chalice/__init__.py", Path(chalice.__file__))]
    files.append(("chalice/app.py", Path(chalice.app.__file__)))
    return _zip(target, ((name, path.read_bytes()) for name, path in files))


def build_layer(target: Path, architecture: str, lock: Path = LOCK, wheels: Path = WHEELS) -> Artefact:
    """Zip the locked packages, as wheels for the architecture.

    Raises Stop if pip cannot fetch one, or if a file is not the locked one.
    """
    locked = read_lock(lock)
    folder = wheels / f"{PYTHON}-{architecture}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    if not (folder / "complete").exists():
        _download(lock, architecture, folder)
        (folder / "complete").touch()
    files = [file for wheel in sorted(folder.glob("*.whl")) for file in _unpacked(wheel, locked)]
    return _zip(target, ((f"python/lib/{PYTHON}/site-packages/{name}", data) for name, data in files))


def read_lock(lock: Path) -> set[tuple[str, str, str]]:
    """Return normalised name, version and hash of each file that the lock allows.

    Raises Stop if it names a package without version or hash.
    """
    locked = set()
    for row in lock.read_text("utf-8").replace("\\\n", " ").splitlines():
        if row.strip() and not row.strip().startswith("#"):
            requirement, *hashes = re.split(r"\s+--hash=sha256:", row.rstrip())
            name, _, version = requirement.partition(";")[0].strip().partition("==")
            if not version or not hashes:
                raise Stop(f"{lock.name} does not lock {name} by version and hash: run make lock.")
            locked |= {(_normalised(name), version, digest) for digest in hashes}
    return locked


def _unpacked(wheel: Path, locked: set[tuple[str, str, str]]) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a wheel that Lambda reads. Raises Stop if the lock does not allow the wheel."""
    name, version = wheel.name.split("-")[:2]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if (_normalised(name), version, digest) not in locked:
        raise Stop(f"{wheel} is not a locked file: its SHA-256 is {digest}. Delete its folder.")
    with zipfile.ZipFile(wheel) as packed:
        for entry in packed.infolist():
            if not (entry.is_dir() or _UNREAD.search(f"/{entry.filename}")):
                yield entry.filename, packed.read(entry)


def _download(lock: Path, architecture: str, folder: Path) -> None:
    for left_over in folder.glob("*.whl"):
        left_over.unlink()
    machine = {"arm64": "aarch64"}.get(architecture, architecture)
    tags = [*(f"manylinux_2_{minor}" for minor in range(GLIBC, 16, -1)), "manylinux2014"]
    command = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check"]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--implementation", "cp"]
    command += ["--python-version", PYTHON.removeprefix("python"), "--requirement", str(lock)]
    command += ["--dest", str(folder), *(f"--platform={tag}_{machine}" for tag in tags)]
    if subprocess.run(command, check=False).returncode:
        raise Stop(f"pip has not fetched the packages of {lock.name}; its reason is above.")


def _zip(target: Path, files: Iterable[tuple[str, bytes]]) -> Artefact:
    """Write a zip whose bytes depend on its files alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unpacked = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in sorted(files):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, content, zipfile.ZIP_DEFLATED)
            unpacked += len(content)
    content = target.read_bytes()
    return Artefact(target, len(content), unpacked, hashlib.sha256(content).hexdigest())


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.split("[")[0]).lower()
