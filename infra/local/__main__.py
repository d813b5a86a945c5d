"""``python -m infra.local``: everything that is missing is installed, then the stack is served."""

import sys

from infra.environment import RUN_REQUIREMENTS, run_inside

if __name__ == "__main__":
    run_inside(RUN_REQUIREMENTS, "infra.local")
    from infra.local.serve import main

    sys.exit(main())
