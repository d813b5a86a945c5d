"""The stage's file, checked, and the names that follow from it."""

import json
from pathlib import Path
from typing import Any, Literal

import boto3
import botocore.session
from botocore.config import Config
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from infra.deploy.console import Stop
from infra.environment import ROOT

APP = "totp-binding"
API_STAGE = "api"
"""The stage of API Gateway, which Chalice makes part of each URL."""

USUAL_REGION = "ap-east-1"
"""Hong Kong."""

STAGES = ROOT / "infra" / "stages"

LONGEST_NAME = 20

USER_POOL_SETTINGS = ("LOGIN_ISSUER", "LOGIN_KEY_SET_URL", "LOGIN_KEY_SET", "LOGIN_CLIENTS")
"""Settings that the user pool provides."""


class Stage(BaseModel):
    """One deployment of the service, as ``infra/stages/<name>.json`` describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9]*$", max_length=LONGEST_NAME)
    region: str = Field(USUAL_REGION, pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    settings: dict[str, JsonValue] = {}
    rate: int = Field(100, ge=1)
    burst: int = Field(200, ge=1)
    concurrency: int | None = Field(None, ge=0)
    architecture: Literal["arm64", "x86_64"] = "arm64"
    memory: int = Field(512, ge=128, le=10_240)
    timeout: int = Field(20, ge=1, le=29)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    traffic: Literal["AllAtOnce", "Canary10Percent5Minutes", "Linear10PercentEvery1Minute"] = "AllAtOnce"
    snap_start: bool = False
    edge: bool = True
    userpool: bool = False
    url: str | None = Field(None, pattern=r"^https?://[^\s/]+(/[^\s]*)?$")
    parameters: dict[str, str | int | bool] = {}

    @property
    def file(self) -> str:
        """The path of the stage's file, relative to the project."""
        return f"infra/stages/{self.name}.json"

    @property
    def stack(self) -> str:
        """The service's CloudFormation stack."""
        return f"{APP}-{self.name}"

    def stack_of(self, template: str) -> str:
        """The stack of a template in ``infra/templates``."""
        return self.stack if template == "service" else f"{self.stack}-{template}"

    def function(self, name: str) -> str:
        """The AWS name of a function of ``app.py``; the API's handler has no name of its own."""
        return self.stack if name == "api_handler" else f"{self.stack}-{name}"

    @property
    def environment(self) -> dict[str, str]:
        """The settings as environment variables; objects and numbers are written as JSON."""
        return {name: _text(value) for name, value in self.settings.items()}

    def with_user_pool(self, pool: dict[str, str]) -> "Stage":
        """Return the stage with the login settings of its user pool's outputs."""
        clients: JsonValue = {
            pool["DesktopClientId"]: {"channel": "desktop", "may_bind": True},
            pool["MobileClientId"]: {"channel": "mobile", "may_bind": False},
        }
        given: dict[str, JsonValue] = {
            "LOGIN_ISSUER": pool["Issuer"],
            "LOGIN_KEY_SET_URL": f"{pool['Issuer']}/.well-known/jwks.json",
            "LOGIN_CLIENTS": clients,
        }
        return self.model_copy(update={"settings": {**given, **self.settings}})

    def session(self) -> Any:
        """Return a boto3 session of the stage's region, with the credentials of the shell."""
        core = botocore.session.Session()
        core.set_default_client_config(Config(retries={"mode": "standard", "max_attempts": 10}))
        return boto3.Session(region_name=self.region, botocore_session=core)


def read_stage(name: str, region: str | None = None) -> Stage:
    """Read a stage's file; ``region`` takes precedence over the file's.

    A stage without a file has no settings yet. Raises Stop if the name or the file is invalid.
    """
    path = STAGES / f"{name}.json"
    try:
        given = _read(path) if path.is_file() else {}
        stage = Stage.model_validate({**given, "name": name, **({"region": region} if region else {})})
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise Stop(f"infra/stages/{name}.json: {'; '.join(problems)}.") from error
    own = [setting for setting in USER_POOL_SETTINGS if setting in stage.settings]
    if stage.userpool and own:
        raise Stop(
            f"{stage.file} has {', '.join(own)}, which the user pool provides: remove them, or remove "
            '"userpool".'
        )
    return stage


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise Stop(f"infra/stages/{path.name} is not JSON: {error}.") from error
    if not isinstance(document, dict) or "name" in document:
        raise Stop(f"infra/stages/{path.name} must be a JSON object without the field name.")
    return document


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
