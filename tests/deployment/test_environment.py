"""The virtual environments: made for the Python that runs, and made anew for another."""

import sys
import venv
from pathlib import Path

import pytest

from infra import environment


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    (tmp_path / "requirements.txt").write_text("", "utf-8")
    return tmp_path / "environment"


def works(home: Path) -> bool:
    return environment._works(home / "bin" / "python")


def test_an_environment_of_this_python_works(home: Path):
    assert not works(home)
    venv.EnvBuilder(symlinks=True).create(home)
    assert works(home)


def test_one_of_another_python_does_not(home: Path, monkeypatch: pytest.MonkeyPatch):
    """The Python that deploys is the runtime of the functions: PYTHON=... must not be ignored."""
    venv.EnvBuilder(symlinks=True).create(home)
    monkeypatch.setattr(sys, "version", "3.99.0 (of another day)")
    assert not works(home)


def test_one_whose_python_is_gone_does_not(home: Path):
    venv.EnvBuilder(symlinks=True).create(home)
    python = home / "bin" / "python"
    python.unlink()
    python.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    python.chmod(0o755)
    assert not works(home)
