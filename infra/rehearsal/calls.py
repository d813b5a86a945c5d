"""Every call to AWS that a deployment makes, as the SDK itself reports it.

The SDK's client-side monitoring sends a datagram for each call, Chalice's calls included.
"""

import fnmatch
import json
import socket
import threading
from typing import Any

import botocore.session

from infra.deploying.permissions import DEPLOYER, statements

_PREFIX = {
    "API Gateway": "apigateway",
    "CloudFormation": "cloudformation",
    "CloudWatch Events": "events",
    "EventBridge": "events",
    "DynamoDB": "dynamodb",
    "IAM": "iam",
    "KMS": "kms",
    "S3": "s3",
    "Lambda": "lambda",
    "SSM": "ssm",
    "STS": "sts",
}
"""IAM's prefixes of the services that a deployment speaks with."""

_OTHER_NAMES = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:GetLayerVersionByArn": "lambda:GetLayerVersion",
    "lambda:ListVersionsByFunction": "lambda:ListVersionsByFunction",
    "s3:HeadBucket": "s3:ListBucket",
}
"""Calls whose permission has another name."""

_FREE = frozenset({"sts:GetCallerIdentity"})
"""Calls that need no permission."""


class Calls:
    """Hears of calls until ``stop``."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._made: set[tuple[str, str]] = set()
        self._methods: dict[str, str] = {}
        threading.Thread(target=self._listen, name="calls", daemon=True).start()

    def stop(self) -> None:
        """Hear no more."""
        self._socket.close()

    @property
    def actions(self) -> set[str]:
        """The permissions that the calls so far needed, by IAM's names."""
        return {self._action(*call) for call in set(self._made)} - _FREE

    def _listen(self) -> None:
        while True:
            try:
                said = json.loads(self._socket.recv(65_536))
            except OSError:
                return
            if said["Type"] == "ApiCall":
                self._made.add((said["Service"], said["Api"]))

    def _action(self, service: str, operation: str) -> str:
        prefix = _PREFIX.get(service, service)
        if prefix == "apigateway":
            return f"apigateway:{self._method(operation)}"
        name = f"{prefix}:{operation}"
        return _OTHER_NAMES.get(name, name)

    def _method(self, operation: str) -> str:
        """API Gateway's permissions are named by HTTP method."""
        if not self._methods:
            model: Any = botocore.session.get_session().get_service_model("apigateway")
            self._methods = {
                name: model.operation_model(name).http["method"] for name in model.operation_names
            }
        return self._methods[operation]


def not_allowed(actions: set[str]) -> list[str]:
    """The actions that no statement of the deployer's policy allows."""
    allowed = [action for statement in statements(DEPLOYER) for action in statement["Action"]]
    return sorted(
        action
        for action in actions
        if not any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in allowed)
    )
