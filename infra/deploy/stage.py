"""The stage's file, checked, and the names that follow from it."""

import json
from typing import Any, Literal

import boto3
import botocore.session
from botocore.config import Config
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from infra.deploy.console import Stop
from infra.environment import ROOT

API_STAGE = "api"
"""The stage of API Gateway, which is part of each URL."""

STAGES = ROOT / "infra" / "stages"

USER_POOL_SETTINGS = ("LOGIN_ISSUER", "LOGIN_KEY_SET_URL", "LOGIN_KEY_SET", "LOGIN_CLIENTS")
"""Settings that the user pool provides."""


class Stage(BaseModel):
    """One deployment of the service, as ``infra/stages/<name>.json`` describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern="^[a-z][a-z0-9]{0,19}$")
    region: str = Field(default="ap-east-1", pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    settings: dict[str, JsonValue] = {}
    rate: int = Field(default=100, ge=1)
    burst: int = Field(default=200, ge=1)
    concurrency: int | None = Field(default=None, ge=0)
    architecture: Literal["arm64", "x86_64"] = "arm64"
    memory: int = Field(default=512, ge=128, le=10_240)
    timeout: int = Field(default=20, ge=1, le=29)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    traffic: Literal["AllAtOnce", "Canary10Percent5Minutes", "Linear10PercentEvery1Minute"] = "AllAtOnce"
    snap_start: bool = False
    edge: bool = True
    userpool: bool = False
    url: str | None = Field(default=None, pattern="^https?://[^ /]+(/[^ ]*)?$")
    parameters: dict[str, str | int | bool] = {}

    @property
    def file(self) -> str:
        """The path of the stage's file, relative to the project."""
        return f"infra/stages/{self.name}.json"

    @property
    def stack(self) -> str:
        """The service's stack; its function for the API has the same name."""
        return f"totp-binding-{self.name}"

    def stack_of(self, template: str) -> str:
        """Return the stack of a template in ``infra/templates``."""
        return self.stack if template == "service" else f"{self.stack}-{template}"

    @property
    def environment(self) -> dict[str, str]:
        """The settings as environment variables; objects and numbers are written as JSON."""
        return {
            name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for name, value in self.settings.items()
        }

    def with_user_pool(self, pool: dict[str, str]) -> "Stage":
        """Return the stage with the login settings of its user pool's outputs."""
        clients: JsonValue = {
            pool["DesktopClientId"]: {"channel": "desktop", "may_bind": True},
            pool["MobileClientId"]: {"channel": "mobile", "may_bind": False},
        }
        key_set = f"{pool['Issuer']}/.well-known/jwks.json"
        given = {"LOGIN_ISSUER": pool["Issuer"], "LOGIN_KEY_SET_URL": key_set, "LOGIN_CLIENTS": clients}
        return self.model_copy(update={"settings": {**self.settings, **given}})

    def session(self) -> Any:
        """Return a boto3 session of the stage's region, with the credentials of the shell."""
        core = botocore.session.Session()
        core.set_default_client_config(Config(retries={"mode": "standard", "max_attempts": 10}))
        return boto3.Session(region_name=self.region, botocore_session=core)


def read_stage(name: str, region: str | None = None) -> Stage:
    """Read a stage's file; ``region`` takes precedence over the file's.

    A stage without a file has no settings yet. Raises Stop if the name or the file is invalid.
    """
    file = f"infra/stages/{name}.json"
    try:
        path = STAGES / f"{name}.json"
        given = json.loads(path.read_text("utf-8")) if name.isalnum() and path.is_file() else {}
        stage = Stage(name=name, **(given | {"region": region} if region else given))
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise Stop(f"{file}: {'; '.join(problems)}.") from error
    except (TypeError, ValueError) as error:
        raise Stop(f"{file} is not a JSON object of a stage's fields: {error}.") from error
    own = [setting for setting in USER_POOL_SETTINGS if setting in stage.settings]
    if stage.userpool and own:
        raise Stop(
            f'{file} has {", ".join(own)}, which the user pool provides: remove them or "userpool".'
        )
    return stage
