"""Installing packages shows its progress, and a failure shows the reason."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from infra import environment

METADATA = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture
def requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A requirements file of one package, which pip finds in a folder and nowhere else."""
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("tiny.py", "")
        packed.writestr("tiny-1.0.dist-info/METADATA", METADATA)
        packed.writestr("tiny-1.0.dist-info/WHEEL", WHEEL)
        packed.writestr("tiny-1.0.dist-info/RECORD", "tiny.py,,\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    file = tmp_path / "requirements.txt"
    file.write_text(f"# Locked.\ntiny==1.0 \\\n    --hash=sha256:{digest}\n")
    return file


def test_an_installation_shows_its_progress_and_nothing_of_pip(
    requirements: Path, capfd: pytest.CaptureFixture[str]
):
    python = environment.ensure(requirements, requirements.parent / "home")
    assert list((requirements.parent / "home").rglob("tiny.py"))
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[0] == "installing packages: 0 of 1 fetched, 0 s"
    assert all(line.startswith("installing packages: ") for line in told.err.splitlines())
    assert environment.ensure(requirements, requirements.parent / "home") == python
    assert capfd.readouterr() == ("", "")


def test_a_failure_shows_the_reason_and_is_tried_again(requirements: Path):
    right = requirements.read_text()
    requirements.write_text(right.replace("sha256:", "sha256:" + "0" * 64 + " #"))
    home = requirements.parent / "home"
    with pytest.raises(SystemExit) as ended:
        environment.ensure(requirements, home)
    assert "DO NOT MATCH THE HASHES" in str(ended.value.code)
    requirements.write_text(right)
    environment.ensure(requirements, home)
    assert list(home.rglob("tiny.py"))


def test_an_interrupted_installation_ends_in_one_sentence_and_is_tried_again(
    requirements: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    home = requirements.parent / "home"
    show = environment._Progress.show_until_the_end
    monkeypatch.setattr(environment._Progress, "show_until_the_end", interrupted)
    with pytest.raises(SystemExit) as ended:
        environment.ensure(requirements, home)
    assert len(str(ended.value.code).strip().splitlines()) == 1
    monkeypatch.setattr(environment._Progress, "show_until_the_end", show)
    environment.ensure(requirements, home)
    assert list(home.rglob("tiny.py"))
