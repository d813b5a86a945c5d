"""The zips of code and layer: only locked wheels and the project's own files, the same on every machine."""

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

from infra.deploy.console import Stop
from infra.environment import ROOT

PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
"""Lambda's runtime: the Python that deploys, since the tests ran on it."""

LOCK = ROOT / "requirements.txt"
WHEELS = ROOT / "build" / "wheels"

LARGEST_CODE = 90_000
LARGEST_LAYER = 6_800_000
LARGEST_UNPACKED = 22_000_000
"""Bounds in bytes: code and layer zipped, and both unpacked. A cold start reads all of it."""

_GLIBC = {"python3.11": 26}
"""Minor version of the runtime's glibc 2, 34 for all newer runtimes."""

_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}

_UNREAD_SUFFIXES = (".pyi", ".pyc", "/py.typed", "/RECORD", "/INSTALLER", "/direct_url.json")
_UNREAD_PARTS = ("/bin/", "/cffi/", "/pycparser/", "/include/", "/licenses/", "/tests/", "/test/")
"""cffi and pycparser write bindings; what they wrote needs only ``_cffi_backend``."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16


@dataclass(frozen=True, slots=True)
class Artefact:
    """One zip as it is uploaded. Sizes are in bytes."""

    path: Path
    unpacked: int

    @property
    def size(self) -> int:
        """The size of the zip itself."""
        return self.path.stat().st_size

    @property
    def digest(self) -> str:
        """SHA-256 of the zip, in hexadecimal."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


@dataclass(frozen=True, slots=True)
class Artefacts:
    """The functions' code, and the layer that they share."""

    code: Artefact
    layer: Artefact

    @property
    def too_large(self) -> list[str]:
        """The bounds that are exceeded, in words."""
        measured = (
            ("the code", self.code.size, LARGEST_CODE),
            ("the layer", self.layer.size, LARGEST_LAYER),
            ("both unpacked", self.code.unpacked + self.layer.unpacked, LARGEST_UNPACKED),
        )
        return [f"{name} has {size} bytes of {most}" for name, size, most in measured if size > most]


def sources(root: Path = ROOT) -> Iterator[tuple[str, Path]]:
    """Yield the project's files that are deployed, each with its name in the zip."""
    yield "app.py", root / "app.py"
    for path in sorted((root / "chalicelib").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(root).as_posix(), path


def build_code(target: Path, root: Path = ROOT) -> Artefact:
    """Zip the project's files and the part of Chalice that runs in Lambda."""
    runtime = (("chalice/__init__.py", chalice), ("chalice/app.py", chalice.app))
    files = [(name, Path(module.__file__ or "").read_bytes()) for name, module in runtime]
    return _zip(target, files + [(name, path.read_bytes()) for name, path in sources(root)])


def build_layer(target: Path, architecture: str, lock: Path = LOCK, wheels: Path = WHEELS) -> Artefact:
    """Zip the locked packages, as wheels for the architecture. Raises Stop if one is not to be had."""
    locked = read_lock(lock)
    folder = wheels / f"{PYTHON}-{architecture}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    complete = folder / "complete"
    if not complete.exists():
        _download(lock, architecture, folder)
        complete.touch()
    prefix = f"python/lib/{PYTHON}/site-packages/"
    files: list[tuple[str, bytes]] = []
    for wheel in sorted(folder.glob("*.whl")):
        check_wheel(wheel, locked)
        with zipfile.ZipFile(wheel) as packed:
            entries = [entry for entry in packed.infolist() if not entry.is_dir()]
            files += [
                (prefix + entry.filename, packed.read(entry))
                for entry in entries
                if not _is_unread(f"/{entry.filename}")
            ]
    return _zip(target, files)


def read_lock(lock: Path) -> dict[str, set[str]]:
    """Return the hashes that the lock allows for each package, by its normalised name and version."""
    text = lock.read_text("utf-8").replace("\\\n", " ")
    locked: dict[str, set[str]] = {}
    for row in text.splitlines():
        if row and not row.startswith("#"):
            requirement, *hashes = re.split(r"\s+--hash=sha256:", row.rstrip())
            name, _, version = requirement.partition(";")[0].strip().partition("==")
            if not version or not hashes:
                raise Stop(f"{lock.name} does not lock {name} by version and hash: run make lock.")
            locked.setdefault(f"{_normalised(name)}=={version}", set()).update(hashes)
    return locked


def check_wheel(wheel: Path, locked: dict[str, set[str]]) -> None:
    """Raise Stop if a wheel is not one of the files that the lock allows."""
    name, version = wheel.name.split("-")[:2]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest not in locked.get(f"{_normalised(name)}=={version}", set()):
        raise Stop(
            f"{wheel.name} is not the file that requirements.txt locks: its SHA-256 is {digest}. "
            f"Delete {wheel.parent.parent.name}/{wheel.parent.name} in build/ and run the same again."
        )


def _download(lock: Path, architecture: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in folder.glob("*.whl"):
        left_over.unlink()
    command = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check"]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    command += ["--implementation", "cp", "--python-version", PYTHON.removeprefix("python")]
    for minor in range(_GLIBC.get(PYTHON, 34), 16, -1):
        command += ["--platform", f"manylinux_2_{minor}_{_MACHINES[architecture]}"]
    command += ["--platform", f"manylinux2014_{_MACHINES[architecture]}", "--requirement", str(lock)]
    if subprocess.run(command, check=False).returncode:
        raise Stop("pip has not fetched the packages of requirements.txt; its reason is above.")


def _zip(target: Path, files: Iterable[tuple[str, bytes]]) -> Artefact:
    """Write a zip whose bytes depend on its files alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unpacked = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = _MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, content)
            unpacked += len(content)
    return Artefact(target, unpacked)


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.split("[")[0]).lower()


def _is_unread(name: str) -> bool:
    return name.endswith(_UNREAD_SUFFIXES) or any(part in name for part in _UNREAD_PARTS)
