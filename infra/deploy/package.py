"""``chalice package`` for a stage, in a folder of its own under ``build/package``."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalice.deploy.packager import AppOnlyDeploymentPackager, DependencyBuilder, LayerDeploymentPackager
from chalice.utils import UI, OSUtils

from infra.deploy import compose, templates
from infra.deploy.artefacts import LOCK, PYTHON, Artefacts, build_code, build_layer, sources
from infra.deploy.console import Stop, line
from infra.deploy.stage import Stage
from infra.deploy.templates import as_json, parameters_of
from infra.environment import ROOT

PACKAGES = ROOT / "build" / "package"


@dataclass(frozen=True, slots=True)
class Package:
    """A stage's package: the merged SAM template, its parameters, and the zips that it names."""

    folder: Path
    template: dict[str, Any]
    parameters: dict[str, str]
    artefacts: Artefacts

    @property
    def release(self) -> str:
        """The id of the release, which follows from the content."""
        found: str = self.template["Outputs"]["Release"]["Value"]
        return found


def build_artefacts(stage: Stage) -> Artefacts:
    """Build code and layer for the stage, and lay them where Chalice looks for them."""
    project = PACKAGES / stage.name / "project"
    shutil.rmtree(project, ignore_errors=True)
    for name, path in sources():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, project / name)
    shutil.copyfile(LOCK, project / "requirements.txt")
    config = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
    config |= compose.chalice_settings(stage)
    (project / ".chalice").mkdir()
    (project / ".chalice" / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    code, layer = _chalice_names(project, stage.architecture)
    return Artefacts(build_code(code), build_layer(layer, stage.architecture))


def build_package(stage: Stage, values: Mapping[str, object], canary_role: str) -> Package:
    """Package a stage. ``values`` are by the names of the template's parameters.

    Raises Stop if a dependency has no wheel, or if Chalice fails.
    """
    artefacts = build_artefacts(stage)
    template = templates.read("service")
    parameters = parameters_of(template, values)
    merge = compose.compose(template, stage, routes(), artefacts, parameters, canary_role)
    folder = PACKAGES / stage.name
    (folder / "merge.json").write_text(as_json(merge), "utf-8")
    (folder / "parameters.json").write_text(
        json.dumps([f"{name}={value}" for name, value in parameters.items()], indent=2), "utf-8"
    )
    run_chalice(folder, stage)
    document = json.loads((folder / "out" / "sam.json").read_text("utf-8"))
    return Package(folder, document, parameters, artefacts)


def routes() -> dict[str, list[str]]:
    """Return the methods of each path of the API."""
    app = importlib.import_module("app").app
    return {path: sorted(methods) for path, methods in app.routes.items()}


def run_chalice(folder: Path, stage: Stage) -> None:
    """Run ``chalice package``. Raises Stop if it fails, after its own words."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    command = [sys.executable, "-c", "from chalice.cli import main; raise SystemExit(main())"]
    command += ["--project-dir", str(folder / "project"), *chalice_options(stage.name)]
    environment = os.environ | {"AWS_DEFAULT_REGION": stage.region, "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ran.returncode or not (folder / "out" / "sam.json").exists():
        raise Stop(f"chalice package failed:\n{ran.stdout}")


def chalice_options(stage: str) -> list[str]:
    """Return the documented command that makes the stage's template; its paths are the project's."""
    command = ["package", "--stage", stage, "--pkg-format", "cloudformation"]
    return [*command, "--merge-template", "../merge.json", "../out"]


def show_sizes(artefacts: Artefacts) -> None:
    """Print how large code and layer are, and what they are known by."""
    for name, built in (("code", artefacts.code), ("layer", artefacts.layer)):
        sizes = f"{built.size / 1e6:.2f} MB zipped, {built.unpacked / 1e6:.2f} MB unpacked"
        line(f"{name:<12} {sizes}, sha256 {built.digest[:16]}")


def _chalice_names(project: Path, architecture: str) -> tuple[Path, Path]:
    """Return the files that Chalice takes for the code and the layer, if they exist."""
    files = OSUtils()
    parts = (files, DependencyBuilder(files, architecture=architecture), UI(), architecture)
    code = AppOnlyDeploymentPackager(*parts).deployment_package_filename(str(project), PYTHON)
    layer = LayerDeploymentPackager(*parts).deployment_package_filename(str(project), PYTHON)
    return Path(code), Path(layer)
