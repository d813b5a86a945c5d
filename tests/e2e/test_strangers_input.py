"""Requests of every kind that docs/openapi.yaml allows and forbids, against the running stack."""

import itertools
import json
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from infra.environment import ROOT
from infra.local.stack import DEMO_ACCOUNTS
from tests.kit.figures import SOAK, record

schema = schemathesis.openapi.from_path(ROOT / "docs" / "openapi.yaml")
MODES = schemathesis.GenerationMode
OPERATIONS = [result.ok() for result in schema.get_all_operations()]
FAMILIES = [
    (operation.path, operation.method, mode)
    for operation in OPERATIONS
    for mode in MODES
    if mode is MODES.POSITIVE or operation.body or any(operation.iter_parameters())
]
"""Requests as the document has them, and requests that it forbids if there is anything to forbid."""
CASES = 10_000 if SOAK else 2_000
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    response_schema_conformance,
    content_type_conformance,
]
SEEN: Counter[str] = Counter()


def effort(cases: int) -> Any:
    return settings(
        max_examples=cases,
        deadline=None,
        database=None,
        derandomize=not SOAK,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.timeout(3_000 if SOAK else 300)
@pytest.mark.parametrize(("path", "method", "mode"), FAMILIES)
def test_no_request_gets_an_answer_beside_the_document(path: str, method: str, mode: Any, running: Any):
    operation = schema[path][method.upper()]
    logins = itertools.cycle([running.token(account) for account in DEMO_ACCOUNTS[:4]])
    # The key set takes no parameter, so that its family is one request.
    cases = CASES // (len(FAMILIES) - 1)

    @effort(cases)
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        if SEEN.total() % 8:
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {next(logins)}"}
        got = case.call(base_url=f"{running.url}/api", timeout=60)
        SEEN[str(got.status_code)] += 1
        case.validate_response(got, checks=CHECKS)
        assert got.headers["x-request-id"]
        if got.status_code >= 400:
            assert json.loads(got.content)["code"] != "unavailable"

    send()
    record("requests by the document", cases=SEEN.total(), statuses=len(SEEN), unavailable=SEEN["503"])
