"""The checks before anything is changed: account, settings, quotas."""

import math
import sys
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.settings import InvalidSetting, read_settings
from infra.deploy import templates
from infra.deploy.console import Stop, line
from infra.deploy.stage import Stage

SECONDS_PER_CALL = 0.1
"""The longest time that a call holds a process of a warm function."""

UNRESERVED = 100
"""Concurrency that Lambda wants to stay unreserved in an account."""

_FROM_AWS = (
    "BINDINGS_TABLE",
    "BINDINGS_STREAM_ARN",
    "AUDIT_TABLE",
    "KEYS_TABLE",
    "KMS_KEY",
    "EVENTS_TOPIC",
)
"""Settings that the template provides."""

_SET_HERE = frozenset(
    {"Stage", "KmsKey", "BindingsStreamArn", "RestApiId", "ApiStage", "ApiGatewayLogs"}
    | {"Rate", "Burst", "Concurrency", "LogLevel"}
)
"""Parameters that follow from other fields of the stage's file, or from its account."""

_DECODED_TWICE = "&?%#+"


def identify(session: Any, stage: Stage) -> str:
    """Return the caller's ARN. Raises Stop if the shell has no valid credentials."""
    try:
        identity = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise Stop(
            f"AWS does not accept your credentials: {error}. Log in with the AWS command line first. If you "
            f"are logged in, {stage.region} may be switched off in the account (Account, AWS Regions)."
        ) from error
    line(f"account      {identity['Account']}, as {identity['Arn']}")
    line(f"region       {stage.region}")
    arn: str = identity["Arn"]
    return arn


def check_stage(stage: Stage) -> None:
    """Raise Stop if the stage's fields cannot be deployed together."""
    if stage.snap_start and sys.version_info < (3, 12):
        raise Stop(
            '"snap_start" needs Python 3.12 or later, in Lambda and so here: PYTHON=python3.13 make ….'
        )
    taken = {name for known in templates.NAMES for name in templates.read(known).get("Parameters", {})}
    unknown = sorted(stage.parameters.keys() - (taken - _SET_HERE))
    if unknown:
        raise Stop(
            f'{stage.file} has "parameters" that no template takes: {", ".join(unknown)}. There are '
            f"{', '.join(sorted(taken - _SET_HERE))}."
        )


def check_settings(stage: Stage) -> None:
    """Raise Stop if the functions would refuse to start with the stage's settings."""
    if not stage.settings:
        raise Stop(f"{stage.file} is missing or has no settings: copy infra/stages/example.json.")
    try:
        read_settings({**stage.environment, **dict.fromkeys(_FROM_AWS, "later")})
    except InvalidSetting as wrong:
        raise Stop(f"{wrong.why}: correct it in {stage.file}.") from wrong
    line(f"settings     {len(stage.settings)} of {stage.file}, all valid")
    issuer = stage.environment.get("OTP_ISSUER", "")
    if set(issuer) & set(_DECODED_TWICE):
        line(
            f"warning      OTP_ISSUER has one of {' '.join(_DECODED_TWICE)}, which 2FAS and OTPClient garble"
        )


def check_quotas(session: Any, stage: Stage, reserved: int) -> int:
    """Return the concurrency that the API's function is limited to, 0 for no limit.

    ``reserved`` is its limit so far, which counts as free: a second run comes to the same result.

    Raises Stop if the account's quotas are below what the stage lets through.
    """
    needed = math.ceil(stage.rate * SECONDS_PER_CALL)
    limits = session.client("lambda").get_account_settings()["AccountLimit"]
    free = limits["UnreservedConcurrentExecutions"] + reserved
    if free < needed:
        raise Stop(
            f"Lambda's unreserved concurrency of {free} is too small for {stage.rate} calls a second, which "
            f'need {needed}: have "Concurrent executions" raised in Service Quotas, or lower "rate" in '
            f"{stage.file}."
        )
    throttle = session.client("apigateway").get_account()["throttleSettings"]
    rate, burst = throttle["rateLimit"], throttle["burstLimit"]
    line(f"throttle     the stage {stage.rate}/s, bursts of {stage.burst}; the account {rate:g}/s")
    if rate < stage.rate or burst < stage.burst:
        raise Stop(
            f"the account's API throttle is below the stage's: have it raised in Service Quotas, or lower "
            f'"rate" and "burst" in {stage.file}.'
        )
    return _limit(stage, free, needed)


def _limit(stage: Stage, free: int, needed: int) -> int:
    """Return the limit that leaves room for the other functions, if the quota has that room."""
    most = free - UNRESERVED
    limit = min(max(stage.burst, needed), most) if stage.concurrency is None else stage.concurrency
    if stage.concurrency and stage.concurrency > most:
        raise Stop(
            f'"concurrency" in {stage.file} leaves less than {UNRESERVED} of {free} unreserved, which Lambda '
            "refuses: lower it, or have the quota raised."
        )
    if limit < needed:
        limit = stage.concurrency or 0
    of = "no limit for the API's function" if not limit else f"the API's function limited to {limit}"
    line(f"concurrency  {free} free in Lambda, {needed} needed for {stage.rate} calls a second; {of}")
    if not limit and stage.concurrency is None:
        line(f"             a limit would leave less than {UNRESERVED} for the other functions")
    return limit
