"""The support desk's pages in docs/ say what the command does."""

import json
import re
from typing import Any

import pytest

from chalicelib.support.requests import REASONS
from infra.environment import ROOT
from infra.support.command_errors import Exit
from tests.kit.support_terminal import Lambda, Terminal
from tests.kit.user import User

PAGES = ["support.en.md", "support.zh-CN.md", "support.zh-HK.md"]


@pytest.mark.parametrize("page", PAGES)
def test_the_page_lists_every_exit_status_and_reason(page: str):
    text = (ROOT / "docs" / page).read_text("utf-8")
    listed = {int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert listed == {int(status) for status in Exit}
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(REASONS)


@pytest.mark.parametrize("page", PAGES)
def test_the_events_for_the_console_are_accepted_unchanged(page: str, service: Any, local: Lambda):
    text = (ROOT / "docs" / page).read_text("utf-8")
    shown = re.findall(r"`totp-binding-prod-(\w+)`.*?```json\n(.*?)```", text, re.DOTALL)
    assert [name for name, _ in shown] == ["lookup", "unlock", "unbind", "invite"]
    for name, event in shown:
        reply = local.functions.invoke(f"totp-binding-local-{name}", event.encode(), "RequestResponse")
        assert json.loads(reply.body)["outcome"] in ("found", "not_locked", "not_bound", "invited")


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_the_page_work(page: str, user: User, terminal: Terminal):
    text = (ROOT / "docs" / page).read_text("utf-8")
    shown = re.findall(r"^python -m infra.support (.*)$", text, re.MULTILINE)
    assert {line.split()[0] for line in shown} == {
        "status",
        "history",
        "unlock",
        "unbind",
        "invite",
        "approve",
    }
    for line in shown:
        assert terminal.run(*line.split(), typing=["T-1002", "88000001"]) in (
            Exit.DONE,
            Exit.NOTHING_TO_DO,
        )
