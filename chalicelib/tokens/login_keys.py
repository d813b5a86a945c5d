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

ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}
"""The algorithm that each type of key verifies."""


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
            except (urllib3.exceptions.HTTPError, ValueError) as error:
                self._failed_at = now
                why = f"the login server's key set cannot be had: {type(error).__name__}"
                raise Unavailable(why) from error
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


def fetcher(url: str) -> Callable[[], bytes]:
    """Return a function that fetches a key set: one try, 3 s, no redirects, 256 KiB at most."""
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
    """Return the keys of a JSON Web Key Set that can verify login tokens.

    Other keys are ignored (RFC 7517 section 5). Raises ValueError if none is left or the document is
    no key set.
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
    """Return the key of an entry, bound to the one algorithm it may verify, or None."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    algorithm = ALGORITHMS.get(str(entry.get("kty")))
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
    """Return True if the key may have signed. A key without an id fits every token of its algorithm."""
    return key.algorithm_name == algorithm and (key_id is None or key.key_id in (None, key_id))
