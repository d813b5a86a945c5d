"""Asks STS whose signature a GetCallerIdentity request carries.

The request is built here and goes to the region's own endpoint. Only the parts of the signature come
from the caller.
"""

import re
from dataclasses import dataclass, field
from xml.etree import ElementTree

import urllib3
from botocore.loaders import create_loader

from chalicelib.aws.single_request import send_once
from chalicelib.core.errors import Unavailable

REQUEST_HEADER = "x-totp-binding-request"
"""The signed header that binds a signature to one request of ours."""

CONTENT_TYPE = "application/x-www-form-urlencoded; charset=utf-8"
BODY = b"Action=GetCallerIdentity&Version=2011-06-15"

_LARGEST_ANSWER = 16 * 1024
_BUSY = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestThrottled"})
_ERROR_CODE = re.compile(r"[A-Za-z.]{1,64}", re.ASCII)


class NotAccepted(Exception):
    """STS does not accept the signature. ``code`` is the reason that STS gives."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Signature:
    """The parts of a signature that the caller made. None of them belongs in a log.

    ``date`` has the form of ``x-amz-date``, such as ``20261127T120000Z``.
    """

    access_key_id: str = field(repr=False)
    date: str = field(repr=False)
    signature: str = field(repr=False)
    session_token: str | None = field(repr=False)


def host(partition: str, region: str) -> str:
    """Return the host of a region's STS endpoint. Raises ValueError for an unknown partition."""
    for known in create_loader().load_data("partitions")["partitions"]:
        if known["id"] == partition:
            return f"sts.{region}.{known['outputs']['dnsSuffix']}"
    raise ValueError("unknown partition")


class SecurityTokenService:
    """STS, or its stand-in on this machine at the URL ``stand_in``."""

    def __init__(self, stand_in: str | None) -> None:
        self._stand_in = stand_in

    def caller(self, partition: str, region: str, signature: Signature, request_hash: str) -> str:
        """Return the ARN of the caller who signed ``request_hash``.

        Raises NotAccepted if STS refuses the signature, and Unavailable if STS gives no answer.
        """
        try:
            endpoint = host(partition, region)
            status, body = send_once(
                "POST",
                self._stand_in or f"https://{endpoint}/",
                headers=_headers(endpoint, region, signature, request_hash),
                body=BODY,
                largest=_LARGEST_ANSWER,
            )
            document = _xml(body)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise Unavailable(f"sts:GetCallerIdentity: {type(error).__name__}") from error
        return _caller(status, document)


def _headers(endpoint: str, region: str, signature: Signature, request_hash: str) -> dict[str, str]:
    """Return the headers that botocore's signer signs for this request, and its Authorization."""
    signed = {
        "content-type": CONTENT_TYPE,
        "host": endpoint,
        "x-amz-date": signature.date,
        REQUEST_HEADER: request_hash,
    }
    if signature.session_token is not None:
        signed["x-amz-security-token"] = signature.session_token
    scope = f"{signature.access_key_id}/{signature.date[:8]}/{region}/sts/aws4_request"
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={scope}, "
        f"SignedHeaders={';'.join(sorted(signed))}, Signature={signature.signature}"
    )
    return {**signed, "authorization": authorization, "user-agent": "totp-binding"}


def _caller(status: int, document: ElementTree.Element) -> str:
    """Return the ARN of an answer of STS. Raises NotAccepted or Unavailable if it has none."""
    if status == 200 and (arn := document.findtext("{*}GetCallerIdentityResult/{*}Arn")):
        return arn
    code = document.findtext("{*}Error/{*}Code") or ""
    if status in (400, 403) and _ERROR_CODE.fullmatch(code) and code not in _BUSY:
        raise NotAccepted(code)
    raise Unavailable(f"sts:GetCallerIdentity: status {status}")


def _xml(body: bytes) -> ElementTree.Element:
    """Parse XML without declarations, so that there are no entities to expand."""
    text = body.decode("utf-8")
    if "<!" in text:
        raise ValueError("XML with declarations")
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - small, and has no declarations
    except ElementTree.ParseError as error:
        raise ValueError("no XML") from error
