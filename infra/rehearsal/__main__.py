"""``python -m infra.rehearsal``, or ``make rehearse``: the whole life of a stage on one machine."""

import os
import shutil
import sys
import traceback

from infra.environment import DEPLOY_HOME, DEPLOY_REQUIREMENTS, ROOT, run_inside, set_aside_aws


def main() -> int:
    """Rehearse; the exit status."""
    from infra.rehearsal import gaps
    from infra.rehearsal.acts import Rehearsal
    from infra.rehearsal.checks import Checks
    from infra.rehearsal.emulator import REGION, account

    folder = ROOT / "build" / "rehearsal"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    checks, limits = Checks(folder / "log.txt"), list(gaps.NOT_REHEARSED)
    os.environ["AWS_DEFAULT_REGION"] = REGION
    set_aside_aws()
    try:
        with account(folder / "account") as url:
            os.environ |= {"AWS_ENDPOINT_URL": url, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
            os.environ |= {"AWS_ACCESS_KEY_ID": "rehearsal", "AWS_SECRET_ACCESS_KEY": "rehearsal"}
            rehearsal = Rehearsal(url, folder, checks)
            limits += rehearsal.first.removed
            rehearsal.run()
    except Exception as error:
        checks.log(traceback.format_exc())
        checks.that("the rehearsal goes through to its end", holds=False, otherwise=error)
    return checks.end(limits)


if __name__ == "__main__":
    run_inside(DEPLOY_REQUIREMENTS, "infra.rehearsal", DEPLOY_HOME)
    sys.exit(main())
