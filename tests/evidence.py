"""Write the figures of the last runs into docs/evidence.md: `python -m tests.evidence`."""

import json
import re

from infra.environment import ROOT
from tests.kit.figures import FIGURES

PAGE = ROOT / "docs" / "evidence.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"

COMMANDS = {
    "interleavings": "make model",
    "model": "make model",
    "forged logins": "make unit",
    "any input": "make unit",
    "fault plan": "make unit",
    "leaks": "make unit",
    "leaks with faults": "make unit",
    "replay races": "make engine",
    "guess storms": "make engine",
    "bind races": "make engine",
    "confirm races": "make engine",
    "unbind races": "make engine",
    "bind code storms": "make engine",
    "invite races": "make engine",
    "store conformance": "make engine",
    "requests by the document": "make e2e",
    "passes elsewhere": "make soak",
    "authenticators": "make soak",
    "QR readers": "make soak",
    "mutation": "make mutants",
}
"""The command that prints each figure; `make soak` prints all but the last with more of everything."""

Figures = dict[str, dict[str, str | int | float]]


def table(figures: Figures) -> str:
    """Return the table of figures, in the order of COMMANDS."""
    lines = ["| what | figures | command | date |", "| --- | --- | --- | --- |"]
    for name, command in COMMANDS.items():
        for run in ("test", "soak"):
            if (entry := figures.get(f"{name} ({run})")) is None:
                continue
            shown = ", ".join(
                f"{value:,} {what.replace('_', ' ')}" if isinstance(value, int) else f"{value} {what}"
                for what, value in entry.items()
                if what not in ("run", "date")
            )
            by = "make soak" if run == "soak" else command
            lines.append(f"| {name} | {shown} | `{by}` | {entry['date']} |")
    return "\n".join(lines)


def shown_in(page: str) -> dict[tuple[str, str], str]:
    """Return the figures that a page shows, by name and command."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| `([^|]+)` \| [0-9-]+ \|$", page, re.MULTILINE)
    return {(name, command): shown for name, shown, command in rows}


def main() -> None:
    figures: Figures = json.loads(FIGURES.read_text("utf-8"))
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(figures)}\n\n{END}{after}", "utf-8")
    print(table(figures))


if __name__ == "__main__":
    main()
