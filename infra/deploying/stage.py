"""What ops decide for a stage, and the names that follow from it."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from infra.deploying.console import Stop
from infra.environment import ROOT

APP = "totp-binding"
USUAL_REGION = "ap-east-1"
"""Hong Kong."""

STAGES = ROOT / "infra" / "stages"

_BUCKET = "totp-binding-{stage}-invocations-{account}-{region}"
"""The name in infra/resources.yaml that leaves a stage's name the least room."""

_LONGEST_BUCKET = 63

_POOL_GIVES = ("LOGIN_ISSUER", "LOGIN_KEY_SET_URL", "LOGIN_KEY_SET", "LOGIN_CLIENTS")

_NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployment of the service.

    ``rate`` and ``burst`` are calls a second and at once that the API lets through, ``memory`` is
    in MB, ``timeout`` in seconds. ``url`` is where clients reach the API, where that is not API
    Gateway's own address. ``parameters`` go to the templates as they are.
    """

    name: str
    region: str = USUAL_REGION
    settings: Mapping[str, str] = field(default_factory=dict)
    rate: int = 100
    burst: int = 200
    architecture: str = "arm64"
    memory: int = 512
    timeout: int = 20
    log_level: str = "INFO"
    url: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Where ops write it down, as they would name it."""
        return f"infra/stages/{self.name}.json"

    @property
    def stack(self) -> str:
        """The CloudFormation stack that goes with the code."""
        return f"{APP}-{self.name}"

    @property
    def data_stack(self) -> str:
        """The stack of tables and key, which outlives the code."""
        return f"{APP}-{self.name}-data"

    @property
    def edge_stack(self) -> str:
        """The optional stack in front of the API."""
        return f"{APP}-{self.name}-edge"

    @property
    def userpool_stack(self) -> str:
        """The optional login server."""
        return f"{APP}-{self.name}-userpool"

    @property
    def api(self) -> str:
        """What the REST API is called, by which its metrics are told from other stages'."""
        return f"{APP}-{self.name}"

    @property
    def tables(self) -> list[str]:
        """The tables of infra/resources.yaml."""
        return [f"{APP}-{self.name}-{name}" for name in ("bindings", "audit", "keys")]

    @property
    def key_alias(self) -> str:
        """What the KMS key is called."""
        return f"alias/{APP}-{self.name}"

    def invocation_record(self, account: str) -> str:
        """The bucket of the record of who invoked the support functions, in an account."""
        return _BUCKET.format(stage=self.name, account=account, region=self.region)

    @property
    def layer(self) -> str:
        """The layer that Chalice makes of requirements.txt."""
        return f"{APP}-{self.name}-managed-layer"

    def function(self, name: str) -> str:
        """A function's name in AWS; Chalice leaves the API's handler without one of its own."""
        return f"{APP}-{self.name}" if name == "api_handler" else f"{APP}-{self.name}-{name}"

    def parameter(self, name: str) -> str:
        """Where the account remembers something about the stage."""
        return f"/{APP}/{self.name}/{name}"

    def logging_in_by(self, pool: Mapping[str, str]) -> "Stage":
        """The same stage, with the login settings that its own user pool's outputs give."""
        clients = {
            pool["DesktopClientId"]: {"channel": "desktop", "may_bind": True},
            pool["MobileClientId"]: {"channel": "mobile", "may_bind": False},
        }
        settings = {
            "LOGIN_ISSUER": pool["Issuer"],
            "LOGIN_KEY_SET_URL": f"{pool['Issuer']}/.well-known/jwks.json",
            "LOGIN_CLIENTS": json.dumps(clients),
        }
        return replace(self, settings={**settings, **self.settings})

    def check_for_user_pool(self) -> None:
        """Stop where the file has login settings of its own, which would go before the pool's."""
        own = [name for name in _POOL_GIVES if name in self.settings]
        if own:
            raise Stop(
                f"{self.file} has {', '.join(own)}, which the user pool would give: take them out "
                "there, or deploy without USERPOOL=1."
            )

    def session(self) -> Any:
        """The way to the stage's account and region, by the credentials of the shell.

        API Gateway allows one deployment in five seconds, so that calls are tried for long.
        """
        core = botocore.session.Session()
        core.set_default_client_config(Config(retries={"mode": "standard", "max_attempts": 10}))
        return boto3.Session(region_name=self.region, botocore_session=core)

    def shell(self) -> dict[str, str]:
        """The environment in which Chalice's own commands reach this stage."""
        return os.environ | {"AWS_DEFAULT_REGION": self.region, "AWS_REGION": self.region}


def read_stage(name: str, region: str | None = None) -> Stage:
    """The stage as its file has it; without a file, one that has no settings yet.

    Stop where the file cannot be used. ``region`` goes before the file's own.
    """
    if not _NAME.fullmatch(name):
        raise Stop("STAGE must be 1 to 20 lower-case letters, digits and hyphens, such as prod.")
    path = STAGES / f"{name}.json"
    given = _read(path) if path.exists() else {}
    unknown = given.keys() - {field for field in Stage.__slots__ if field != "name"}
    if unknown:
        raise Stop(
            f"infra/stages/{name}.json has fields that nobody reads: {', '.join(sorted(unknown))}."
        )
    given["settings"] = {key: _text(value) for key, value in given.get("settings", {}).items()}
    given["parameters"] = {key: _text(value) for key, value in given.get("parameters", {}).items()}
    if region:
        given["region"] = region
    stage = Stage(name, **given)
    _check_room(stage)
    return stage


def _check_room(stage: Stage) -> None:
    """Stop where a bucket's name would get too long, which S3 says only half-way through."""
    name = stage.invocation_record("0" * 12)
    room = _LONGEST_BUCKET - len(name) + len(stage.name)
    if len(stage.name) > room:
        raise Stop(f"STAGE may have {room} characters at most in {stage.region}, and this has more.")


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise Stop(f"{path.relative_to(ROOT)} is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise Stop(f"{path.relative_to(ROOT)} must hold a JSON object.")
    return document


def _text(value: Any) -> str:
    """A setting as the environment takes it; objects and numbers are written as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
