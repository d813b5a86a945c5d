"""The terminal of the person who runs the stack: the first lines, then one line for each event."""

import logging
import queue
import sys
from collections.abc import Iterable, Mapping
from logging.handlers import QueueHandler, QueueListener

from chalicelib.core.errors import ErrorCode
from chalicelib.documents import rfc3339
from chalicelib.log import log
from infra.local.stack import DEMO_ACCOUNTS, DEMO_PASSWORD

terminal = logging.getLogger("totp-binding-terminal")
"""Logs one line for each notification."""

_EVENTS = {ErrorCode.WRONG_CODE, ErrorCode.CODE_EXPIRED}
"""Refusals that are events, so that their notifications show them."""


def welcome(url: str, own_settings: Iterable[str]) -> str:
    """Return the lines that say how to begin and how to stop.

    ``own_settings`` names the settings that replace those of the stand-in for the login server.
    """
    lines = [
        f"open     {url} to try it, {url}/docs for the API",
        f"log in   as {DEMO_ACCOUNTS[0]} to {DEMO_ACCOUNTS[-1]}, password {DEMO_PASSWORD}",
        "stop     Ctrl-C",
        "log      one line for each event; VERBOSE=1 adds the service's own log in JSON",
    ]
    if names := ", ".join(sorted(own_settings)):
        lines.append(f"tokens   are judged by your {names}: the demo logins may be refused")
    return "\n".join(["", *(f"  {line}" for line in lines), ""])


def log_in_background(*, verbose: bool) -> QueueListener:
    """Write events to standard error from a thread of its own. ``verbose`` adds the service's JSON.

    If nobody reads the pipe, it fills up; no call must wait for that.
    """
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    readable = QueueHandler(lines)
    readable.addFilter(_is_event)
    readable.setFormatter(_Readable())
    handlers = [readable]
    if verbose:
        handlers.append(QueueHandler(lines))
        handlers[-1].setFormatter(log.registered_formatter)
    logging.getLogger(log.service).handlers[:] = handlers
    terminal.addHandler(QueueHandler(lines))
    terminal.setLevel(logging.INFO)
    terminal.propagate = False
    return QueueListener(lines, logging.StreamHandler(sys.stderr))


def line(document: Mapping[str, str | None]) -> str:
    """Return a line for people: ``2026-11-22T01:02:03Z  88000001  bound  desktop  from 127.0.0.1``."""
    parts = [document.get(name) for name in ("at", "account", "type", "channel")]
    named = (("from", "address"), ("by", "operator"), ("ticket", "ticket"), ("because", "reason"))
    parts += [f"{word} {document[name]}" for word, name in named if document.get(name)]
    parts.append(document.get("why"))
    text = "  ".join(part for part in parts if part)
    return "".join(character if character.isprintable() else "?" for character in text)


def _is_event(record: logging.LogRecord) -> bool:
    """Return true for a refusal or a failure of which no notification tells."""
    return record.levelno >= logging.WARNING and getattr(record, "code", None) not in _EVENTS


class _Readable(logging.Formatter):
    """Formats a refusal or a failure as a notification is formatted."""

    def format(self, record: logging.LogRecord) -> str:
        named = vars(record)
        told = {name: str(named[name]) for name in _FIELDS if named.get(name)}
        why = named.get("why") or ", ".join(named.get("failure") or named.get("fields") or ())
        kind = named.get("code") or record.getMessage()
        return line(told | {"at": rfc3339(int(record.created)), "type": kind, "why": why})


_FIELDS = ("account", "channel", "address", "operator", "ticket", "reason")
