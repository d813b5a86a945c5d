"""The service under random stories, held against a model that was written from the contract."""

import os
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.kit.clock import Clock
from tests.kit.figures import SOAK, record
from tests.model.judge import SEEN
from tests.model.machine import ContractMachine

EXAMPLES, STEPS = 70, 60
SECONDS = float(os.environ.get("SOAK_SECONDS", "3600")) if SOAK else 0.0


@pytest.mark.timeout(0 if SOAK else 300)
def test_every_answer_is_the_one_that_the_contract_asks_for(
    service: Any,
    aws: dict[str, str],
    first_keys: dict[Any, Any],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
):
    SEEN.clear()
    began_at = clock() + 86_400
    world = SimpleNamespace(
        service=service,
        aws=aws,
        first_keys=first_keys,
        clock=clock,
        patch=monkeypatch,
        began_at=began_at,
    )
    monkeypatch.setattr(ContractMachine, "world", world)
    effort = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=not SOAK,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    ends_at = time.monotonic() + SECONDS
    rounds = 0
    while rounds == 0 or time.monotonic() < ends_at:
        run_state_machine_as_test(ContractMachine, settings=effort)
        rounds += 1
    record("model", stories=rounds * EXAMPLES, answers=SEEN.total(), kinds=len(SEEN))
    assert SEEN.total() > 2_000
    assert {"locked", "suspended", "code_used", "login_expired"} <= SEEN.keys()
