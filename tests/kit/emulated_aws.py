"""moto in the process of the tests: clients made once, and nothing of it traced."""

import os
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from chalicelib import wiring
from chalicelib.aws import clients
from tests.kit.clock import Clock
from tests.kit.login import SETTINGS


def untraced(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same call, which the measuring of coverage does not follow into the emulated AWS.

    Nothing that is measured runs in there, and following it takes as long as all the rest.
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
    """A boto3 client, made once for all tests rather than once for each."""
    return _client(service, config.retries["total_max_attempts"], os.environ.get("AWS_ENDPOINT_URL"))


@cache
def _client(service: str, attempts: int, endpoint: str | None) -> Any:
    return boto3.client(service, config=clients._config(attempts))  # type: ignore[call-overload]


def set_up(monkeypatch: pytest.MonkeyPatch, aws: dict[str, str], clock: Clock) -> None:
    """The settings in the environment, and a process that has just begun."""
    for name, value in (aws | SETTINGS).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(wiring, "clock", clock)
    wiring.reset()


def keys_table(aws: dict[str, str]) -> Any:
    """The keys table as moto keeps it."""
    return dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[aws["KEYS_TABLE"]]
