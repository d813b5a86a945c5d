"""The checks before anything is changed: account, settings, quotas."""

import math
import sys
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.settings import InvalidSetting, read_settings, warnings
from chalicelib.tokens.login_keys import login_key_warnings
from infra import templates
from infra.deploy.console import Stop, line
from infra.deploy.stage import Stage

SECONDS_PER_CALL = 0.1
"""The longest time that a call holds a process of a warm function."""

UNRESERVED = 100
"""Concurrency that Lambda wants to stay unreserved in an account."""

_FROM_AWS = ["BINDINGS_TABLE", "BINDINGS_STREAM_ARN", "AUDIT_TABLE", "KEYS_TABLE", "KMS_KEY"]
_FROM_AWS += ["EVENTS_TOPIC", "WITNESS_BUCKET"]
"""Settings that the template provides."""

_FROM_FIELDS = {"Stage", "KmsKey", "BindingsStreamArn", "RestApiId", "ApiStage", "ApiGatewayLogs"}
_FROM_FIELDS |= {"Rate", "Burst", "Concurrency", "LogLevel"}
"""Parameters that follow from other fields of the stage's file, or from its account."""


def identify(session: Any, stage: Stage) -> None:
    """Print whose credentials these are. Raises Stop if the shell has no valid ones."""
    try:
        identity = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        off = f"if you have, {stage.region} may be switched off in the account (Account, AWS Regions)"
        raise Stop(f"AWS refuses your credentials: {error}. Log in first; {off}.") from error
    line(f"account      {identity['Account']}, as {identity['Arn']}")
    line(f"region       {stage.region}")


def check_stage(stage: Stage) -> None:
    """Raise Stop if a field of the stage's file cannot be deployed."""
    if stage.snap_start and sys.version_info < (3, 12):
        raise Stop('"snap_start" needs Python 3.12 or later, here as in Lambda: make deploy PYTHON=….')
    known = {name for one in templates.NAMES for name in templates.read(one).get("Parameters", {})}
    taken = known - _FROM_FIELDS
    if unknown := sorted(stage.parameters.keys() - taken):
        problem = f'{stage.file} has "parameters" that no template takes: {", ".join(unknown)}'
        raise Stop(f"{problem}. There are {', '.join(sorted(taken))}.")


def check_settings(stage: Stage) -> None:
    """Raise Stop if the functions would refuse to start with the stage's settings."""
    if not stage.settings:
        raise Stop(f"{stage.file} is missing or has no settings: copy infra/stages/example.json.")
    if overridden := sorted(stage.settings.keys() & {*_FROM_AWS, "STAGE"}):
        raise Stop(f"{stage.file} sets {', '.join(overridden)}, which the templates provide: remove it.")
    try:
        settings = read_settings({**stage.environment, **dict.fromkeys(_FROM_AWS, "later")})
        found = [*warnings(settings), *login_key_warnings(settings)]
    except InvalidSetting as wrong:
        raise Stop(f"{wrong.why}: correct it in {stage.file}.") from wrong
    line(f"settings     {len(stage.settings)} of {stage.file}, all valid")
    for warning in found:
        line(f"warning      {warning}")


def check_quotas(session: Any, stage: Stage, reserved: int) -> int:
    """Return the concurrency that the API's function is limited to, 0 for no limit.

    The limit leaves room for the other functions, if the quota has that room. ``reserved`` is the limit
    so far, which counts as free: a second run comes to the same result. Raises Stop if the account's
    quotas are below what the stage lets through.
    """
    executions = session.client("lambda").get_account_settings()["AccountLimit"]
    free = executions["UnreservedConcurrentExecutions"] + reserved
    needed = math.ceil(stage.rate * SECONDS_PER_CALL)
    throttle = session.client("apigateway").get_account()["throttleSettings"]
    if free < needed or throttle["rateLimit"] < stage.rate or throttle["burstLimit"] < stage.burst:
        has = f"{free} executions, {throttle['rateLimit']:g} calls a second, {throttle['burstLimit']}"
        wants = f"{needed}, {stage.rate} and {stage.burst}: have quotas raised, or lower the rate"
        raise Stop(f"the account allows {has} at once, but the stage needs {wants}.")
    most = max(free - UNRESERVED, 0)
    limit = min(max(stage.burst, needed), most) if stage.concurrency is None else stage.concurrency
    if limit > most:
        raise Stop(f'"concurrency" may be {most} at most: Lambda keeps {UNRESERVED} unreserved.')
    if limit < needed and stage.concurrency is None:
        limit = 0
    line(f"concurrency  {free} free in Lambda, {needed} needed, limit for the API: {limit or 'none'}")
    if not limit:
        line("warning      a flood of calls can hold up unbind and record_events: have the quota raised")
    return limit
