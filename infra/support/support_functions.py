"""Invokes the support functions of a stage with the operator's credentials."""

import getpass
import json
import re
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import Credentials

from chalicelib.support.requests import LONGEST_NAME
from infra.local import operators
from infra.local.stack import STAGE as LOCAL_STAGE
from infra.support.command_errors import CommandError, Exit, aws_errors_as_command_errors
from infra.support.signer import prove

_STAGE = re.compile("[a-z][a-z0-9-]{0,19}")
"""The pattern of stage names in the templates."""

DEFAULT_REGION = "ap-east-1"
"""Hong Kong. It applies if neither the profile nor the environment names a region."""

_READ_SECONDS = 30
"""Longer than a function may run, so that the answer is not lost."""


class SupportFunctions:
    """The support functions of one stage, and the operator who invokes them."""

    def __init__(
        self, stage: str, profile: str | None, region: str | None, environment: Mapping[str, str]
    ) -> None:
        if not _STAGE.fullmatch(stage):
            raise CommandError("bad_stage", Exit.USAGE)
        self.stage = stage
        if stage == LOCAL_STAGE:  # make run checks no credentials
            self._open_local(region, environment)
        else:
            self._open_deployed(profile, region, environment)

    def _open_local(self, region: str | None, environment: Mapping[str, str]) -> None:
        port = environment.get("PORT") or "8000"
        if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
            raise CommandError("bad_port", Exit.USAGE)
        self.region = region or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
        url = f"http://127.0.0.1:{port}"
        self.operator = _user_name()
        key = operators.access_key_id(self.operator)
        self._credentials: Credentials | None = Credentials(key, operators.SECRET_KEY)
        self._functions = operators.function_arn("", self.region)
        named = environment.get("AWS_PROFILE", "")
        self._details = {"where": url, "region": self.region, "profile": named}
        with aws_errors_as_command_errors(**self._details, function="lambda"):
            self._lambda = boto3.client(
                "lambda",
                region_name=self.region,
                aws_access_key_id=key,
                aws_secret_access_key=operators.SECRET_KEY,
                endpoint_url=url,
                config=_config().merge(Config(proxies={})),
            )

    def _open_deployed(
        self, profile: str | None, region: str | None, environment: Mapping[str, str]
    ) -> None:
        named = profile or environment.get("AWS_PROFILE") or "default"
        with aws_errors_as_command_errors(
            profile=named, region=region or "", where="AWS", function="boto3.Session"
        ):
            session = boto3.Session(profile_name=profile, region_name=region)
            self.region = session.region_name or DEFAULT_REGION
        self._details = {"where": f"AWS ({self.region})", "region": self.region, "profile": named}
        with aws_errors_as_command_errors(**self._details, function="sts:GetCallerIdentity"):
            self._lambda = session.client("lambda", region_name=self.region, config=_config())
            sts = session.client("sts", region_name=self.region, config=_config())
            caller = sts.get_caller_identity()
        self.operator = caller["Arn"]
        partition = caller["Arn"].split(":")[1]
        self._functions = f"arn:{partition}:lambda:{self.region}:{caller['Account']}:function:"
        self._credentials = session.get_credentials()

    def invoke(self, name: str, event: Mapping[str, object]) -> dict[str, Any]:
        """Add the operator and a proof to an event and invoke a function with it. Returns its answer.

        The call is sent once: a repeated one could answer that there was nothing to do. Raises
        CommandError if there is no answer, or none that the contract describes.
        """
        function = f"totp-binding-{self.stage}-{name}"
        named = {**event, "operator": self.operator}
        with aws_errors_as_command_errors(**self._details, function=function):
            proof = prove(self._credentials, self._functions + function, named)
            got = self._lambda.invoke(
                FunctionName=function, Payload=json.dumps({**named, "proof": proof}).encode()
            )
            payload = got["Payload"].read()
        details = {"function": function, "request_id": str(got["ResponseMetadata"].get("RequestId"))}
        if got.get("FunctionError"):
            raise CommandError("function_failed", Exit.FAILED, **details)
        try:
            answer: dict[str, Any] = json.loads(payload)
            outcome = answer["outcome"]
        except (KeyError, TypeError, ValueError) as error:
            raise CommandError("function_failed", Exit.FAILED, **details) from error
        if outcome == "unavailable":
            raise CommandError("unavailable", Exit.TRY_AGAIN, **details)
        if outcome == "invalid":
            problems = "; ".join(f"{error['field']}: {error['problem']}" for error in answer["errors"])
            raise CommandError("invalid", Exit.USAGE, problems=problems)
        return answer


def _config() -> Config:
    return Config(
        connect_timeout=5,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1},
    )


def _user_name() -> str:
    """Return the name of the machine's user, who is the operator of the local stage."""
    try:
        return getpass.getuser()[:LONGEST_NAME] or LOCAL_STAGE
    except (KeyError, OSError):
        return LOCAL_STAGE
