"""The errors that end the support desk's command, and the exit status of each."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.clients import error_code


class Exit(IntEnum):
    """The command's exit status."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOTHING_TO_DO = 3
    NOT_CONFIRMED = 4
    NO_ACCESS = 5
    TRY_AGAIN = 6
    WAITING = 7
    INTERRUPTED = 130


class CommandError(Exception):
    """An error with a message. ``name`` is the message's key, ``details`` are its placeholders."""

    def __init__(self, name: str, exit_status: Exit, **details: str) -> None:
        super().__init__(name)
        self.name = name
        self.exit_status = exit_status
        self.details = details


_NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.InvalidConfigError,
    boto.ConfigNotFound,
    boto.ConfigParseError,
)

_LOGIN_OVER = (
    boto.SSOError,
    boto.LoginError,
    boto.TokenRetrievalError,
)

_NO_NETWORK = (
    boto.EndpointConnectionError,
    boto.ConnectTimeoutError,
    boto.ProxyConnectionError,
    boto.SSLError,
)

_NO_ANSWER = (
    boto.ReadTimeoutError,
    boto.ConnectionClosedError,
    boto.HTTPClientError,
)

_CODES = {
    "AccessDenied": "access_denied",
    "AccessDeniedException": "access_denied",
    "ExpiredToken": "login_over",
    "ExpiredTokenException": "login_over",
    "RequestExpired": "login_over",
    "ForbiddenException": "access_denied",
    "InvalidClientTokenId": "bad_credentials",
    "InvalidSignatureException": "bad_credentials",
    "MissingAuthenticationToken": "bad_credentials",
    "SignatureDoesNotMatch": "bad_credentials",
    "UnrecognizedClientException": "bad_credentials",
    "ResourceNotFoundException": "no_function",
    "Throttling": "throttled",
    "ThrottlingException": "throttled",
    "TooManyRequestsException": "throttled",
}

_EXITS = {
    "throttled": Exit.TRY_AGAIN,
    "aws_failed": Exit.TRY_AGAIN,
    "no_network": Exit.TRY_AGAIN,
    "no_answer": Exit.TRY_AGAIN,
    "aws_refused": Exit.FAILED,
}
"""The exit status of an error by its name; all others are NO_ACCESS."""


@contextmanager
def aws_errors_as_command_errors(**details: str) -> Iterator[None]:
    """Raise each error of AWS or of the SDK as a CommandError."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        name, code = _name(error)
        raise CommandError(name, _EXITS.get(name, Exit.NO_ACCESS), code=code, **details) from error


def _name(error: BotoCoreError | ClientError) -> tuple[str, str]:
    """Return the error's name here, and its name in AWS or the SDK."""
    if isinstance(error, ClientError):
        code = error_code(error)
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return _CODES.get(code, "aws_failed" if status >= 500 else "aws_refused"), code
    kinds = (
        ("no_profile", (boto.ProfileNotFound,)),
        ("no_credentials", _NO_CREDENTIALS),
        ("login_over", _LOGIN_OVER),
        ("no_network", _NO_NETWORK),
        ("no_answer", _NO_ANSWER),
    )
    name = next((name for name, kind in kinds if isinstance(error, kind)), "aws_refused")
    return name, type(error).__name__
