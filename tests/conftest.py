"""The fixtures that tests share."""

import copy
import itertools
import logging
import os
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.endpoint import Endpoint
from chalice.test import Client
from moto import mock_aws

import app as entry_points
from chalicelib import wiring
from chalicelib.aws import clients
from chalicelib.log import log
from infra.emulator.moto_gaps import fill_gaps
from infra.emulator.sdk_models import read_models_once
from infra.local import stack
from tests.kit.clock import Clock
from tests.kit.emulated_aws import kept_client, keys_table, set_up, untraced
from tests.kit.log_lines import LogLines
from tests.kit.user import User
from tests.kit.wire import Wire

read_models_once()

_accounts = itertools.count(1)


@pytest.fixture
def log_lines() -> Iterator[LogLines]:
    """The lines of the service's log from now on."""
    lines = LogLines()
    logging.getLogger(log.service).addHandler(lines)
    yield lines
    logging.getLogger(log.service).removeHandler(lines)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Counts and disturbs AWS calls at the botocore level."""
    wire = Wire()
    original = Endpoint._get_response

    def attempt(self: Any, request: Any, operation_model: Any, context: Any) -> Any:
        return wire.send(operation_model.name, lambda: original(self, request, operation_model, context))

    monkeypatch.setattr(Endpoint, "_get_response", attempt)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return wire


@pytest.fixture(scope="session")
def aws() -> Iterator[dict[str, str]]:
    """moto in this process with the resources of the template. Yields the settings that name them."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        # moto does not answer at addresses that hold the account id.
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
    }
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        os.environ.pop(name, None)
    fill_gaps()
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setattr(BaseClient, "_make_api_call", untraced(BaseClient._make_api_call))
        patch.setattr(clients, "boto3", SimpleNamespace(client=kept_client))
        outputs = stack.create_resources("test")
        yield {
            "BINDINGS_TABLE": outputs["BindingsTable"],
            "AUDIT_TABLE": outputs["AuditTable"],
            "WITNESS_BUCKET": outputs["WitnessBucket"],
            "KEYS_TABLE": outputs["KeysTable"],
            "KMS_KEY": outputs["KmsKey"],
            "EVENTS_TOPIC": outputs["EventsTopic"],
            "BINDINGS_STREAM_ARN": outputs["BindingsStreamArn"],
        }


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def first_keys(aws: dict[str, str]) -> dict[Any, Any]:
    """The items of the keys table after a deployment's first rotation."""
    with pytest.MonkeyPatch.context() as patch:
        set_up(patch, aws, Clock())
        wiring.components().rotation.run()
    return copy.deepcopy(keys_table(aws).items)


@pytest.fixture
def service(
    aws: dict[str, str], first_keys: dict[Any, Any], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """The entry points in a new process on the emulated AWS, with the first keys alone."""
    keys_table(aws).items = copy.deepcopy(first_keys)
    set_up(monkeypatch, aws, clock)
    yield entry_points
    wiring.reset()


@pytest.fixture
def new_user(service: Any, clock: Clock) -> Callable[[], User]:
    """Makes users of accounts that nobody has used."""
    client = Client(service.app)
    return lambda: User(f"acc{next(_accounts):08}", clock, client.http)


@pytest.fixture
def user(new_user: Callable[[], User]) -> User:
    return new_user()
