"""Fresh clones of the project, and commands that are run in them as ops would."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.deploy.templates import NAMES
from infra.environment import DEPLOY_HOME, ROOT
from infra.rehearsal import gaps
from infra.rehearsal.checks import Checks

_PARTS = ("app.py", "chalicelib", "infra", "requirements.txt", ".chalice/config.json")

_MARK = """

@app.middleware("http")
def mark_{release}(event, get_response):
    response = get_response(event)
    response.headers.setdefault("x-release", "{release}")
    return response
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """The exit status of a command, and its output."""

    status: int
    output: str


class Clone:
    """A copy of the repository, with templates that MiniStack takes."""

    def __init__(self, folder: Path, checks: Checks) -> None:
        self.folder = folder
        self._checks = checks
        for part in _PARTS:
            target = folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / part, target)
        self.removed = {name: gaps.fit(name, self.template(name)) for name in NAMES}
        (folder / DEPLOY_HOME.name).symlink_to(DEPLOY_HOME, target_is_directory=True)
        (ROOT / "build" / "wheels").mkdir(parents=True, exist_ok=True)
        (folder / "build").mkdir()
        (folder / "build" / "wheels").symlink_to(ROOT / "build" / "wheels", target_is_directory=True)

    def template(self, name: str) -> Path:
        """Return the path of a template."""
        return self.folder / "infra" / "templates" / f"{name}.yaml"

    def write_stage(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a stage's file."""
        path = self.folder / "infra" / "stages" / f"{name}.json"
        path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "utf-8")

    def mark(self, release: str) -> None:
        """Change the code so that its answers tell its release from the others.

        A new route would do, but MiniStack creates another API for it.
        """
        with (self.folder / "app.py").open("a", encoding="utf-8") as app:
            app.write(_MARK.format(release=release))

    def deploy(self, command: str, stage: str, *flags: str, typed: str = "") -> Ran:
        """Run ``python -m infra.deploy``."""
        return self.run(
            [sys.executable, "-m", "infra.deploy", command, "--stage", stage, *flags], typed=typed
        )

    def chalice(self, *words: str, typed: str = "") -> Ran:
        """Run one of Chalice's own commands."""
        return self.run([str(DEPLOY_HOME / "bin" / "chalice"), *words], typed=typed)

    def run(self, command: Sequence[str], *, typed: str = "", path: str = "") -> Ran:
        """Run a command in the clone; ``path`` is searched for programs first."""
        self._checks.log(f"\n$ {' '.join(command)}")
        environment = os.environ | {"PATH": f"{path}:{os.environ['PATH']}"} if path else os.environ
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env=dict(environment),
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self._checks.log(ran.stdout)
        return Ran(ran.returncode, ran.stdout)
