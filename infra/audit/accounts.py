"""``accounts``: tell how many accounts are in which state, and list them as CSV."""

import csv
from collections import Counter
from pathlib import Path

from chalicelib.aws.items import Item, read_stored
from chalicelib.core.account import AccountCase, read_account
from chalicelib.core.binding import State
from chalicelib.documents import standing
from infra.audit.auditor import Auditor

_COUNTED = ("unbound", "pending", "bound", "desktop only", "locked", "suspended", "unreadable")
_COLUMNS = ("account", "state", "desktop", "mobile", "bound_at", "locked_until", "suspended")


def accounts(auditor: Auditor, to: Path | None) -> int:
    """Print a table of the states, and write a line for each account to a file, if one is given.

    Raises FileExistsError if the file is there already.
    """
    now = int(auditor.clock())
    listed = sorted(
        (_account(name, item, now) for name, item in auditor.bindings(None)),
        key=lambda one: one["account"] or "",
    )
    if to is not None:
        with to.open("x", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            writer.writerows(listed)
    counts = Counter(name for one in listed for name in _counted(one))
    for name in _COUNTED:
        print(f"{counts[name]:>9}  {name}")
    print(f"{len(listed):>9}  accounts")
    return 0


def _account(name: str, item: Item, now: int) -> dict[str, str | None]:
    """Return one account's line. A name that is no account's is written so that no sheet computes it."""
    shown_name = read_account(name, AccountCase.EXACT) or repr(name)
    stored = read_stored(name, item, secrets=False)
    if stored.unreadable is not None:
        return dict.fromkeys(_COLUMNS) | {"account": shown_name, "state": "unreadable"}
    try:
        shown = standing(stored.binding.shown_at(now))
    except (OverflowError, ValueError):
        return dict.fromkeys(_COLUMNS) | {"account": shown_name, "state": "unreadable"}
    channels = shown.pop("channels")
    suspended = "yes" if shown["suspended"] else "no"
    return {**shown, **channels, "account": shown_name, "suspended": suspended}


def _counted(one: dict[str, str | None]) -> list[str]:
    """Return what an account counts as: its state, and what else is true of it."""
    bound = one["state"] == State.BOUND
    also = {
        "desktop only": bound and one["desktop"] and not one["mobile"],
        "locked": one["locked_until"],
        "suspended": one["suspended"] == "yes",
    }
    return [str(one["state"]), *(name for name, holds in also.items() if holds)]
