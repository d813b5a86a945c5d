"""The settings of a deployment, read from the environment and checked once. None is secret."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit

from chalicelib.core.account import AccountCase
from chalicelib.core.bind_code import Policy
from chalicelib.core.density import MOST_MODULES, is_too_dense
from chalicelib.core.errors import Unavailable
from chalicelib.core.login_rules import (
    LoginRules,
    PasswordTime,
    read_audiences,
    read_clients,
    read_required_claims,
    read_strings,
)

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_STAND_IN = re.compile("http://127[.]0[.]0[.]1:[0-9]{1,5}")

LONGEST_AGE = 86_400
"""The longest age of a password login in seconds: no deployment may set more than a day."""

MOST_YEARS = 100
"""The longest time in years for which audit rows are kept."""

LONGEST_ISSUER = 64
"""The longest name in characters that authenticators show."""

ValueT = TypeVar("ValueT")
ChoiceT = TypeVar("ChoiceT", bound=StrEnum)


class InvalidSetting(Unavailable):
    """A missing or malformed setting. The message names it and never quotes its value."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"the setting {name} {problem}")


class Approvals(StrEnum):
    """The setting ``UNBIND_APPROVALS``: the operators that an unbinding or invitation takes."""

    ONE = "1"
    TWO = "2"


class ProofRule(StrEnum):
    """The setting ``OPERATOR_PROOF``: events without a proof are accepted, or refused."""

    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Settings:
    """The decisions of a deployment.

    Exactly one of ``login_key_set`` (the set itself) and ``login_key_set_url`` is set. The two ages
    are in seconds. ``events_topic`` is an ARN. ``revoked_keys`` holds ids of signing keys.
    ``sts_stand_in`` is None unless a test stands in for STS.
    """

    bindings_table: str
    audit_table: str
    witness_bucket: str
    keys_table: str
    events_topic: str
    kms_key: str
    revoked_keys: frozenset[str]
    otp_issuer: str
    pass_issuer: str
    pass_audience: str
    login: LoginRules
    login_key_set: bytes | None
    login_key_set_url: str | None
    login_age: int
    login_age_to_confirm: int
    trail_kept_years: int
    bind_code: Policy
    two_operators: bool
    operator_proof_required: bool
    sts_stand_in: str | None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises InvalidSetting if one is missing or malformed."""
    given = _Environment(environment)
    key_set, url = given.optional("LOGIN_KEY_SET"), given.optional("LOGIN_KEY_SET_URL")
    if (key_set is None) == (url is None):
        raise InvalidSetting("LOGIN_KEY_SET_URL", "or LOGIN_KEY_SET must be set, and only one of them")
    two_operators = given.one_of("UNBIND_APPROVALS", Approvals.ONE) is Approvals.TWO
    proof = given.one_of("OPERATOR_PROOF", ProofRule.OPTIONAL)
    return Settings(
        bindings_table=given.required("BINDINGS_TABLE"),
        audit_table=given.required("AUDIT_TABLE"),
        witness_bucket=given.required("WITNESS_BUCKET"),
        events_topic=given.required("EVENTS_TOPIC"),
        keys_table=given.required("KEYS_TABLE"),
        kms_key=given.required("KMS_KEY"),
        revoked_keys=given.parsed(
            "REVOKED_KEYS", read_strings, "must be a JSON list of signing key ids", "[]"
        ),
        otp_issuer=_otp_issuer(given.required("OTP_ISSUER")),
        pass_issuer=given.required("PASS_ISSUER"),
        pass_audience=given.required("PASS_AUDIENCE"),
        login=_login_rules(given),
        login_key_set=None if key_set is None else key_set.encode(),
        login_key_set_url=None if url is None else _key_set_url(url),
        login_age=given.whole("LOGIN_AGE", 300, LONGEST_AGE, "seconds"),
        login_age_to_confirm=given.whole("LOGIN_AGE_TO_CONFIRM", 900, LONGEST_AGE, "seconds"),
        trail_kept_years=given.whole("TRAIL_KEPT_YEARS", 7, MOST_YEARS, "years"),
        bind_code=given.one_of("BIND_CODE", Policy.COMPROMISE),
        two_operators=two_operators,
        # Two pairs of eyes are two people, so both have to prove who they are.
        operator_proof_required=two_operators or proof is ProofRule.REQUIRED,
        sts_stand_in=_sts_stand_in(given.optional("AWS_ENDPOINT_URL_STS")),
    )


def warnings(settings: Settings) -> list[str]:
    """Return what a deployment should be told about settings that are valid."""
    said = []
    decoded_twice = [character for character in "&?%#+" if character in settings.otp_issuer]
    if decoded_twice:
        said.append(
            f"OTP_ISSUER has {' '.join(decoded_twice)}: the authenticators 2FAS and OTPClient decode "
            "it twice and show another name"
        )
    if settings.login.password_time is PasswordTime.IAT:
        said.append("LOGIN_PASSWORD_TIME is iat: a refreshed login token counts as a typed password")
    return said


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

    def one_of(self, name: str, usual: ChoiceT) -> ChoiceT:
        """Return one of the values of an enumeration, the usual one if none is given."""
        try:
            return type(usual)(self.optional(name) or usual)
        except ValueError:
            raise InvalidSetting(name, f"must be one of {', '.join(type(usual))}") from None

    def parsed(
        self, name: str, read: Callable[[str], ValueT], problem: str, usual: str | None = None
    ) -> ValueT:
        """Return what ``read`` makes of the value. It raises ValueError if the value is malformed."""
        try:
            return read(self.optional(name) or usual or self.required(name))
        except ValueError:
            raise InvalidSetting(name, problem) from None


def _login_rules(given: _Environment) -> LoginRules:
    client_claim = given.optional("LOGIN_CLIENT_CLAIM") or "client_id"
    audiences = frozenset[str]()
    # A token without an audience would name no client, and one with an audience would be refused.
    if client_claim == "aud" or given.optional("LOGIN_AUDIENCE") is not None:
        problem = "must be one audience or a JSON list of audiences"
        audiences = given.parsed("LOGIN_AUDIENCE", read_audiences, problem)
    return LoginRules(
        issuer=given.required("LOGIN_ISSUER"),
        audiences=audiences,
        required_claims=given.parsed(
            "LOGIN_REQUIRED_CLAIMS", read_required_claims, "must be a JSON object of claims", "{}"
        ),
        account_claim=given.optional("LOGIN_ACCOUNT_CLAIM") or "username",
        account_case=given.one_of("LOGIN_ACCOUNT_CASE", AccountCase.EXACT),
        client_claim=client_claim,
        clients=given.parsed(
            "LOGIN_CLIENTS",
            read_clients,
            'must map client ids to {"channel": "desktop" or "mobile", "may_bind": true or false}, '
            "and mobile ones never bind",
        ),
        password_time=given.one_of("LOGIN_PASSWORD_TIME", PasswordTime.AUTH_TIME),
    )


def _otp_issuer(value: str) -> str:
    """Check the name that authenticators show. A colon would end the label's prefix early."""
    if ":" in value or not value.isprintable() or len(value) > LONGEST_ISSUER:
        problem = f"must be {LONGEST_ISSUER} characters at most, no colon and no control character"
        raise InvalidSetting("OTP_ISSUER", problem)
    if is_too_dense(value):
        problem = f"must be shorter: its QR codes would need more than {MOST_MODULES} modules"
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


def _sts_stand_in(value: str | None) -> str | None:
    """Check that a stand-in for STS is on loopback.

    STS decides who an operator is, so no setting may send a deployed function to another host.
    """
    if value is not None and not _STAND_IN.fullmatch(value):
        raise InvalidSetting("AWS_ENDPOINT_URL_STS", "must be http://127.0.0.1:<port>, or not be set")
    return value
