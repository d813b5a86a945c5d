"""The stack keeps the promises of docs/clients.md."""

import re
import subprocess
import sys

from chalicelib.api.problems import STATUS
from chalicelib.core.errors import ErrorCode
from infra.environment import ROOT
from infra.local import presets
from infra.local.conformance.checklist import CHECKLIST, Line, Replay, Step

GUIDE = (ROOT / "docs" / "clients.md").read_text("utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The rows of the table under a heading, by their first cell."""
    section = GUIDE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [re.split(r" \| ", row.strip("| ")) for row in section.splitlines() if row.startswith("| ")]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_the_checklist_is_the_one_that_is_replayed():
    table = rows("The checklist")
    assert [name for name in table if name.isdecimal()] == [line.account for line in CHECKLIST]
    for line in CHECKLIST:
        state, client, calls, answers, _ = table[line.account]
        assert (state, client) == (line.state, line.client)
        for step in line.steps:
            if (step.call, step.status) == ("binding", 200):
                continue
            assert f"/{step.call.replace('confirm', 'bind/confirm')}`" in calls
            assert str(step.status) in answers
            assert step.fields.get("code", "") in answers
    assert presets.SECRET in GUIDE


def test_conformance_finds_every_answer_as_promised():
    command = [sys.executable, "-m", "infra.local.conformance"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert run.stdout.endswith("11 lines, 0 answers not as promised\n")
    for line in CHECKLIST:
        assert f"\n{line.account}  {line.state}\n" in run.stdout


def test_conformance_says_what_is_not_as_promised(stack, capsys):
    replay = Replay(stack.url)
    promised = (Step("binding", 200, {"state": "bound"}),)
    replay.run(Line(presets.SUSPENDED, "suspended", "mobile", promised))
    assert replay.deviations == 0
    replay.run(Line(presets.UNAVAILABLE, "unavailable", "mobile", promised))
    assert replay.deviations == 1
    assert "NOT AS PROMISED: status, state should be" in capsys.readouterr().out


def test_every_error_has_its_row():
    table = rows("Every error")
    assert {name for name in table if name in set(ErrorCode)} == set(ErrorCode)
    for refusal in ErrorCode:
        assert table[refusal][0] == str(STATUS[refusal])
