"""moto in the process of the tests, with shared clients and without tracing."""

import os
import sys
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from chalicelib import wiring
from tests.kit.clock import Clock
from tests.kit.login import SETTINGS

_clients: dict[tuple[Any, ...], Any] = {}


def untraced(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same call, without tracing by coverage.

    The emulated AWS is not measured, and tracing it would double the time of the tests.
    """

    def silent(*arguments: Any, **named: Any) -> Any:
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return call(*arguments, **named)
        finally:
            sys.settrace(tracer)

    return silent


def kept_client(service: str, config: Config) -> Any:
    """Return a boto3 client, made once for all tests rather than once for each."""
    kind = (service, config.retries["total_max_attempts"], os.environ.get("AWS_ENDPOINT_URL"))
    if kind not in _clients:
        _clients[kind] = boto3.client(service, config=config)
    return _clients[kind]


def set_up(monkeypatch: pytest.MonkeyPatch, aws: dict[str, str], clock: Clock) -> None:
    """Put the settings into the environment and start a new process."""
    for name, value in (aws | SETTINGS).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(wiring, "clock", clock)
    wiring.reset()


def keys_table(aws: dict[str, str]) -> Any:
    """Return the keys table as moto keeps it."""
    return dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[aws["KEYS_TABLE"]]
