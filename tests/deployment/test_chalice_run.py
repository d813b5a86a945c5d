"""Chalice's own command, run as a part of a deployment."""

from pathlib import Path

import pytest

from infra import deploy
from infra.deploying.stage import Stage

TALKS = """
import pathlib, time
def main():
    print("Creating Rest API")
    for _ in range(100):
        if pathlib.Path({heard!r}).exists():
            return 0
        time.sleep(0.05)
    return 1
"""
"""A Chalice that says something, and is done only when that was heard."""


def test_what_chalice_says_is_heard_while_it_works(
    tmp_path: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    heard = tmp_path / "heard"
    package = tmp_path / "chalice"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "cli.py").write_text(TALKS.format(heard=str(heard)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    monkeypatch.setattr(deploy, "line", heard.write_text)
    deploy.run_chalice(stage)
    assert heard.read_text() == "chalice      Creating Rest API"
