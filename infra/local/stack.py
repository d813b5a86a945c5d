"""The local stage: resources from the deployed template, a login server, demo accounts, keys."""

import importlib
import json
import os
from dataclasses import dataclass
from typing import Any

import boto3

from infra.environment import ROOT, set_aside_aws

STAGE = "local"
DEMO_ACCOUNTS = tuple(f"{number}" for number in range(88000001, 88000021))
PRESET_ACCOUNTS = tuple(f"{number}" for number in range(88000091, 88000100))
DEMO_PASSWORD = "Demo-Pass-1"
CLIENTS = {
    "desktop": {"channel": "desktop", "may_bind": True},
    "mobile": {"channel": "mobile", "may_bind": False},
}
"""The OAuth clients of the stand-in for the login server, and what the deployment says of them."""


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
"""What EventBridge hands to a function on a schedule."""


@dataclass(frozen=True, slots=True)
class UserPool:
    """The Cognito user pool that stands in for the broker's login server."""

    pool_id: str
    client_ids: dict[str, str]


def point_at(aws_url: str) -> None:
    """Turn this process's AWS calls to the emulator, whatever the machine is set up for."""
    set_aside_aws()
    os.environ |= {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def create_resources(stage: str = STAGE) -> dict[str, str]:
    """Create the stack of ``infra/resources.yaml``; its outputs by name."""
    cloudformation = boto3.client("cloudformation")
    name = f"totp-binding-{stage}"
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=(ROOT / "infra" / "resources.yaml").read_text("utf-8"),
        Parameters=[{"ParameterKey": "Stage", "ParameterValue": stage}],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name)
    outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def create_user_pool() -> UserPool:
    """A user pool with a client for each channel, and the demo and preset accounts in it."""
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


def settings(outputs: dict[str, str], pool: UserPool, aws_url: str) -> dict[str, str]:
    """The environment of the deployed functions, as ops would set it for this stage."""
    region = os.environ["AWS_DEFAULT_REGION"]
    clients = {pool.client_ids[name]: client for name, client in CLIENTS.items()}
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
        "LOGIN_ISSUER": f"https://cognito-idp.{region}.amazonaws.com/{pool.pool_id}",
        "LOGIN_KEY_SET_URL": f"{aws_url}/{pool.pool_id}/.well-known/jwks.json",
        "LOGIN_CLIENTS": json.dumps(clients),
    }


def load_service(environment: dict[str, str]) -> Any:
    """Import ``app.py`` in its environment, as Lambda does, and make the first keys."""
    os.environ |= environment
    module = importlib.import_module("app")
    module.rotate_keys(SCHEDULED_EVENT, None)
    return module
