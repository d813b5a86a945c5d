"""The first factor: read a login token and return the account and its client.

The rules are those of RFC 8725 (JWT best practices) and the contract. PyJWT checks signatures. Claims
are checked here, because each has a leeway of its own.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt

from chalicelib.core.account import read_account
from chalicelib.core.channel import Channel
from chalicelib.core.errors import ErrorCode, Refused
from chalicelib.core.login_rules import LoginRules, PasswordTime, has_claim
from chalicelib.tokens.login_keys import ALGORITHMS, LoginKeySet

CLOCK_SKEW_SECONDS = 30
"""Seconds by which the login server's clock may run ahead of ours."""

_TYPES = ("jwt", "at+jwt", "application/at+jwt")
_FURTHEST_TIME = 1e15

_signatures = jwt.PyJWS(algorithms=list(ALGORITHMS))


@dataclass(frozen=True, slots=True)
class Caller:
    """A client that has passed the first factor. The password was typed at ``typed_at``."""

    account: str
    channel: Channel
    may_bind: bool
    typed_at: float
    token: str = field(repr=False)


class LoginCheck:
    """Reads login tokens by the deployment's rules."""

    def __init__(self, rules: LoginRules, keys: LoginKeySet, clock: Callable[[], float]) -> None:
        self._rules = rules
        self._keys = keys
        self._clock = clock

    def read(self, token: str, greatest_age: int) -> Caller:
        """Return the caller that a login token names.

        The password was typed at most ``greatest_age`` seconds ago. Raises Refused with
        login_expired if the token is too old, and login_invalid if anything else is wrong.
        """
        claims = self._verified(token)
        now = self._clock()
        self._check_origin(claims)
        exp = _time(claims, "exp")
        for name in ("iat", "nbf", "auth_time"):
            if name in claims and _time(claims, name) > now + CLOCK_SKEW_SECONDS:
                raise _invalid(f"{name} lies ahead")
        typed_at = self._typed_at(claims)
        account = read_account(_single(claims.get(self._rules.account_claim)), self._rules.account_case)
        if account is None:
            raise _invalid("no account id in the account claim")
        client_id = _single(claims.get(self._rules.client_claim))
        client = self._rules.clients.get(client_id) if isinstance(client_id, str) else None
        if client is None:
            raise _invalid("a client that this deployment does not know")
        if now >= exp:
            raise Refused(ErrorCode.LOGIN_EXPIRED, "past exp")
        if now - typed_at > greatest_age:
            why = f"the password was typed {now - typed_at:.0f} s ago, and {greatest_age} s are allowed"
            raise Refused(ErrorCode.LOGIN_EXPIRED, why)
        return Caller(account, client.channel, client.may_bind, typed_at, token)

    def _verified(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that a key of the login server signed."""
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in ALGORITHMS or "crit" in header or "b64" in header:
                raise _invalid("a header that is not for login tokens")
            if str(header.get("typ", "jwt")).lower() not in _TYPES:
                raise _invalid("a token of another type")
            for key in self._keys.candidates(header.get("kid"), str(algorithm)):
                try:
                    signed = _signatures.decode_complete(token, key, algorithms=[str(algorithm)])
                except jwt.InvalidSignatureError:
                    continue
                claims = json.loads(signed["payload"])
                if not isinstance(claims, dict):
                    raise _invalid("claims that are no object")
                return claims
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise _invalid(f"not a token: {type(error).__name__}") from error
        raise _invalid("no key of the login server signed it")

    def _check_origin(self, claims: dict[str, Any]) -> None:
        """Check issuer, audience and use: who issued the token, for whom and for what."""
        if claims.get("iss") != self._rules.issuer:
            raise _invalid("another issuer")
        if "aud" in claims and not self._rules.audiences:
            raise _invalid("an audience, although none is expected (LOGIN_AUDIENCE)")
        named = claims.get("aud")
        audiences = named if isinstance(named, list) else [named]
        if self._rules.audiences and not self._rules.audiences.intersection(filter(_is_text, audiences)):
            raise _invalid("another audience (LOGIN_AUDIENCE)")
        if "token_use" in claims and claims["token_use"] != "access":
            raise _invalid("not an access token")
        for name, wanted in self._rules.required_claims.items():
            if not has_claim(claims, name, wanted):
                raise _invalid(f"not the required {name} (LOGIN_REQUIRED_CLAIMS)")

    def _typed_at(self, claims: dict[str, Any]) -> float:
        """Return the time at which the password was typed."""
        if claims.get("auth_time", 0) != 0:
            return _time(claims, "auth_time")
        if self._rules.password_time is PasswordTime.IAT:
            return _time(claims, "iat")
        raise _invalid("no auth_time (LOGIN_PASSWORD_TIME)")


def _time(claims: dict[str, Any], name: str) -> float:
    """Return a NumericDate (RFC 7519 section 2): a JSON number, which true and NaN are not."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid(f"{name} is no time")
    if not -_FURTHEST_TIME < value < _FURTHEST_TIME:
        raise _invalid(f"{name} is no time")
    return value


def _single(value: object) -> object:
    """Return the one element of a list of one, and anything else as it is."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _invalid(why: str) -> Refused:
    return Refused(ErrorCode.LOGIN_INVALID, why)
