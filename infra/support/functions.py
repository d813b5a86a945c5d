"""The support functions of one stage, and who is calling them."""

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
from infra.support.signer import prove
from infra.support.trouble import Exit, Trouble, told_apart

_STAGE = re.compile("[a-z][a-z0-9-]{0,19}")
"""As in infra/resources.yaml."""

USUAL_REGION = "ap-east-1"
"""Hong Kong, where neither the profile nor the environment names a region."""

_READ_SECONDS = 30
"""Longer than a function may run, so that its answer is not missed."""


class SupportFunctions:
    """Invokes the functions of a stage as the person whose credentials these are."""

    def __init__(
        self, stage: str, profile: str | None, region: str | None, environment: Mapping[str, str]
    ) -> None:
        if not _STAGE.fullmatch(stage):
            raise Trouble("bad_stage", Exit.USAGE)
        self.stage = stage
        if stage == LOCAL_STAGE:  # make run, where nobody is asked who they are
            self._open_local(region, environment)
        else:
            self._open_deployed(profile, region, environment)

    def _open_local(self, region: str | None, environment: Mapping[str, str]) -> None:
        port = environment.get("PORT") or "8000"
        if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
            raise Trouble("bad_port", Exit.USAGE)
        self.region = region or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
        where = f"http://127.0.0.1:{port}"
        self.operator = _user_name()
        key = operators.access_key_id(self.operator)
        self._credentials: Credentials | None = Credentials(key, operators.SECRET_KEY)
        self._functions = operators.function_arn("", self.region)
        named = environment.get("AWS_PROFILE", "")
        self._about = {"where": where, "region": self.region, "profile": named}
        with told_apart(**self._about, function="lambda"):
            self._lambda = boto3.client(
                "lambda",
                region_name=self.region,
                aws_access_key_id=key,
                aws_secret_access_key=operators.SECRET_KEY,
                endpoint_url=where,
                config=_config().merge(Config(proxies={})),
            )

    def _open_deployed(
        self, profile: str | None, region: str | None, environment: Mapping[str, str]
    ) -> None:
        named = profile or environment.get("AWS_PROFILE") or "default"
        with told_apart(profile=named, region=region or "", where="AWS", function="boto3.Session"):
            session = boto3.Session(profile_name=profile, region_name=region)
            self.region = session.region_name or USUAL_REGION
        self._about = {"where": f"AWS ({self.region})", "region": self.region, "profile": named}
        with told_apart(**self._about, function="sts:GetCallerIdentity"):
            self._lambda = session.client("lambda", region_name=self.region, config=_config())
            sts = session.client("sts", region_name=self.region, config=_config())
            caller = sts.get_caller_identity()
        self.operator = _operator(caller["Arn"])
        partition = caller["Arn"].split(":")[1]
        self._functions = f"arn:{partition}:lambda:{self.region}:{caller['Account']}:function:"
        self._credentials = session.get_credentials()

    def invoke(self, name: str, event: Mapping[str, object]) -> dict[str, Any]:
        """Return a function's answer to an event, to which the operator and its proof are added.

        The call goes out once: a second one could answer that there was nothing left to do.
        Raises Trouble where there is no answer, or none that the contract knows.
        """
        function = f"totp-binding-{self.stage}-{name}"
        told = {**event, "operator": self.operator}
        with told_apart(**self._about, function=function):
            proof = prove(self._credentials, self._functions + function, told)
            got = self._lambda.invoke(
                FunctionName=function, Payload=json.dumps({**told, "proof": proof}).encode()
            )
            payload = got["Payload"].read()
        about = {"function": function, "request_id": str(got["ResponseMetadata"].get("RequestId"))}
        if got.get("FunctionError"):
            raise Trouble("function_failed", Exit.FAILED, **about)
        try:
            answer: dict[str, Any] = json.loads(payload)
            outcome = answer["outcome"]
        except (KeyError, TypeError, ValueError) as error:
            raise Trouble("function_failed", Exit.FAILED, **about) from error
        if outcome == "unavailable":
            raise Trouble("unavailable", Exit.TRY_AGAIN, **about)
        if outcome == "invalid":
            problems = "; ".join(f"{error['field']}: {error['problem']}" for error in answer["errors"])
            raise Trouble("invalid", Exit.USAGE, problems=problems)
        return answer


def _config() -> Config:
    return Config(
        connect_timeout=5,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1},
    )


def _operator(arn: str) -> str:
    """Who STS says this is, without the account: ``assumed-role/Support/mei.chan``.

    Where it is longer than an operator's name may be, its end: a session's name is never cut.
    """
    return arn.split(":", 5)[5][-LONGEST_NAME:]


def _user_name() -> str:
    """The machine's name for its user, which is good enough where there is no AWS to ask."""
    try:
        return getpass.getuser()[:LONGEST_NAME] or LOCAL_STAGE
    except (KeyError, OSError):
        return LOCAL_STAGE
