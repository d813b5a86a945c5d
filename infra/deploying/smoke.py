"""The smoke check: a handful of calls, as the outside makes them, right after a deployment."""

import json
import time
from dataclasses import dataclass
from typing import Any

import urllib3

from infra.deploying.console import Stop, line
from infra.deploying.functions import Functions

PATIENCE_SECONDS = 90.0
"""How long API Gateway may take to show everywhere what was deployed, and DNS a new name."""

_NEW_NAME = " Where the name is new, point it to NameTarget, give DNS some minutes, run the same again."

BRIEFLY_SECONDS = 5.0
"""How long that may take for what is only noted."""

_PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class _Expected:
    what: str
    path: str
    status: int
    content_type: str
    code: str | None = None
    authorization: str | None = None
    must: bool = True


_CALLS = (
    _Expected("the key set has keys", "/.well-known/jwks.json", 200, "application/json"),
    _Expected("a call without a login is refused", "/binding", 401, _PROBLEM, "login_required"),
    _Expected("an unknown path is refused in our form", "/no/such/path", 404, _PROBLEM, "not_found"),
    # API Gateway takes the header for a signature of AWS's kind, and does not write down how it
    # names that. It may only be noted: the paths that there are do not depend on it.
    _Expected(
        "and so it is with a login",
        "/no/such/path",
        404,
        _PROBLEM,
        "not_found",
        authorization="Bearer smoke.check",
        must=False,
    ),
)


def check(url: str, functions: Functions, *, own_name: bool = False) -> None:
    """Stop where the deployed service does not answer as it should; by a name of ours, perhaps."""
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(25.0), retries=False)
    for expected in _CALLS:
        _wait_for(pool, url, expected, _NEW_NAME if own_name else "")
    answer = functions.call("lookup", {})
    if not isinstance(answer, dict) or answer.get("outcome") != "invalid":
        raise Stop(f"lookup answers an empty event with {json.dumps(answer)[:300]}")
    line("ok           the support functions answer")


def _wait_for(pool: Any, url: str, expected: _Expected, advice: str) -> None:
    deadline = time.monotonic() + (PATIENCE_SECONDS if expected.must else BRIEFLY_SECONDS)
    while (problem := _look(pool, url, expected)) is not None:
        if time.monotonic() > deadline:
            if expected.must:
                raise Stop(f"{url}{expected.path}: {problem}.{advice}")
            line(f"note         {expected.path} with an Authorization header {problem}")
            return
        time.sleep(1)
    line(f"ok           {expected.what}")


def _look(pool: Any, url: str, expected: _Expected) -> str | None:
    """What is wrong with the answer to one call; None where nothing is."""
    try:
        headers = {"Authorization": expected.authorization} if expected.authorization else {}
        answer = pool.request("GET", url + expected.path, headers=headers)
        document = json.loads(answer.data)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        return f"no answer in JSON ({type(error).__name__})"
    if answer.status != expected.status or document.get("code") != expected.code:
        return f"answers {answer.status} {document.get('code', '')}, not {expected.status}"
    if expected.code is None and not document.get("keys"):
        return "no keys in the key set"
    if not answer.headers.get("content-type", "").startswith(expected.content_type):
        return f"comes as {answer.headers.get('content-type')}"
    return None if answer.headers.get("x-request-id") else "has no x-request-id"
