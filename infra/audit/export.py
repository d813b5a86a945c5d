"""``export``: the rows of a month as JSON Lines, with times that people read."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chalicelib.aws.audit_rows import readable_time
from infra.audit.auditor import Auditor

_TIMES = ("at", "before_at", "kept_until")


def export(auditor: Auditor, month: datetime, to: Path) -> int:
    """Write the rows of the month that begins then, in UTC, to a new file.

    Raises FileExistsError if it is there already.
    """
    next_month = (month + timedelta(days=32)).replace(day=1)
    start, end = (f"{int(time.replace(tzinfo=UTC).timestamp()):012}" for time in (month, next_month))
    digest, count = hashlib.sha256(), 0
    with to.open("xb") as file:
        for row in auditor.rows(None):
            if start <= row["event_id"] < end:
                times = {name: readable_time(row[name]) or row[name] for name in _TIMES if name in row}
                text = json.dumps(row | times, ensure_ascii=False, sort_keys=True, default=repr) + "\n"
                file.write(text.encode())
                digest.update(text.encode())
                count += 1
    print(f"{count} rows in {to}, sha256 {digest.hexdigest()}")
    return 0
