"""The auditors' command line.

    python -m infra.audit verify --account 88000001
    python -m infra.audit verify --all --since 2026-11-01
    python -m infra.audit export --month 2026-11 --to audit-2026-11.jsonl
    python -m infra.audit accounts --csv accounts.csv

Exit status: 0 if all is well, 1 if a trail breaks, 2 if that could not be told.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

if __name__ == "__main__":
    from infra.environment import RUN_REQUIREMENTS, run_inside

    run_inside(RUN_REQUIREMENTS, "infra.audit")

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.clients import describe
from chalicelib.core.errors import Unavailable
from infra.audit.accounts import accounts
from infra.audit.auditor import Auditor
from infra.audit.export import export
from infra.audit.verify import verify

clock: Callable[[], float] = time.time
"""The auditors' clock."""


def month(name: str) -> datetime:
    """Read a month such as ``2026-11``."""
    return datetime.strptime(name, "%Y-%m")  # noqa: DTZ007 - a month of the calendar


def day(name: str) -> int:
    """Read a day such as ``2026-11-01``, which begins in UTC, as Unix seconds."""
    return int(datetime.strptime(name, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())


def _arguments(arguments: list[str]) -> argparse.Namespace:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--stage", default="local", help="the Chalice stage, local by default")
    shared.add_argument("--endpoint-url", help="the address of AWS, for the local stage")
    parser = argparse.ArgumentParser(prog="python -m infra.audit", description="For auditors.")
    commands = parser.add_subparsers(required=True, metavar="verify | export | accounts")
    one = commands.add_parser("verify", parents=[shared], help="say where a trail breaks")
    whose = one.add_mutually_exclusive_group(required=True)
    whose.add_argument("--account")
    whose.add_argument("--all", action="store_true", help="every account, with progress")
    one.add_argument("--since", type=day, default=0, metavar="2026-11-01", help="no earlier changes")
    one.set_defaults(run=lambda by, asked: verify(by, asked.account, asked.since))
    one = commands.add_parser("export", parents=[shared], help="copy a month as JSON Lines")
    one.add_argument("--month", type=month, required=True, metavar="2026-11", help="by UTC")
    one.add_argument("--to", metavar="FILE", type=Path, required=True)
    one.set_defaults(run=lambda by, asked: export(by, asked.month, asked.to))
    one = commands.add_parser("accounts", parents=[shared], help="count accounts by state")
    one.add_argument("--csv", metavar="FILE", type=Path, help="list each account there too")
    one.set_defaults(run=lambda by, asked: accounts(by, asked.csv))
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run a command, and return the exit status."""
    asked = _arguments(arguments)
    if asked.endpoint_url:
        os.environ["AWS_ENDPOINT_URL"] = asked.endpoint_url
    if asked.stage == "local":
        if "AWS_ENDPOINT_URL" not in os.environ:
            print("give --endpoint-url: make run prints it, as its line aws", file=sys.stderr)
            return 2
        # The emulated AWS takes any credentials, but the SDK wants some.
        os.environ.setdefault("AWS_ACCESS_KEY_ID", "local")
        os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "local")
        os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    try:
        status: int = asked.run(Auditor(asked.stage, clock), asked)
    except Unavailable as unavailable:
        why = unavailable.why
    except (BotoCoreError, ClientError) as error:
        why = describe(error)
    except OSError as error:
        why = str(error)
    else:
        return status
    print(f"it could not be told: {why}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
