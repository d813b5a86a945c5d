"""The settings of a deployment, read from the environment and checked once. None is secret."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from chalicelib.core.channel import Channel
from chalicelib.core.errors import Unavailable

_LOOPBACK = ("127.0.0.1", "localhost", "::1")

LONGEST_AGE = 86_400
"""The longest age of a password login in seconds: no deployment may set more than a day."""

MOST_YEARS = 100
"""The longest time in years for which audit rows are kept."""

LONGEST_ISSUER = 64
"""The longest name in characters that authenticators show."""


class InvalidSetting(Unavailable):
    """A missing or malformed setting. The message names it and never quotes its value."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"the setting {name} {problem}")


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client of the login server: its channel, and its right to bind."""

    channel: Channel
    may_bind: bool


@dataclass(frozen=True, slots=True)
class LoginRules:
    """The form of login tokens. Without ``audience``, a token that has one is refused."""

    issuer: str
    audience: str | None
    account_claim: str
    client_claim: str
    clients: Mapping[str, Client]


@dataclass(frozen=True, slots=True)
class Settings:
    """The decisions of a deployment.

    Exactly one of ``login_key_set`` (the set itself) and ``login_key_set_url`` is set. The two ages
    are in seconds. ``events_topic`` is an ARN.
    """

    bindings_table: str
    audit_table: str
    witness_bucket: str
    keys_table: str
    events_topic: str
    kms_key: str
    otp_issuer: str
    pass_issuer: str
    pass_audience: str
    login: LoginRules
    login_key_set: bytes | None
    login_key_set_url: str | None
    login_age: int
    login_age_to_confirm: int
    trail_kept_years: int


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises InvalidSetting if one is missing or malformed."""
    given = _Environment(environment)
    key_set, url = given.optional("LOGIN_KEY_SET"), given.optional("LOGIN_KEY_SET_URL")
    if (key_set is None) == (url is None):
        raise InvalidSetting("LOGIN_KEY_SET_URL", "or LOGIN_KEY_SET must be set, and only one of them")
    return Settings(
        bindings_table=given.required("BINDINGS_TABLE"),
        audit_table=given.required("AUDIT_TABLE"),
        witness_bucket=given.required("WITNESS_BUCKET"),
        events_topic=given.required("EVENTS_TOPIC"),
        keys_table=given.required("KEYS_TABLE"),
        kms_key=given.required("KMS_KEY"),
        otp_issuer=_otp_issuer(given.required("OTP_ISSUER")),
        pass_issuer=given.required("PASS_ISSUER"),
        pass_audience=given.required("PASS_AUDIENCE"),
        login=LoginRules(
            issuer=given.required("LOGIN_ISSUER"),
            audience=given.optional("LOGIN_AUDIENCE"),
            account_claim=given.optional("LOGIN_ACCOUNT_CLAIM") or "username",
            client_claim=given.optional("LOGIN_CLIENT_CLAIM") or "client_id",
            clients=_clients(given.required("LOGIN_CLIENTS")),
        ),
        login_key_set=None if key_set is None else key_set.encode(),
        login_key_set_url=None if url is None else _key_set_url(url),
        login_age=given.whole("LOGIN_AGE", 300, LONGEST_AGE, "seconds"),
        login_age_to_confirm=given.whole("LOGIN_AGE_TO_CONFIRM", 900, LONGEST_AGE, "seconds"),
        trail_kept_years=given.whole("TRAIL_KEPT_YEARS", 7, MOST_YEARS, "years"),
    )


@dataclass(frozen=True, slots=True)
class _Environment:
    values: Mapping[str, str]

    def optional(self, name: str) -> str | None:
        """Return the value, or None if it is absent or empty, since Lambda does not tell these apart."""
        value = self.values.get(name, "").strip()
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidSetting(name, "must be UTF-8") from None
        return value or None

    def required(self, name: str) -> str:
        value = self.optional(name)
        if value is None:
            raise InvalidSetting(name, "is missing")
        return value

    def whole(self, name: str, usual: int, most: int, unit: str) -> int:
        value = self.optional(name)
        if value is None:
            return usual
        if not (value.isascii() and value.isdecimal() and len(value) < 9 and 0 < int(value) <= most):
            raise InvalidSetting(name, f"must be whole {unit} from 1 to {most}")
        return int(value)


def _otp_issuer(value: str) -> str:
    """Check the name that authenticators show. A colon would end the label's prefix early.

    Its length is limited, since the QR code holds it twice, percent-encoded.
    """
    if ":" in value or not value.isprintable() or len(value) > LONGEST_ISSUER:
        problem = f"must be {LONGEST_ISSUER} characters at most, no colon and no control character"
        raise InvalidSetting("OTP_ISSUER", problem)
    return value


def _key_set_url(value: str) -> str:
    """Check that the key set comes by https or from loopback, where nobody can change it."""
    try:
        parts = urlsplit(value)
        unguarded = parts.scheme == "http" and parts.hostname in _LOOPBACK
        # Reading the port checks it.
        safe = (parts.scheme == "https" or unguarded) and bool(parts.hostname) and parts.port != 0
    except ValueError:
        safe = False
    if not safe or any(character.isspace() for character in value):
        raise InvalidSetting("LOGIN_KEY_SET_URL", "must be an https URL")
    return value


def _clients(value: str) -> dict[str, Client]:
    """Read the clients, such as ``{"<id>": {"channel": "desktop", "may_bind": true}}``."""
    try:
        entries = json.loads(value)
        if isinstance(entries, dict) and entries:
            return {client_id: _client(entry) for client_id, entry in entries.items()}
    except (KeyError, TypeError, ValueError, RecursionError):
        pass
    raise InvalidSetting(
        "LOGIN_CLIENTS",
        'must map client ids to {"channel": "desktop" or "mobile", "may_bind": true or false}, '
        "and mobile ones never bind",
    )


def _client(entry: Any) -> Client:
    channel, may_bind = Channel(entry["channel"]), entry["may_bind"]
    if not isinstance(may_bind, bool) or (may_bind and channel is Channel.MOBILE):
        raise ValueError(channel)
    return Client(channel, may_bind)
