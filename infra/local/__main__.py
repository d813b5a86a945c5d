"""``python -m infra.local``: everything that is missing is installed, then the stack is served."""

import sys

from infra.environment import RUN_REQUIREMENTS, run_inside, set_aside_aws

if __name__ == "__main__":
    run_inside(RUN_REQUIREMENTS, "infra.local")
    set_aside_aws()
    from infra.emulator.models import read_models_once

    read_models_once()
    from infra.local.serve import main

    sys.exit(main())
