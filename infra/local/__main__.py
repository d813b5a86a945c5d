"""``python -m infra.local``: install missing packages, then serve the local stack."""

import sys

from infra.environment import RUN_REQUIREMENTS, run_inside, set_aside_aws

if __name__ == "__main__":
    run_inside(RUN_REQUIREMENTS, "infra.local")
    set_aside_aws()
    from infra.emulator.sdk_models import read_models_once

    read_models_once()
    from infra.local.run import main

    sys.exit(main())
