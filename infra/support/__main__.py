"""``python -m infra.support``: the support desk's command line. ``--help`` says what it can do."""

import io
import sys
from contextlib import redirect_stdout
from pathlib import Path

from infra.environment import HOME, RUN_REQUIREMENTS, run_inside

if __name__ == "__main__":
    if Path(sys.prefix).resolve() != HOME.resolve():
        with redirect_stdout(sys.stderr):  # a script may be reading the answer
            run_inside(RUN_REQUIREMENTS, "infra.support")
    from infra.support.command import main

    for stream in (sys.stdout, sys.stderr):
        # What has been done must be told, whatever characters the terminal lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(main(sys.argv[1:]))
