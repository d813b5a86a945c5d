"""STS on this machine. It names a caller only if the signature is right.

moto names every caller and checks no signature, so any proof would hold.
"""

import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from infra.local.http_server import LOOPBACK, HttpRequest, HttpResponse

_CLOCKS_APART = 900
"""Seconds by which a request's date may differ from STS's clock."""

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([A-Za-z0-9]+)/([0-9]{8})/([a-z0-9-]+)/sts/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)
_BODY = b"Action=GetCallerIdentity&Version=2011-06-15"

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller that the stand-in knows: the secret key, the session token, and the ARN to name."""

    secret_key: str
    session_token: str | None
    arn: str


class _Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class SecurityTokenStandIn:
    """Answers GetCallerIdentity.

    ``identity`` returns the caller of an access key id in a region, or None if there is none.
    """

    def __init__(
        self, identity: Callable[[str, str], Identity | None], clock: Callable[[], float] = time.time
    ) -> None:
        self._identity = identity
        self._clock = clock

    def respond(self, ask: HttpRequest) -> HttpResponse:
        """Name the caller, or refuse with STS's own codes."""
        try:
            arn = self._caller(ask)
        except _Refused as refused:
            return _error(refused.status, refused.code)
        account = arn.split(":")[4]
        return _xml(
            200,
            f'<GetCallerIdentityResponse xmlns="{_NAMESPACE}"><GetCallerIdentityResult><Arn>{arn}</Arn>'
            f"<UserId>AROALOCAL:caller</UserId><Account>{account}</Account></GetCallerIdentityResult>"
            "<ResponseMetadata><RequestId>local</RequestId></ResponseMetadata>"
            "</GetCallerIdentityResponse>",
        )

    def _caller(self, ask: HttpRequest) -> str:
        if (ask.method, ask.target, ask.body) != ("POST", "/", _BODY):
            raise _Refused(400, "InvalidAction")
        authorization = _AUTHORIZATION.fullmatch(ask.headers.get("Authorization", ""))
        if authorization is None:
            raise _Refused(403, "MissingAuthenticationToken")
        access_key_id, day, region, names, signature = authorization.groups()
        signed = _signed_headers(ask, names.split(";"))
        date = signed.get("x-amz-date", "")
        self._check_time(date, day)
        # An SDK whose endpoint is set to this server signs its address.
        if not signed["host"].startswith((f"sts.{region}.", f"{LOOPBACK}:")):
            raise _Refused(403, "SignatureDoesNotMatch")
        identity = self._identity(access_key_id, region)
        if identity is None or signed.get("x-amz-security-token") != identity.session_token:
            raise _Refused(403, "InvalidClientTokenId")
        credentials = Credentials(access_key_id, identity.secret_key)
        if not hmac.compare_digest(_signature(credentials, region, date, signed), signature):
            raise _Refused(403, "SignatureDoesNotMatch")
        return identity.arn

    def _check_time(self, date: str, day: str) -> None:
        try:
            signed_at = datetime.strptime(date, SIGV4_TIMESTAMP).replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise _Refused(400, "IncompleteSignature") from None
        if not date.startswith(day) or abs(self._clock() - signed_at) > _CLOCKS_APART:
            raise _Refused(403, "SignatureDoesNotMatch")


def _signed_headers(ask: HttpRequest, names: list[str]) -> dict[str, str]:
    """Return the headers that were signed: the host and all of AWS's own, each of them once."""
    sent = [name.lower() for name in ask.headers]
    needed = {"host", *(name for name in sent if name.startswith("x-amz-"))}
    if names != sorted(set(names)) or not needed <= set(names):
        raise _Refused(403, "SignatureDoesNotMatch")
    if any(sent.count(name) != 1 for name in names):
        raise _Refused(400, "IncompleteSignature")
    return {name: ask.headers[name] for name in names}


def _signature(credentials: Credentials, region: str, date: str, signed: dict[str, str]) -> str:
    """Return the signature of what was sent, made with the caller's own secret key."""
    request = AWSRequest("POST", f"https://{signed['host']}/", headers=signed, data=_BODY)
    request.context["timestamp"] = date
    signer = SigV4Auth(credentials, "sts", region)
    to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    return str(signer.signature(to_sign, request))


def _error(status: int, code: str) -> HttpResponse:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{code}</Message></Error>"
    return _xml(
        status,
        f'<ErrorResponse xmlns="{_NAMESPACE}">{error}<RequestId>local</RequestId></ErrorResponse>',
    )


def _xml(status: int, text: str) -> HttpResponse:
    return HttpResponse(status, {"Content-Type": "text/xml"}, text.encode())
