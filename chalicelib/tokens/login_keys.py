"""The login server's public keys: fetched, kept for an hour, and chosen by algorithm and key id."""

import json
import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import jwt
import urllib3

from chalicelib.core.errors import Unavailable
from chalicelib.settings import InvalidSetting, Settings

KEPT_SECONDS = 3_600
"""Seconds for which a fetched key set is kept."""

REFETCH_SECONDS = 60
"""Seconds between two fetches for an unknown key id, so that forged ids cause no fetch loop."""

RETRY_SECONDS = 5
"""Seconds after a failed fetch in which calls fail at once."""

_LARGEST_KEY_SET = 256 * 1024
_FETCH_SECONDS = 3
_FETCH_TIMEOUT = urllib3.Timeout(connect=1, read=2)

ALGORITHMS = ("RS256", "PS256", "ES256")
"""The algorithms of login tokens."""

_ALGORITHMS_OF = {"RSA": ("RS256", "PS256"), "EC": ("ES256",)}
"""The algorithms that a type of key may name as its own. The first is that of a key that names none."""


_FAILURES = (urllib3.exceptions.HTTPError, ValueError)
"""The errors of a fetch, and of reading what was fetched."""


class UnusableKeySet(ValueError):
    """An answer that is no usable key set. Its message is ours, and repeats nothing of the answer."""


class LoginKeySet:
    """The login server's usable public keys: RSA of 2048 bits or more, and P-256.

    A fetched set is kept for an hour. An unknown key id causes a new fetch, at most once a minute.
    A set that was given as a setting stays as it is.
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
        """Yield the keys that may have signed a token, those of a new fetch last.

        Raises Unavailable if the set cannot be had, since the token may be valid then.
        """
        known = [
            key for key in self._keys_of(KEPT_SECONDS, RETRY_SECONDS) if _fits(key, key_id, algorithm)
        ]
        yield from known
        if key_id is None or all(key.key_id != key_id for key in known):
            again = self._keys_of(REFETCH_SECONDS, REFETCH_SECONDS)
            yield from (key for key in again if key not in known and _fits(key, key_id, algorithm))

    def _keys_of(self, kept_seconds: float, retry_seconds: float) -> list[jwt.PyJWK]:
        """Return the keys, after a new fetch if they are too old and no fetch failed just now."""
        with self._lock:
            now = self._clock()
            if self._fetch is None or 0 <= now - self._fetched_at < kept_seconds:
                return self._keys
            if 0 <= now - self._failed_at < retry_seconds:
                raise Unavailable("the login server's key set could not be had a moment ago")
            try:
                self._keys = usable_keys(self._fetch())
            except _FAILURES as error:
                self._failed_at = now
                raise Unavailable(
                    f"the login server's key set cannot be had: {_reason(error)}"
                ) from error
            self._fetched_at = now
            return self._keys


def login_keys(settings: Settings, clock: Callable[[], float]) -> LoginKeySet:
    """Return the login server's keys. Raises InvalidSetting if a set given as a setting has none."""
    url = settings.login_key_set_url
    try:
        return LoginKeySet(fetcher(url) if url else None, settings.login_key_set, clock)
    except ValueError:
        problem = "must be a JSON Web Key Set with an RSA or P-256 key"
        raise InvalidSetting("LOGIN_KEY_SET", problem) from None


def login_key_warnings(settings: Settings) -> list[str]:
    """Return the reason, if any, why the login server's key set cannot be used from here.

    A deployment asks before it changes anything. Raises InvalidSetting if a given set has no key.
    """
    login_keys(settings, time.time)
    url = settings.login_key_set_url
    problem = url and key_set_problem(url)
    return [f"LOGIN_KEY_SET_URL as seen from here: {problem}"] if problem else []


def key_set_problem(url: str) -> str | None:
    """Return the reason why an address serves no usable key set, or None if it serves one.

    A deployment calls it for LOGIN_KEY_SET_URL before it changes anything.
    """
    try:
        usable_keys(fetcher(url)())
    except _FAILURES as error:
        return _reason(error)
    return None


def fetcher(url: str) -> Callable[[], bytes]:
    """Return a function that fetches a key set: one try, 3 s, no redirects, 256 KiB at most."""
    pool = urllib3.PoolManager(timeout=_FETCH_TIMEOUT, retries=False)

    def fetch() -> bytes:
        # urllib3 limits each wait for bytes, not all of them together.
        deadline = time.monotonic() + _FETCH_SECONDS
        answer = pool.request("GET", url, redirect=False, preload_content=False)
        try:
            if answer.status != 200:
                raise UnusableKeySet(_status_problem(answer.status))
            body = b""
            while piece := answer.read1(65_536):
                body += piece
                if len(body) > _LARGEST_KEY_SET or time.monotonic() > deadline:
                    raise UnusableKeySet("it is too large, or too slow")
            return body
        finally:
            # Closed rather than kept: the next fetch is an hour away, and the body may be unread.
            answer.close()

    return fetch


def usable_keys(document: bytes) -> list[jwt.PyJWK]:
    """Return the keys of a JSON Web Key Set that can verify login tokens.

    Other keys are ignored (RFC 7517 section 5). Raises UnusableKeySet if none is left or the document
    is no key set.
    """
    try:
        answer = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise UnusableKeySet("it is no JSON; the address may be that of a web page") from error
    members = answer if isinstance(answer, dict) else {}
    entries = members.get("keys")
    if not isinstance(entries, list):
        if "jwks_uri" in members:
            raise UnusableKeySet("it is a discovery document; LOGIN_KEY_SET_URL must be its jwks_uri")
        raise UnusableKeySet("it has no list of keys")
    keys = [key for entry in entries if (key := _usable(entry)) is not None]
    if not keys:
        raise UnusableKeySet("it has no key for signatures that is RSA of 2048 bits or more, or P-256")
    return keys


def _reason(error: Exception) -> str:
    """Return the reason for a failure without the server's own words."""
    return str(error) if isinstance(error, UnusableKeySet) else type(error).__name__


def _status_problem(status: int) -> str:
    if 300 <= status < 400:
        return f"status {status}, a redirect; LOGIN_KEY_SET_URL must be the address that it leads to"
    return f"status {status}"


def _usable(entry: Any) -> jwt.PyJWK | None:
    """Return the key of an entry, bound to the one algorithm it may verify, or None."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    algorithms = _ALGORITHMS_OF.get(str(entry.get("kty")), ())
    if not algorithms or "d" in entry or entry.get("alg", algorithms[0]) not in algorithms:
        return None
    algorithm = str(entry.get("alg", algorithms[0]))
    if algorithm == "ES256" and entry.get("crv") != "P-256":
        return None
    try:
        key = jwt.PyJWK(entry, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if algorithm != "ES256" and key.key.key_size < 2048:
        return None
    return key


def _fits(key: jwt.PyJWK, key_id: str | None, algorithm: str) -> bool:
    """Return True if the key may have signed. A key without an id fits every token of its algorithm."""
    return key.algorithm_name == algorithm and (key_id is None or key.key_id in (None, key_id))
