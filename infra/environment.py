"""Create the project's virtual environments and keep them up to date, with Python and pip alone.

This module imports only the standard library, because it runs before anything is installed.
"""

import hashlib
import os
import re
import subprocess
import sys
import threading
import time
import venv
from collections import deque
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".venv"
RUN_REQUIREMENTS = ROOT / "infra" / "local" / "requirements.txt"
DEV_REQUIREMENTS = ROOT / "requirements-dev.txt"

DEPLOY_HOME = ROOT / ".venv-deploy"
DEPLOY_REQUIREMENTS = ROOT / "infra" / "deploy" / "requirements.txt"
"""Deploying has an environment of its own: nothing of the emulator or the tests is near a package."""

_OLDEST_PYTHON = (3, 11)


def ensure(requirements: Path, home: Path = HOME) -> Path:
    """Install a locked requirements file into an environment. Returns the path of its Python.

    Does nothing if that file was installed last. Exits with a message if Python is too old
    or pip fails.
    """
    if sys.version_info < _OLDEST_PYTHON:
        sys.exit("totp-binding needs Python 3.11 or later.")
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = home / f"installed-{requirements.parent.name}-{requirements.stem}"
    wanted = _digest(requirements)
    if stamp.exists() and stamp.read_text("utf-8") == wanted and (_inside(home) or _works(python)):
        return python
    if not _works(python):
        venv.EnvBuilder(clear=True, symlinks=os.name != "nt").create(home)
    _install(requirements, python)
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
    """Remove the machine's own AWS configuration from this process, except the region.

    Call it before moto is imported: moto opens a session while it is imported, which fails if the
    configuration names a missing profile or an unreadable file.
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


def _install(requirements: Path, python: Path) -> None:
    """Run pip and show its progress on standard error. Exits with pip's last lines if it fails."""
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--progress-bar", "off"]
    pip += ["--disable-pip-version-check", "--require-hashes", "--requirement", str(requirements)]
    packages = len(re.findall(r"^\w", requirements.read_text("utf-8"), re.MULTILINE))
    with subprocess.Popen(
        pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    ) as process:
        assert process.stdout is not None
        progress = _Progress(process.stdout, packages)
        try:
            progress.show_until_the_end()
        except KeyboardInterrupt:
            process.terminate()
            sys.exit("\nstopped; the same command installs the packages again")
    if process.returncode:
        sys.exit("\n".join([*progress.last_lines, "pip could not install the packages; see above."]))


class _Progress:
    """The progress of pip, read from its output: one line that changes, or lines in a file."""

    def __init__(self, output: IO[str], packages: int) -> None:
        self.last_lines: deque[str] = deque(maxlen=20)
        self._packages = packages
        self._fetched = 0
        self._unpacks = False
        self._reader = threading.Thread(target=self._read, args=(output,), daemon=True)

    def show_until_the_end(self) -> None:
        """Show the progress each second, or every ten seconds in a file, until pip ends."""
        begin, width, end, seconds = ("\r", 50, "", 1) if sys.stderr.isatty() else ("", 0, "\n", 10)
        began = time.monotonic()
        self._reader.start()
        while self._reader.is_alive():
            passed = round(time.monotonic() - began)
            done = "all fetched" if self._unpacks else f"{self._fetched} of {self._packages} fetched"
            text = f"installing packages: {done}, {passed} s"
            print(begin + text.ljust(width), end=end, file=sys.stderr, flush=True)
            self._reader.join(seconds)
        print(end="" if end else "\n", file=sys.stderr)

    def _read(self, output: IO[str]) -> None:
        for line in output:
            self.last_lines.append(line.rstrip())
            # pip ignores the packages of other systems.
            self._fetched += line.startswith(("Collecting ", "Processing ", "Ignoring "))
            if line.startswith("Installing collected packages"):
                self._unpacks = True


def _inside(home: Path) -> bool:
    """Return true if this process runs the environment's Python, which therefore works."""
    return Path(sys.prefix).resolve() == home.resolve()


def _works(python: Path) -> bool:
    """Return True if the environment's Python runs, and is of the version that runs this."""
    if not python.exists():
        return False
    command = [str(python), "-c", "import sys; print(repr(sys.version))"]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return ran.stdout.strip() == repr(sys.version)


def _digest(requirements: Path) -> str:
    """Return a digest of the file and of the Python that it is installed for."""
    return hashlib.sha256(sys.version.encode() + requirements.read_bytes()).hexdigest()


if __name__ == "__main__":
    ensure(DEV_REQUIREMENTS)
