"""``python -m infra.deploy <command> --stage <name>``; ``make help`` lists the commands."""

import sys

from infra.environment import DEPLOY_HOME, DEPLOY_REQUIREMENTS, run_inside

if __name__ == "__main__":
    run_inside(DEPLOY_REQUIREMENTS, "infra.deploy", DEPLOY_HOME)

    from infra.deploy.commands import main

    sys.exit(main())
