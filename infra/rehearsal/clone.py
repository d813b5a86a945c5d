"""A clone of the project from which ops deploy, and deploying from it."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.environment import HOME

_PACKAGED = ".chalice/deployments"
_PARTS = ("app.py", "chalicelib", "infra", "requirements.txt", ".chalice/config.json")


def copy_project(origin: Path, folder: Path) -> None:
    """Copy what a deployment needs of the repository."""
    for part in _PARTS:
        there = folder / part
        there.parent.mkdir(parents=True, exist_ok=True)
        if (origin / part).is_dir():
            shutil.copytree(origin / part, there, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin / part, there)


class Clone:
    """A fresh copy of what the repository holds, in a folder of its own."""

    def __init__(self, folder: Path, origin: Path, environment: Mapping[str, str]) -> None:
        copy_project(origin, folder)
        self.folder = folder
        self._environment = environment
        (folder / ".venv").symlink_to(HOME, target_is_directory=True)

    def write_stage(self, name: str, document: Mapping[str, Any]) -> None:
        """Write the stage's file, as ops would."""
        path = self.folder / "infra" / "stages" / f"{name}.json"
        path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "utf-8")

    @property
    def layers(self) -> dict[str, str]:
        """The layers that were packaged here: each file's digest by its name."""
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self._packaged_layers()
        }

    def take_layers(self, other: "Clone") -> None:
        """Take over the layers of another clone, as a CI runner keeps them from its run before."""
        there = self.folder / _PACKAGED
        there.mkdir()
        for layer in other._packaged_layers():
            shutil.copy(layer, there)

    def deploy(self, command: str, stage: str, *flags: str, typed: str = "", cut_at: str = "") -> "Ran":
        """Run ``infra/deploy.py`` with its words on the screen, killed where it says ``cut_at``."""
        line = [sys.executable, "infra/deploy.py", command, "--stage", stage, *flags]
        print(f"\n$ {' '.join(['python', *line[1:]])}", flush=True)
        process = subprocess.Popen(
            line,
            cwd=self.folder,
            env=dict(self._environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said = []
        with process:
            if process.stdin is not None:
                process.stdin.write(typed)
                process.stdin.close()
            for row in process.stdout or ():
                print(f"  | {row.rstrip()}", flush=True)
                said.append(row)
                if cut_at and cut_at in row:
                    os.killpg(process.pid, signal.SIGKILL)
                    break
        return Ran(process.returncode, "".join(said))

    def _packaged_layers(self) -> list[Path]:
        return sorted((self.folder / _PACKAGED).glob("managed-layer-*.zip"))


class Ran:
    """How a command ended, and what it said."""

    def __init__(self, status: int, said: str) -> None:
        self.status = status
        self.said = said
