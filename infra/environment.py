"""The project's virtual environments, made and kept up to date with Python and pip alone.

Only the standard library here: this runs before anything is installed.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".venv"
RUN_REQUIREMENTS = ROOT / "infra" / "local" / "requirements.txt"
DEV_REQUIREMENTS = ROOT / "requirements-dev.txt"

DEPLOY_HOME = ROOT / ".venv-deploy"
DEPLOY_REQUIREMENTS = ROOT / "infra" / "deploy" / "requirements.txt"
"""Deploying has an environment of its own: nothing of the emulator or the tests is near a package."""

_OLDEST_PYTHON = (3, 11)


def ensure(requirements: Path, home: Path = HOME) -> Path:
    """Make an environment hold what a requirements file asks for; the path of its Python.

    Does nothing where the file's contents are what was installed last. Exits with a sentence
    where Python is too old or pip fails.
    """
    if sys.version_info < _OLDEST_PYTHON:
        sys.exit("totp-binding needs Python 3.11 or later.")
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = home / f"installed-{requirements.parent.name}-{requirements.stem}"
    wanted = _digest(requirements)
    if stamp.exists() and stamp.read_text("utf-8") == wanted and (_inside(home) or _works(python)):
        return python
    if not _works(python):
        print(f"making {home.relative_to(ROOT)}", flush=True)
        venv.EnvBuilder(clear=True, symlinks=os.name != "nt").create(home)
    print(f"installing {requirements.relative_to(ROOT)}", flush=True)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--requirement", str(requirements)]
    if subprocess.run(pip, check=False).returncode:
        sys.exit("pip could not install what is missing; its own words are above.")
    stamp.write_text(wanted, "utf-8")
    return python


def run_inside(requirements: Path, module: str, home: Path = HOME) -> None:
    """Run ``module`` in the virtual environment instead, unless this process is in it."""
    python = ensure(requirements, home)
    if _inside(home):
        return
    command = [str(python), "-m", module, *sys.argv[1:]]
    if os.name == "nt":
        sys.exit(subprocess.run(command, check=False).returncode)
    os.execv(command[0], command)


def set_aside_aws() -> None:
    """Leave this process nothing of the machine's own AWS set-up but its region.

    To be called before moto is imported, since that asks for a session already: a profile that is
    not there, or a file that cannot be read, would end everything at once.
    """
    region = os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _inside(home: Path) -> bool:
    """Whether that environment's Python runs this, and so works."""
    return Path(sys.prefix).resolve() == home.resolve()


def _works(python: Path) -> bool:
    """Return True if the environment's Python runs, and is of the version that runs this."""
    if not python.exists():
        return False
    command = [str(python), "-c", "import sys; print(repr(sys.version))"]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return ran.stdout.strip() == repr(sys.version)


def _digest(requirements: Path) -> str:
    """A digest of the file, of the files it includes, and of the Python that it is for."""
    text = requirements.read_text("utf-8")
    included = [line.split()[1] for line in text.splitlines() if line.startswith("-r ")]
    parts = [sys.version, text, *(_digest(requirements.parent / name) for name in included)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


if __name__ == "__main__":
    ensure(DEV_REQUIREMENTS)
