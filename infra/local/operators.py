"""The operators of the local stage. Each is a session of its support role, named by the access key id.

The support command therefore proves an operator here as it does on AWS.
"""

import re

from infra.emulator.sts_stand_in import Identity

ACCOUNT = "123456789012"
"""The account that moto is."""

SECRET_KEY = "local"
"""The secret key of every operator."""

_HEADER = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/[0-9]{8}/([a-z0-9-]{1,32})/lambda/")


def function_arn(name: str, region: str) -> str:
    """Return the ARN of a function in a region."""
    return f"arn:aws:lambda:{region}:{ACCOUNT}:function:{name}"


def called_region(authorization: str | None) -> str | None:
    """Return the region that the signature of a call to Lambda names, or None if it names none."""
    match = _HEADER.match(authorization or "")
    return match[1] if match else None


def access_key_id(user: str) -> str:
    """Return the access key id of a user of this machine."""
    kept = re.sub("[^A-Za-z0-9]", "", user)[:64]
    return kept if len(kept) > 1 else "local"


def identity(access_key_id: str, region: str) -> Identity:
    """Return the operator of that name. Every access key id is one."""
    role = f"totp-binding-local-support-{region}"
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{access_key_id}"
    return Identity(SECRET_KEY, None, arn)
