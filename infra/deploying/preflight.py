"""What is looked at before anything is touched: whose account, which region, enough of everything."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.settings import InvalidSetting, read_settings
from infra.deploying.console import Stop, line
from infra.deploying.permissions import DEPLOYER, missing
from infra.deploying.record import ENVIRONMENT, variable
from infra.deploying.stacks import Template
from infra.deploying.stage import Stage

SECONDS_PER_CALL = 0.1
"""How long a call holds a Lambda at most while the service is warm."""


_SET_HERE = frozenset({"Stage", "Part", "KmsKeyArn", "InvocationRecordThere", "RestApiId", "ApiStage"})
"""Parameters that follow from the stage and its account."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where the stage goes, and who takes it there."""

    number: str
    caller: str

    def log_group(self, stage: Stage, name: str) -> str:
        """The ARN of a log group of this account and the stage's region."""
        partition = self.caller.split(":")[1]
        return f"arn:{partition}:logs:{stage.region}:{self.number}:log-group:{name}"


def who(session: Any, stage: Stage) -> Account:
    """The account that the shell's credentials belong to. Stop where there are none."""
    try:
        identity = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise Stop(
            f"AWS does not know you: {error}. Log in with the AWS command line first; where you are, "
            f"{stage.region} may not be switched on in the account (Account, AWS Regions)."
        ) from error
    line(f"account      {identity['Account']}, as {identity['Arn']}")
    line(f"region       {stage.region}")
    return Account(identity["Account"], identity["Arn"])


def check_settings(stage: Stage) -> None:
    """Stop where the functions would refuse to start with the stage's settings."""
    if not stage.settings:
        raise Stop(
            f"{stage.file} is not there, or has no settings: infra/stages/example.json shows how."
        )
    try:
        # What the stacks give out is not known yet, but will be there.
        read_settings({**stage.settings, **{variable(name): "later" for name in ENVIRONMENT}})
    except InvalidSetting as wrong:
        raise Stop(
            f"{wrong.why}: write it into {stage.file} (infra/stages/example.json shows how)."
        ) from wrong
    line(f"settings     {len(stage.settings)} of {stage.file}, all good")


def check_parameters(stage: Stage, templates: Iterable[Template]) -> None:
    """Stop where the file has a parameter that no template takes, such as a misspelt one."""
    taken = {name for template in templates for name in template.parameters} - _SET_HERE
    unknown = sorted(stage.parameters.keys() - taken)
    if unknown:
        raise Stop(
            f'{stage.file} has "parameters" that no template takes: {", ".join(unknown)}; there are '
            f"{', '.join(sorted(taken))}."
        )


def check_limits(session: Any, stage: Stage) -> None:
    """Stop where the account's own limits are below what the stage lets through."""
    needed = math.ceil(stage.rate * SECONDS_PER_CALL)
    limits = session.client("lambda").get_account_settings()["AccountLimit"]
    free = limits["UnreservedConcurrentExecutions"]
    line(f"concurrency  {free} unreserved in Lambda; {stage.rate} calls a second need {needed}")
    if free < needed:
        raise Stop(
            f"Lambda's unreserved concurrency of {free} is too small for {stage.rate} calls a second: "
            f'have "Concurrent executions" raised in Service Quotas, or lower "rate" in {stage.file}.'
        )
    throttle = session.client("apigateway").get_account()["throttleSettings"]
    rate, burst = throttle["rateLimit"], throttle["burstLimit"]
    line(f"throttle     the stage {stage.rate}/s, bursts of {stage.burst}; the account {rate:g}/s")
    if rate < stage.rate or burst < stage.burst:
        raise Stop(
            f"the account's API throttle is below the stage's: have it raised in Service Quotas, or "
            f'lower "rate" and "burst" in {stage.file}.'
        )


def check_permissions(session: Any, stage: Stage, account: Account, policy: Path = DEPLOYER) -> None:
    """Stop where IAM says that the caller lacks a permission of a policy in ``infra/``."""
    try:
        lacking = missing(session, stage, policy, account.number, account.caller)
    except (BotoCoreError, ClientError) as error:
        said = (
            error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        )
        line(f"permissions  not checked: IAM's simulator answers {said}")
        return
    if lacking:
        raise Stop(f"you lack {', '.join(lacking)}: infra/{policy.name} is the policy that it takes.")
    line(f"permissions  all of infra/{policy.name}")
