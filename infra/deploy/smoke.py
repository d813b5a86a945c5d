"""The first keys, and the smoke check: three calls from the outside, right after a deployment."""

import json
import time
from typing import Any

import urllib3
from botocore.config import Config

from infra.deploy.console import Stop, line
from infra.deploy.stage import API_STAGE, Stage
from infra.local.stack import SCHEDULED_EVENT

PATIENCE_SECONDS = 90.0
"""The longest time until API Gateway, or DNS, shows everywhere what is new."""

CALLS: tuple[tuple[str, str, int, str, str | None], ...] = (
    ("the key set has keys", "/.well-known/jwks.json", 200, "json", None),
    ("a call without a login is refused", "/binding", 401, "problem+json", "login_required"),
    ("an unknown path is refused likewise", "/no/such/path", 404, "problem+json", "not_found"),
)
"""Each call as a sentence, with its path and the expected status, type and code."""


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
        FunctionName=f"{stage.stack}-rotate_keys", Payload=json.dumps(SCHEDULED_EVENT).encode()
    )
    payload = answer["Payload"].read()
    if "FunctionError" in answer:
        raise Stop(f"rotate_keys failed: {payload.decode('utf-8', 'replace')[:300]}")
    created = sum(len(purpose["created"]) for purpose in json.loads(payload).values())
    line(f"keys         {created} created by rotate_keys" if created else "keys         all there")


def check(url: str, advice: str = "") -> None:
    """Raise Stop, with the advice, if the service at the URL does not answer as it should."""
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(25.0), retries=False)
    for sentence, path, status, kind, code in CALLS:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (problem := _problem(pool, url + path, status, kind, code)) is not None:
            if time.monotonic() > deadline:
                raise Stop(f"{url}{path} {problem}.{advice}")
            time.sleep(0.5)
        line(f"ok           {sentence}")


def _problem(pool: Any, url: str, status: int, kind: str, code: str | None) -> str | None:
    """Return the problem with the answer to a call, or None."""
    try:
        answer = pool.request("GET", url)
        document = dict(json.loads(answer.data))
    except (urllib3.exceptions.HTTPError, TypeError, ValueError) as error:
        return f"answers no JSON object ({type(error).__name__})"
    if (answer.status, document.get("code")) != (status, code):
        return f"answers {answer.status} {document.get('code', '')}, not {status} {code or ''}"
    if code is None and not document.get("keys"):
        return "has no keys"
    if not answer.headers.get("content-type", "").startswith(f"application/{kind}"):
        return f"comes as {answer.headers.get('content-type')}"
    return None if answer.headers.get("x-request-id") else "has no x-request-id"
