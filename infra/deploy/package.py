"""``chalice package`` for a stage, in a folder of its own under ``build/package``."""

import importlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalice.deploy.packager import AppOnlyDeploymentPackager, DependencyBuilder, LayerDeploymentPackager
from chalice.utils import UI, OSUtils

from infra import templates
from infra.deploy import compose
from infra.deploy.artefacts import LOCK, PYTHON, Artefacts, build_code, build_layer, sources
from infra.deploy.console import Stop
from infra.deploy.stage import Stage
from infra.deploy.template_json import as_json, parameters_of
from infra.environment import ROOT

PACKAGES = ROOT / "build" / "package"


@dataclass(frozen=True, slots=True)
class Package:
    """A stage's package: the merged SAM template, its parameters, and the zips that it names."""

    template: dict[str, Any]
    parameters: dict[str, str]
    artefacts: Artefacts

    @property
    def release(self) -> str:
        """The id of the release, which follows from the content."""
        found: str = self.template["Outputs"]["Release"]["Value"]
        return found


def build_artefacts(stage: Stage) -> Artefacts:
    """Build code and layer for the stage, in the files that Chalice takes if they exist."""
    project = PACKAGES / stage.name / "project"
    shutil.rmtree(project, ignore_errors=True)
    for name, path in sources():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, project / name)
    shutil.copyfile(LOCK, project / "requirements.txt")
    config = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
    (project / ".chalice").mkdir()
    (project / ".chalice" / "config.json").write_text(json.dumps(config | compose.configuration(stage)))
    files = OSUtils()
    parts = (files, DependencyBuilder(files, architecture=stage.architecture), UI(), stage.architecture)
    code, layer = (
        Path(kind(*parts).deployment_package_filename(str(project), PYTHON))
        for kind in (AppOnlyDeploymentPackager, LayerDeploymentPackager)
    )
    return Artefacts(build_code(code), build_layer(layer, stage.architecture))


def build_package(stage: Stage, values: Mapping[str, object], canary_role: str) -> Package:
    """Package a stage, with values of the template's parameters. Raises Stop if Chalice fails."""
    artefacts = build_artefacts(stage)
    template = templates.read("service")
    parameters = parameters_of(template, values)
    routes = importlib.import_module("app").app.routes
    merge = compose.compose(template, stage, routes, artefacts, parameters, canary_role)
    folder = PACKAGES / stage.name
    (folder / "merge.json").write_text(as_json(merge), "utf-8")
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    (folder / "parameters.json").write_text(json.dumps(overrides), "utf-8")
    shutil.rmtree(folder / "out", ignore_errors=True)
    program = [sys.executable, "-c", "from chalice.cli import main; raise SystemExit(main())"]
    environment = {"AWS_DEFAULT_REGION": stage.region, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*program, *_chalice_words(stage, folder)]
    ran = subprocess.run(command, env=os.environ | environment, capture_output=True, check=False)
    if ran.returncode:
        raise Stop(f"chalice package failed:\n{(ran.stdout + ran.stderr).decode()}")
    return Package(json.loads((folder / "out" / "sam.json").read_text("utf-8")), parameters, artefacts)


def by_hand(stage: Stage, bucket: str, role: str) -> list[str]:
    """Return the documented commands of Chalice and the AWS command line that deploy the package."""
    folder = PACKAGES.relative_to(ROOT) / stage.name
    aws = f"aws --region {stage.region} cloudformation"
    environment = f"env AWS_DEFAULT_REGION={stage.region} PYTHONDONTWRITEBYTECODE=1"
    source = f"--template-file {folder}/out/sam.json --output-template-file {folder}/packaged.yaml"
    target = f"--stack-name {stage.stack} --template-file {folder}/packaged.yaml --role-arn {role}"
    values = (
        f"--parameter-overrides file://{folder}/parameters.json --capabilities CAPABILITY_AUTO_EXPAND"
    )
    return [
        f"{environment} .venv-deploy/bin/chalice {shlex.join(_chalice_words(stage, folder))}",
        f"{aws} package {source} --s3-bucket {bucket}",
        f"{aws} deploy {target} {values} --s3-bucket {bucket}",
    ]


def _chalice_words(stage: Stage, folder: Path) -> list[str]:
    """Return Chalice's documented command, in which paths are relative to the project's folder."""
    words = ["--project-dir", f"{folder}/project", "package", "--stage", stage.name]
    return [*words, "--pkg-format", "cloudformation", "--merge-template", "../merge.json", "../out"]
