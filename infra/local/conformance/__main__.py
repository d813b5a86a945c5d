"""``python -m infra.local.conformance [URL]``: replay the checklist of docs/clients.md.

It runs on the freshly started stack at URL, or starts one for itself.
"""

import sys

from infra.environment import RUN_REQUIREMENTS, run_inside

if __name__ == "__main__":
    run_inside(RUN_REQUIREMENTS, "infra.local.conformance")
    from infra.local.conformance.checklist import main

    sys.exit(main())
