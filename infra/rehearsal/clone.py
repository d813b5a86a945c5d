"""Fresh clones of the project, and commands that are run in them as ops would."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.deploy.artefacts import WHEELS
from infra.environment import DEPLOY_HOME, ROOT
from infra.rehearsal import gaps
from infra.rehearsal.checks import Checks
from infra.rehearsal.emulator import HOME

_MARK = """

@app.middleware("http")
def mark_{release}(event, get_response):
    response = get_response(event)
    response.headers.setdefault("x-release", "{release}")
    return response
"""


Ran = subprocess.CompletedProcess[str]


class Clone:
    """A copy of the repository, with templates that MiniStack takes."""

    def __init__(self, folder: Path, stage: str, document: Mapping[str, Any], checks: Checks) -> None:
        self._folder, self._stage, self._checks = folder, stage, checks
        unwanted = shutil.ignore_patterns("__pycache__", "deployed", "deployments")
        for part in ("chalicelib", "infra", ".chalice"):
            shutil.copytree(ROOT / part, folder / part, ignore=unwanted)
        for part in ("app.py", "requirements.txt"):
            shutil.copy(ROOT / part, folder)
        self.removed = gaps.fit(folder / "infra" / "templates")
        text = json.dumps(document, ensure_ascii=False, indent=2)
        (folder / "infra" / "stages" / f"{stage}.json").write_text(text, "utf-8")
        WHEELS.mkdir(parents=True, exist_ok=True)
        (folder / "build").mkdir()
        (folder / "build" / "wheels").symlink_to(WHEELS, target_is_directory=True)
        (folder / DEPLOY_HOME.name).symlink_to(DEPLOY_HOME, target_is_directory=True)

    def mark(self, release: str) -> None:
        """Change the code so that its answers tell its release from the others."""
        with (self._folder / "app.py").open("a", encoding="utf-8") as app:
            app.write(_MARK.format(release=release))

    def break_service(self, after: Sequence[str]) -> None:
        """Have the service's stack fail once some of its resources are done; no judge can know."""
        path = self._folder / "infra" / "templates" / "service.yaml"
        template = json.loads(path.read_text("utf-8"))
        fails = {"Type": "AWS::Logs::LogStream", "Properties": {"LogGroupName": "/nobody/made/this"}}
        template["Resources"]["Fails"] = {**fails, "DependsOn": after}
        path.write_text(json.dumps(template), "utf-8")

    def deploy(self, command: str, *flags: str, typed: str = "") -> Ran:
        """Run ``python -m infra.deploy`` for the stage."""
        program = [sys.executable, "-m", "infra.deploy", command, "--stage", self._stage]
        return self.run([*program, *flags], typed)

    def chalice(self, command: str, *words: str, typed: str = "") -> Ran:
        """Run one of Chalice's own commands for the stage."""
        program = [str(DEPLOY_HOME / "bin" / "chalice"), command, "--stage", self._stage]
        return self.run([*program, *words], typed)

    def run(self, command: Sequence[str], typed: str = "") -> Ran:
        """Run a command in the clone, with the AWS command line at hand."""
        self._checks.log(f"\n$ {' '.join(command)}")
        environment = os.environ | {"PATH": f"{HOME / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        how: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        ran = subprocess.run(command, cwd=self._folder, env=environment, input=typed, check=False, **how)
        self._checks.log(ran.stdout)
        return ran
