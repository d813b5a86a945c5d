"""The first factor: a login token in, the account and its client out.

The rules are RFC 8725's (JWT best practices) with the contract's own on top. Signatures are
PyJWT's work; claims are checked here, because each has a leeway of its own.
"""

import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import urllib3

from chalicelib.core.channel import Channel
from chalicelib.core.refusal import Refusal, Refused, Unavailable

ACCOUNT = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""A trading account id, the whole string."""

CLOCK_SKEW_SECONDS = 30
"""How far ahead of our clock the login server's may run."""

KEPT_SECONDS = 3_600
"""How long a key set is kept."""

REFETCH_SECONDS = 60
"""How soon an unknown key id may have the set fetched again: forged ids are no fetch loop."""

RETRY_SECONDS = 5
"""How soon a fetch that failed is tried again; until then calls fail at once."""

_TYPES = ("JWT", "at+jwt")
_ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}
_FURTHEST_TIME = 1e15
_LARGEST_KEY_SET = 256 * 1024
_FETCH_SECONDS = 3
_FETCH_TIMEOUT = urllib3.Timeout(connect=1, read=2)

_signatures = jwt.PyJWS(algorithms=list(_ALGORITHMS.values()))


@dataclass(frozen=True, slots=True)
class Client:
    """What the deployment says of an OAuth client: its channel, and whether it may bind."""

    channel: Channel
    may_bind: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """Who has passed the first factor, and through what."""

    account: str
    channel: Channel
    may_bind: bool


@dataclass(frozen=True, slots=True)
class LoginRules:
    """How this deployment's login tokens look. Without ``audience`` a token that has one is refused."""

    issuer: str
    audience: str | None
    account_claim: str
    client_claim: str
    clients: Mapping[str, Client]


class KeySet:
    """The login server's public keys, usable ones only: RSA of 2048 bits or more, and P-256.

    A fetched set is kept an hour. A key id that it lacks has it fetched again, at most once a
    minute. A set that was given as a setting stays as it is.
    """

    def __init__(
        self, fetch: Callable[[], bytes] | None, given: bytes | None, clock: Callable[[], float]
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: list[jwt.PyJWK] = [] if given is None else usable_keys(given)
        self._fetched_at = -math.inf
        self._failed_at = -math.inf
        self._lock = threading.Lock()

    def candidates(self, key_id: str | None, algorithm: str) -> Iterable[jwt.PyJWK]:
        """The keys that may have signed a token, the fetched-again ones last.

        Unavailable where the set cannot be had: whether the token is good is then not known.
        """
        known = [
            key for key in self._keys_of(KEPT_SECONDS, RETRY_SECONDS) if _fits(key, key_id, algorithm)
        ]
        yield from known
        if key_id is None or all(key.key_id != key_id for key in known):
            again = self._keys_of(REFETCH_SECONDS, REFETCH_SECONDS)
            yield from (key for key in again if key not in known and _fits(key, key_id, algorithm))

    def _keys_of(self, kept_seconds: float, retry_seconds: float) -> list[jwt.PyJWK]:
        """The keys, fetched again where they are older than that and the last try is not too fresh."""
        with self._lock:
            now = self._clock()
            if self._fetch is None or 0 <= now - self._fetched_at < kept_seconds:
                return self._keys
            if 0 <= now - self._failed_at < retry_seconds:
                raise Unavailable("the login server's key set could not be had a moment ago")
            try:
                self._keys = usable_keys(self._fetch())
            except (urllib3.exceptions.HTTPError, ValueError) as error:
                self._failed_at = now
                why = f"the login server's key set cannot be had: {type(error).__name__}"
                raise Unavailable(why) from error
            self._fetched_at = now
            return self._keys


class LoginCheck:
    """Reads login tokens by the deployment's rules."""

    def __init__(self, rules: LoginRules, keys: KeySet, clock: Callable[[], float]) -> None:
        self._rules = rules
        self._keys = keys
        self._clock = clock

    def read(self, token: str, greatest_age: int) -> Caller:
        """The caller that a login token names.

        The password was typed ``greatest_age`` seconds ago at most. Raises Refused: login_invalid
        for anything wrong but the age, and only then login_expired.
        """
        claims = self._verified(token)
        now = self._clock()
        self._check_origin(claims)
        exp = _time(claims, "exp")
        typed_at = _time(claims, "auth_time" if "auth_time" in claims else "iat")
        for name in ("iat", "nbf", "auth_time"):
            if name in claims and _time(claims, name) > now + CLOCK_SKEW_SECONDS:
                raise _invalid(f"{name} lies ahead")
        account = claims.get(self._rules.account_claim)
        if not isinstance(account, str) or not ACCOUNT.fullmatch(account):
            raise _invalid("no account id in the account claim")
        client_id = claims.get(self._rules.client_claim)
        client = self._rules.clients.get(client_id) if isinstance(client_id, str) else None
        if client is None:
            raise _invalid("a client that this deployment does not know")
        if now >= exp:
            raise Refused(Refusal.LOGIN_EXPIRED, "past exp")
        if now - typed_at > greatest_age:
            raise Refused(Refusal.LOGIN_EXPIRED, "the password was typed too long ago")
        return Caller(account, client.channel, client.may_bind)

    def _verified(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in _ALGORITHMS.values() or "crit" in header or "b64" in header:
                raise _invalid("a header that is not for login tokens")
            if "typ" in header and header["typ"] not in _TYPES:
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
        raise _invalid("no key of the login server's signed it")

    def _check_origin(self, claims: dict[str, Any]) -> None:
        """Issuer, audience and use: the claims that say whose token this is, and for whom."""
        if claims.get("iss") != self._rules.issuer:
            raise _invalid("another issuer")
        if self._rules.audience is None:
            if "aud" in claims:
                raise _invalid("an audience, where none is expected")
        else:
            named = claims.get("aud")
            if self._rules.audience not in (named if isinstance(named, list) else [named]):
                raise _invalid("another audience")
        if "token_use" in claims and claims["token_use"] != "access":
            raise _invalid("not an access token")


def fetcher(url: str) -> Callable[[], bytes]:
    """Fetches a key set over HTTP: one try, five seconds, no redirects, 256 KiB at most."""
    pool = urllib3.PoolManager(timeout=_FETCH_TIMEOUT, retries=False)

    def fetch() -> bytes:
        # urllib3 limits each wait for bytes, not all of them together.
        deadline = time.monotonic() + _FETCH_SECONDS
        answer = pool.request("GET", url, redirect=False, preload_content=False)
        try:
            body = b""
            while piece := answer.read1(65_536):
                body += piece
                if len(body) > _LARGEST_KEY_SET or time.monotonic() > deadline:
                    raise ValueError("too large, or too slow")
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            return body
        finally:
            answer.release_conn()

    return fetch


def usable_keys(document: bytes) -> list[jwt.PyJWK]:
    """The keys of a JSON Web Key Set that can verify login tokens.

    Keys of other kinds are passed over, as RFC 7517 section 5 asks. ValueError where none is left,
    or where it is no such set.
    """
    try:
        entries = json.loads(document)["keys"]
        if not isinstance(entries, list):
            raise ValueError("keys is no list")
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not a key set") from error
    keys = [key for entry in entries if (key := _usable(entry)) is not None]
    if not keys:
        raise ValueError("no key that can verify login tokens")
    return keys


def _usable(entry: Any) -> jwt.PyJWK | None:
    """The key of one entry, bound to the one algorithm it may verify, or None."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    algorithm = _ALGORITHMS.get(str(entry.get("kty")))
    if algorithm is None or entry.get("alg", algorithm) != algorithm or "d" in entry:
        return None
    if algorithm == "ES256" and entry.get("crv") != "P-256":
        return None
    try:
        key = jwt.PyJWK(entry, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if algorithm == "RS256" and key.key.key_size < 2048:
        return None
    return key


def _fits(key: jwt.PyJWK, key_id: str | None, algorithm: str) -> bool:
    """Whether a key may have signed: one without an id fits every token of its algorithm."""
    return key.algorithm_name == algorithm and (key_id is None or key.key_id in (None, key_id))


def _time(claims: dict[str, Any], name: str) -> float:
    """A NumericDate (RFC 7519 section 2): a JSON number, which true and NaN are not."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid(f"{name} is no time")
    if not -_FURTHEST_TIME < value < _FURTHEST_TIME:
        raise _invalid(f"{name} is no time")
    return value


def _invalid(why: str) -> Refused:
    return Refused(Refusal.LOGIN_INVALID, why)
