"""The operator's proof of an event, signed by botocore with the operator's own credentials."""

from collections.abc import Mapping
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError

from chalicelib.aws import sts
from chalicelib.support.proof import request_hash, support_function


def prove(
    credentials: Credentials | None, function_arn: str, event: Mapping[str, Any]
) -> dict[str, str]:
    """Return the ``proof`` of an event for one function: the parts of a signed GetCallerIdentity."""
    if credentials is None:
        raise NoCredentialsError
    keys = credentials.get_frozen_credentials()
    function = support_function(function_arn)
    request = AWSRequest(
        "POST",
        f"https://{sts.host(function.partition, function.region)}/",
        headers={
            "Content-Type": sts.CONTENT_TYPE,
            sts.REQUEST_HEADER: request_hash(function.arn, event),
        },
        data=sts.BODY,
    )
    SigV4Auth(keys, "sts", function.region).add_auth(request)
    proof = {
        "access_key_id": str(keys.access_key),
        "date": request.headers["X-Amz-Date"],
        "signature": request.headers["Authorization"].rpartition("Signature=")[2],
    }
    if keys.token:
        proof["session_token"] = keys.token
    return proof
