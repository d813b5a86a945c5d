"""The form of login tokens in a deployment, and the settings' JSON that describes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chalicelib.core.account import AccountCase
from chalicelib.core.channel import Channel


class PasswordTime(StrEnum):
    """The claim that says when the password was typed.

    With ``IAT``, ``iat`` stands in for an ``auth_time`` that is missing or zero. A refreshed token
    then counts as a typed password.
    """

    AUTH_TIME = "auth_time"
    IAT = "iat"


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client of the login server: its channel, and its right to bind."""

    channel: Channel
    may_bind: bool


@dataclass(frozen=True, slots=True)
class LoginRules:
    """The form of login tokens.

    Without ``audiences``, a token that has an audience is refused. ``required_claims`` holds further
    claims with the exact value that each must have.
    """

    issuer: str
    audiences: frozenset[str]
    required_claims: Mapping[str, Any]
    account_claim: str
    account_case: AccountCase
    client_claim: str
    clients: Mapping[str, Client]
    password_time: PasswordTime


def read_audiences(text: str) -> frozenset[str]:
    """Read one audience, or a JSON list of audiences. Raises ValueError if the list is malformed."""
    audiences = read_strings(text) if text.startswith("[") else frozenset([text])
    if not audiences:
        raise ValueError("no audience")
    return audiences


def read_strings(text: str) -> frozenset[str]:
    """Read a JSON list of strings. Raises ValueError if it is none, or a string is empty."""
    entries = _json(text)
    if not isinstance(entries, list) or not all(isinstance(entry, str) and entry for entry in entries):
        raise ValueError("no list of strings")
    return frozenset(entries)


def read_required_claims(text: str) -> dict[str, Any]:
    """Read the claims that a token must have. Raises ValueError if they are no JSON object."""
    claims = _json(text)
    if not isinstance(claims, dict):
        raise ValueError("no object")
    return claims


def read_clients(text: str) -> dict[str, Client]:
    """Read the clients, such as ``{"<id>": {"channel": "desktop", "may_bind": true}}``.

    Raises ValueError if the text is malformed, or lets a mobile client bind.
    """
    entries = _json(text)
    if not isinstance(entries, dict) or not entries:
        raise ValueError("no clients")
    try:
        return {client_id: _client(entry) for client_id, entry in entries.items()}
    except (KeyError, TypeError) as error:
        raise ValueError("not a client") from error


def has_claim(claims: Mapping[str, Any], name: str, wanted: Any) -> bool:
    """Return True if a claim is there with exactly this value: true is not 1, and 1 is not 1.0."""
    return name in claims and _same(claims[name], wanted)


def _client(entry: Any) -> Client:
    channel, may_bind = Channel(entry["channel"]), entry["may_bind"]
    if not isinstance(may_bind, bool) or (may_bind and channel is Channel.MOBILE):
        raise ValueError(channel)
    return Client(channel, may_bind)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _same(given: Any, wanted: Any) -> bool:
    if type(given) is not type(wanted):
        return False
    if isinstance(wanted, list):
        return len(given) == len(wanted) and all(map(_same, given, wanted))
    if isinstance(wanted, dict):
        return given.keys() == wanted.keys() and all(_same(given[name], wanted[name]) for name in wanted)
    return bool(given == wanted)
