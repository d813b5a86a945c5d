"""``python -m infra.support``: the support desk's command. ``--help`` lists its subcommands."""

import io
import sys
from contextlib import redirect_stdout
from pathlib import Path

from infra.environment import HOME, RUN_REQUIREMENTS, run_inside

if __name__ == "__main__":
    if Path(sys.prefix).resolve() != HOME.resolve():
        with redirect_stdout(sys.stderr):  # standard output is for the answer
            run_inside(RUN_REQUIREMENTS, "infra.support")
    from infra.support.command import main

    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character must still show the outcome.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(main(sys.argv[1:]))
