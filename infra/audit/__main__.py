"""The auditors' command line: is the trail whole, and a copy of a month of it.

    python -m infra.audit verify --account 88000001
    python -m infra.audit verify --all --against notifications.jsonl
    python -m infra.audit export --month 2026-11 --to audit-2026-11.jsonl
    python -m infra.audit export --month 2026-11 --bucket broker-audit

Exit status: 0 where all is well, 1 where a trail breaks, 2 where it could not be told.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    from infra.environment import RUN_REQUIREMENTS, run_inside

    run_inside(RUN_REQUIREMENTS, "infra.audit")

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.clients import describe
from chalicelib.core.errors import Unavailable
from chalicelib.documents import rfc3339
from infra.audit import copies
from infra.audit.auditor import Auditor
from infra.audit.check import Break, Damage
from infra.audit.copies import Month

LAG_SECONDS = 8
"""How long a change may take from the binding into the trail before an auditor calls it lost."""

_PROGRESS_SECONDS = 2

clock: Callable[[], float] = time.time
"""The auditors' clock."""


def verify(auditor: Auditor, asked: argparse.Namespace) -> int:
    """Say of one account or of all whether the trail is whole."""
    witnessed = _witnesses(asked.against)
    accounts = sorted(auditor.accounts() | set(witnessed)) if asked.all else [asked.account]
    broken, late = 0, []
    progress = Progress(len(accounts), shown=asked.all)
    for account in accounts:
        found = auditor.breaks(account, witnessed.get(account, {}))
        if found and {one.damage for one in found} <= {Damage.CUT, Damage.UNTOLD}:
            late.append(account)
        else:
            broken += _report(account, found)
        progress.step(broken)
    if late:
        # The last change to a binding may still be on its way, or have come while we looked.
        time.sleep(LAG_SECONDS)
        broken += sum(
            _report(account, auditor.breaks(account, witnessed.get(account, {}))) for account in late
        )
    progress.end(broken)
    if not broken:
        print(f"the trail is whole: {auditor.rows_read} rows of {len(accounts)} accounts")
    return 1 if broken else 0


def _report(account: str, found: list[Break]) -> bool:
    for one in found:
        print(f"{account}  {one.damage}  {one.event_id or 'at the end'}: {one.words}", flush=True)
    return bool(found)


class Progress:
    """Says now and then on standard error how far a walk over many accounts has come."""

    def __init__(self, total: int, *, shown: bool) -> None:
        self._total = total
        self._shown = shown
        self._done = 0
        self._last = time.monotonic()

    def step(self, broken: int) -> None:
        """One account more."""
        self._done += 1
        if time.monotonic() - self._last > _PROGRESS_SECONDS:
            self.end(broken)

    def end(self, broken: int) -> None:
        """How far it is now."""
        self._last = time.monotonic()
        if self._shown:
            print(
                f"{self._done} of {self._total} accounts, {broken} broken", file=sys.stderr, flush=True
            )


def _witnesses(paths: list[Path]) -> dict[str, dict[str, str]]:
    """Seals by account and event_id, from JSON Lines of notifications or exports."""
    witnessed: dict[str, dict[str, str]] = {}
    for path in paths:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            try:
                told = json.loads(line)
                account, event_id, seal = (told[name] for name in ("account", "event_id", "hmac"))
            except (KeyError, TypeError, ValueError):
                raise Unavailable(f"{path}: line {number} is no notification and no row") from None
            witnessed.setdefault(account, {})[event_id] = seal
    return witnessed


def export(auditor: Auditor, asked: argparse.Namespace) -> int:
    """Write the rows of a month to a file, or by way of one into a bucket."""
    month: Month = asked.month
    now = auditor.now()
    about = {
        "stage": auditor.stage,
        "month": month.name,
        "from": rfc3339(month.start),
        "until": rfc3339(month.end),
        "made_at": rfc3339(now),
        # A row is put a moment after its change; what a busy stream still holds is not in yet.
        "complete": now >= month.end + 86_400,
    }
    rows = auditor.table.recorded(month.start, month.end)
    if asked.to:
        manifest = copies.write(rows, asked.to, about)
        print(f"{manifest['rows']} rows in {asked.to}, sha256 {manifest['sha256']}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"audit-{auditor.stage}-{month.name}.jsonl"
        manifest = copies.write(rows, path, about)
        files = [path, copies.manifest_path(path)]
        kept_until = max(month.end, now) + auditor.kept_seconds
        for address in copies.upload(files, asked.bucket, asked.prefix, kept_until):
            print(address)
    print(f"{manifest['rows']} rows, sha256 {manifest['sha256']}")
    return 0


def _month(name: str) -> Month:
    try:
        return Month.parse(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _arguments(arguments: list[str]) -> argparse.Namespace:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--stage", default="local", help="the Chalice stage, local by default")
    shared.add_argument("--endpoint-url", help="where AWS is, for the local stage")
    shared.add_argument("--kept-years", type=int, default=7, help="TRAIL_KEPT_YEARS of the stage")
    parser = argparse.ArgumentParser(prog="audit.py", description="The audit trail, for auditors.")
    commands = parser.add_subparsers(required=True, metavar="verify | export")
    checking = commands.add_parser("verify", parents=[shared], help="say where a trail breaks")
    whose = checking.add_mutually_exclusive_group(required=True)
    whose.add_argument("--account")
    whose.add_argument("--all", action="store_true", help="every account, with progress")
    checking.add_argument(
        "--against",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="JSON Lines of notifications or an export, to hold the rows against",
    )
    checking.set_defaults(run=verify)
    copying = commands.add_parser("export", parents=[shared], help="copy a month as JSON Lines")
    copying.add_argument("--month", type=_month, required=True, help="by UTC, such as 2026-11")
    where_to = copying.add_mutually_exclusive_group(required=True)
    where_to.add_argument("--to", metavar="FILE", type=Path)
    where_to.add_argument("--bucket", help="one with Object Lock")
    copying.add_argument("--prefix", default="", help="what the keys in the bucket begin with")
    copying.set_defaults(run=export)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run a command; the exit status."""
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
        status: int = asked.run(Auditor(asked.stage, asked.kept_years, clock), asked)
    except Unavailable as unavailable:
        print(f"it could not be told: {unavailable.why}", file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError) as error:
        print(f"it could not be told: {describe(error)}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"it could not be told: {error}", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
