"""The first keys, and the smoke check: three calls from the outside, right after a deployment."""

import json
import time
from dataclasses import dataclass
from typing import Any

import urllib3
from botocore.config import Config

from infra.deploy.console import Stop, line
from infra.deploy.stage import API_STAGE, Stage

PATIENCE_SECONDS = 90.0
"""The longest time until API Gateway, or DNS, shows everywhere what is new."""

SCHEDULED_EVENT = {
    "version": "0",
    "id": "00000000-0000-4000-8000-000000000000",
    "account": "123456789012",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {},
}
"""What EventBridge sends on a schedule; Chalice reads all of it."""

_PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class _Expected:
    fact: str
    path: str
    status: int
    content_type: str
    code: str | None = None


_CALLS = (
    _Expected("the key set has keys", "/.well-known/jwks.json", 200, "application/json"),
    _Expected("a call without a login is refused", "/binding", 401, _PROBLEM, "login_required"),
    _Expected("an unknown path is refused in our form", "/no/such/path", 404, _PROBLEM, "not_found"),
)


def url_of(session: Any, api: str) -> str:
    """Return API Gateway's own address of an API, or an emulator's if the shell names one."""
    endpoint: str = session.client("apigateway").meta.endpoint_url
    if "amazonaws.com" in endpoint:
        return f"{endpoint.replace('//apigateway', f'//{api}.execute-api')}/{API_STAGE}"
    return f"{endpoint}/restapis/{api}/{API_STAGE}/_user_request_"


def make_first_keys(session: Any, stage: Stage) -> None:
    """Run the key rotation, which creates the keys that are missing. Raises Stop if it fails."""
    config = Config(read_timeout=60, retries={"total_max_attempts": 1})
    answer = session.client("lambda", config=config).invoke(
        FunctionName=stage.function("rotate_keys"), Payload=json.dumps(SCHEDULED_EVENT).encode()
    )
    payload = answer["Payload"].read()
    if "FunctionError" in answer:
        raise Stop(f"rotate_keys failed: {payload.decode('utf-8', 'replace')[:300]}")
    created = [key for purpose in json.loads(payload).values() for key in purpose["created"]]
    line(f"keys         {len(created)} created by rotate_keys" if created else "keys         all there")


def check(url: str, *, own_name: bool = False) -> None:
    """Raise Stop if the service at the URL does not answer as it should."""
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(25.0), retries=False)
    advice = " If the name is new, point it to NameTarget, wait for DNS, run the same again."
    for expected in _CALLS:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (problem := _look(pool, url, expected)) is not None:
            if time.monotonic() > deadline:
                raise Stop(f"{url}{expected.path}: {problem}.{advice if own_name else ''}")
            time.sleep(0.5)
        line(f"ok           {expected.fact}")


def _look(pool: Any, url: str, expected: _Expected) -> str | None:
    """Return the problem with the answer to one call, or None."""
    try:
        answer = pool.request("GET", url + expected.path)
        document = json.loads(answer.data)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        return f"no answer in JSON ({type(error).__name__})"
    code = document.get("code") if isinstance(document, dict) else "no object"
    if answer.status != expected.status or code != expected.code:
        return f"answers {answer.status} {code or ''}, not {expected.status} {expected.code or ''}"
    if expected.code is None and not document.get("keys"):
        return "no keys in the key set"
    if not answer.headers.get("content-type", "").startswith(expected.content_type):
        return f"comes as {answer.headers.get('content-type')}"
    return None if answer.headers.get("x-request-id") else "has no x-request-id"
