"""Formats the answers of unbind, invite, approve and unlock, and maps them to exit statuses."""

from typing import Any

from infra.support.account_view import local_time, printable, table
from infra.support.command_errors import Exit
from infra.support.words import Words

_CHANGES = ("unbound", "invited", "unlocked")
"""The outcomes that say that the account was changed."""


def message(answer: dict[str, Any], ticket: str, words: Words) -> str:
    """Return the outcome, the bind code to read out, and the next step, for a person at a terminal."""
    outcome, account = answer["outcome"], answer["account"]
    if outcome == "waiting":
        until = local_time(answer["expires_at"], words)
        return words("waiting", account=account, ticket=printable(ticket), until=until)
    lines = [words(outcome, account=account)]
    if answer.get("repeated"):
        lines = [_repeated(answer, ticket, lines[0], words)]
    elif answer.get("bind_code"):
        lines.append(_bind_code(answer, words))
    return "\n".join(lines)


def exit_status(answer: dict[str, Any]) -> Exit:
    """Return the exit status of an answer. An unbound account that gets a bind code is a change."""
    if answer["outcome"] == "waiting":
        return Exit.WAITING
    changed = answer["outcome"] in _CHANGES or answer.get("bind_code")
    return Exit.DONE if changed and not answer.get("repeated") else Exit.NOTHING_TO_DO


def _repeated(answer: dict[str, Any], ticket: str, first: str, words: Words) -> str:
    lines = [words("repeated", ticket=printable(ticket)), words("repeated_first", answer=first)]
    if answer["bind_code_expires_at"]:
        lines.append(words("repeated_code"))
    lines.append(words("repeated_state", state=words.of("state", answer["state"])))
    return "\n".join(lines)


def _bind_code(answer: dict[str, Any], words: Words) -> str:
    """Return the bind code in two groups of four, as a person reads it out."""
    code = answer["bind_code"]
    rows = [
        [words("label.bind_code"), f"{code[:4]} {code[4:]}"],
        [words("label.bind_code_expires_at"), local_time(answer["bind_code_expires_at"], words)],
    ]
    return f"\n{table(rows)}\n\n{words('read_out')}"
