"""The requirements files lock what pyproject.toml asks for, with hashes and nothing else."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]

GROUPS = {
    "requirements.txt": (),
    "infra/local/requirements.txt": ("local",),
    "requirements-dev.txt": ("dev",),
    "infra/deploy/requirements.txt": ("deploy",),
    "infra/rehearsal/requirements.txt": ("rehearsal",),
}
"""The dependency groups that each file locks, as in the Makefile's target ``lock``."""

WITHOUT_DEPLOYED = {"infra/rehearsal/requirements.txt"}
"""The files of environments that install nothing of what is deployed."""

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

every_file = pytest.mark.parametrize("file", GROUPS)


def entries(file: str) -> list[str]:
    """The packages of a requirements file, each with its hashes and the packages that need it."""
    text = (ROOT / file).read_text("utf-8")
    return re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]


def pin(line: str) -> str:
    """A requirement as ``name==version``."""
    requirement = Requirement(line)
    return f"{canonicalize_name(requirement.name)}{requirement.specifier}"


def members(group: str) -> set[str]:
    """The requirements of a dependency group, those of the groups that it includes too."""
    found = set()
    for member in PROJECT["dependency-groups"][group]:
        found |= {pin(member)} if isinstance(member, str) else members(member["include-group"])
    return found


def asked_for(file: str) -> set[str]:
    deployed = (
        set() if file in WITHOUT_DEPLOYED else {pin(line) for line in PROJECT["project"]["dependencies"]}
    )
    return deployed.union(*(members(group) for group in GROUPS[file]))


@every_file
def test_a_file_locks_exactly_what_pyproject_asks_for(file: str):
    direct = {pin(entry.split(" \\")[0]) for entry in entries(file) if "(pyproject.toml" in entry}
    assert direct == asked_for(file)


@every_file
def test_every_package_has_one_version_and_hashes(file: str):
    for entry in entries(file):
        assert re.match(
            r"[\w.-]+(\[[\w, -]+\])?==[\w.]+ (; [^\n]+ )?\\\n    --hash=sha256:[0-9a-f]{64}\b", entry
        ), entry


@every_file
def test_no_file_names_a_registry_or_another_source(file: str):
    text = (ROOT / file).read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash=)", text, re.MULTILINE)


def test_the_files_agree_on_each_version():
    deployed, local, dev = (
        {pin(entry.split(" \\")[0]) for entry in entries(file)}
        for file in ("requirements.txt", "infra/local/requirements.txt", "requirements-dev.txt")
    )
    assert deployed <= local <= dev


def test_every_group_and_every_file_is_locked():
    files = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("requirements*.txt")}
    files |= {path.relative_to(ROOT).as_posix() for path in ROOT.glob("infra/*/requirements*.txt")}
    assert files == set(GROUPS)
    locked = re.findall(r"--group (\w+)", (ROOT / "Makefile").read_text("utf-8"))
    assert sorted(locked) == sorted(PROJECT["dependency-groups"])
