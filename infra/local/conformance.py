"""``python -m infra.local.conformance``: replays the checklist of docs/clients.md as a transcript.

On a stack started for this alone, or on the freshly started one whose address is given.
"""

import sys

from infra.environment import RUN_REQUIREMENTS, run_inside

if __name__ == "__main__":
    run_inside(RUN_REQUIREMENTS, "infra.local.conformance")
    from infra.local.checklist import main

    sys.exit(main())
