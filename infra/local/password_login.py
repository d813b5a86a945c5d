"""Stands in for the broker's password login."""

import json

import boto3
from botocore.exceptions import ClientError

from chalicelib.core.errors import Refused
from infra.local.api_gateway import gateway_response
from infra.local.http_server import HttpRequest, HttpResponse, json_response
from infra.local.presets import Presets
from infra.local.stack import UserPool


class PasswordLogin:
    """Checks passwords and issues login tokens with Cognito's own calls."""

    def __init__(self, pool: UserPool, presets: Presets) -> None:
        self._pool = pool
        self._presets = presets
        self._cognito = boto3.client("cognito-idp")

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Return a login token if the password of the account is right."""
        try:
            login = json.loads(request.body or b"")
            account, password, client = (login[name] for name in ("account", "password", "client"))
            client_id = self._pool.client_ids[client]
            if not (isinstance(account, str) and isinstance(password, str)):
                raise TypeError
        except (KeyError, TypeError, ValueError, RecursionError):
            clients = " or ".join(f'"{name}"' for name in self._pool.client_ids)
            return json_response(401, {"error": f"send account, password, and as client {clients}"})
        try:
            result = self._cognito.initiate_auth(
                AuthFlow="USER_PASSWORD_AUTH",
                ClientId=client_id,
                AuthParameters={"USERNAME": account, "PASSWORD": password},
            )["AuthenticationResult"]
            token = self._presets.at_login(account, result["AccessToken"])
        except ClientError:
            return json_response(401, {"error": "account or password is wrong"})
        except Refused as error:
            return gateway_response(error.code)
        return json_response(
            200, {"token": token, "expires_in": result["ExpiresIn"]}, {"Cache-Control": "no-store"}
        )
