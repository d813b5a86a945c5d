"""Creates the local stage: the deployed template's resources, a login server, accounts and keys."""

import importlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from infra import templates
from infra.environment import set_aside_aws

STAGE = "local"
DEMO_ACCOUNTS = tuple(f"{number}" for number in range(88000001, 88000021))
PRESET_ACCOUNTS = tuple(f"{number}" for number in range(88000089, 88000100))
DEMO_PASSWORD = "Demo-Pass-1"
CLIENTS = {
    "desktop": {"channel": "desktop", "may_bind": True},
    "mobile": {"channel": "mobile", "may_bind": False},
}
"""The OAuth clients of the login server's stand-in, with the deployment's settings for them."""

PARAMETERS = {
    "ApiGatewayLogs": "no",
    "DomainName": "2fa.broker.example",
    "HostedZoneId": "Z00000000000000000000",
}
"""The templates' parameters, as ops would set them for a stage with a name of its own."""

SCHEDULED_EVENT = {
    "version": "0",
    "id": "00000000-0000-4000-8000-000000000000",
    "account": "123456789012",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {},
}
"""The event that EventBridge sends to a scheduled function."""


@dataclass(frozen=True, slots=True)
class UserPool:
    """The Cognito user pool that stands in for the broker's login server."""

    pool_id: str
    client_ids: dict[str, str]


def point_at(aws_url: str) -> None:
    """Send this process's AWS calls to the emulator, whatever the machine's configuration says."""
    set_aside_aws()
    os.environ |= {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def create_resources(stage: str = STAGE) -> dict[str, str]:
    """Create the stacks of a stage as far as the emulator can, and return their outputs by name."""
    values = {"Stage": stage, **PARAMETERS}
    for name, ending in (("data", "-data"), ("bootstrap", "-bootstrap"), ("service", "")):
        template = _without_code(templates.read(name))
        values |= _create_stack(f"totp-binding-{stage}{ending}", template, values)
    return values


def _without_code(template: dict[str, Any]) -> dict[str, Any]:
    """Leave out what only Chalice's part of the service's template completes, functions and API."""
    resources = {name: one for name, one in template["Resources"].items() if "Type" in one}
    rest = {name: part for name, part in template.items() if name not in ("Transform", "Globals")}
    return {**rest, "Resources": resources}


def _create_stack(name: str, template: dict[str, Any], values: dict[str, str]) -> dict[str, str]:
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[
            {"ParameterKey": key, "ParameterValue": values[key]}
            for key in template["Parameters"]
            if key in values
        ],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name)
    outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def create_user_pool() -> UserPool:
    """Create a user pool with a client for each channel and with the demo and preset accounts."""
    cognito = boto3.client("cognito-idp")
    pool_id = cognito.create_user_pool(PoolName="totp-binding-local")["UserPool"]["Id"]
    client_ids = {
        name: cognito.create_user_pool_client(
            UserPoolId=pool_id, ClientName=name, ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
        )["UserPoolClient"]["ClientId"]
        for name in CLIENTS
    }
    for account in DEMO_ACCOUNTS + PRESET_ACCOUNTS:
        cognito.admin_create_user(UserPoolId=pool_id, Username=account, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(
            UserPoolId=pool_id, Username=account, Password=DEMO_PASSWORD, Permanent=True
        )
    return UserPool(pool_id, client_ids)


def own_login_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings by which somebody tries a login server of their own."""
    return {
        name: value for name, value in environment.items() if name.startswith("LOGIN_") and value.strip()
    }


def settings(outputs: dict[str, str], login: dict[str, str]) -> dict[str, str]:
    """Return the environment of the deployed functions for this stage."""
    return {
        "BINDINGS_TABLE": outputs["BindingsTable"],
        "AUDIT_TABLE": outputs["AuditTable"],
        "WITNESS_BUCKET": outputs["WitnessBucket"],
        "KEYS_TABLE": outputs["KeysTable"],
        "KMS_KEY": outputs["KmsKey"],
        "EVENTS_TOPIC": outputs["EventsTopic"],
        "BINDINGS_STREAM_ARN": outputs["BindingsStreamArn"],
        "OTP_ISSUER": "极星演示",
        "PASS_ISSUER": "https://totp-binding.local",
        "PASS_AUDIENCE": "trading-gateway",
        **login,
    }


def login_settings(pool: UserPool, aws_url: str, own: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the login server's stand-in, with those of ``own`` in their place."""
    region = os.environ["AWS_DEFAULT_REGION"]
    clients = {pool.client_ids[name]: client for name, client in CLIENTS.items()}
    stand_in = {
        "LOGIN_ISSUER": f"https://cognito-idp.{region}.amazonaws.com/{pool.pool_id}",
        "LOGIN_KEY_SET_URL": f"{aws_url}/{pool.pool_id}/.well-known/jwks.json",
        "LOGIN_CLIENTS": json.dumps(clients),
    }
    if "LOGIN_KEY_SET" in own:
        del stand_in["LOGIN_KEY_SET_URL"]
    return stand_in | dict(own)


def load_service(environment: dict[str, str]) -> Any:
    """Import ``app.py`` in its environment, as Lambda does, and create the first keys."""
    os.environ |= environment
    module = importlib.import_module("app")
    module.rotate_keys(SCHEDULED_EVENT, None)
    return module
