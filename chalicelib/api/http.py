"""Chalice's requests and responses: read a call, answer it and log it."""

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from chalice.app import Request, Response

from chalicelib.api.language import Language, preferred
from chalicelib.api.problems import Fields, problem
from chalicelib.api.service import TypedCode
from chalicelib.core import bind_code, totp
from chalicelib.core.errors import ErrorCode, Refused
from chalicelib.core.events import Source
from chalicelib.log import frames, log, request_id
from chalicelib.metrics import counted
from chalicelib.tokens.login import Caller, LoginCheck

LARGEST_BODY = 4_096
"""Bytes. A body with a code has forty."""

DEEPEST_BODY = 32
"""Levels of arrays and objects, far below the limit of Python's parser."""

NO_STORE = "no-store"

Headers = dict[str, str | list[str]]
"""Headers as Chalice types them. Every value is a str, since API Gateway takes nothing else."""

_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE | re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{16,64}")
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


class Call:
    """One HTTP call, of which each part is read when its check is due."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.language: Language = preferred(",".join(self._values("accept-language")))
        identity = request.context.get("identity") or {}
        self.source = Source(
            request_id=request_id(request.lambda_context), address=identity.get("sourceIp")
        )
        self.path: str = request.path
        self.caller: Caller | None = None

    def log_in(self, check: LoginCheck, greatest_age: int) -> Caller:
        """Return the caller that the login token names. Raises Refused if the token is not accepted.

        The password was typed at most ``greatest_age`` seconds ago.
        """
        values = self._values("authorization")
        match = _BEARER.fullmatch(values[0].strip()) if len(values) == 1 else None
        if match is None:
            raise Refused(ErrorCode.LOGIN_REQUIRED)
        self.caller = check.read(match[1], greatest_age)
        return self.caller

    def log_in_to_bind(self, check: LoginCheck, greatest_age: int) -> Caller:
        """Return the caller as ``log_in`` does. Raises Refused if the client may not bind."""
        caller = self.log_in(check, greatest_age)
        if not caller.may_bind:
            raise Refused(ErrorCode.DESKTOP_ONLY)
        return caller

    def typed_code(self) -> TypedCode:
        """Return the six digits of the body's ``code``, and the idempotency key of the call."""
        body = _json_object(lambda: self._request.raw_body)
        if "code" not in body:
            raise Refused(ErrorCode.MALFORMED_REQUEST, "no code", {"field": "code"})
        typed = body["code"]
        code = totp.normalise(typed) if isinstance(typed, str) else None
        if code is None:
            raise Refused(ErrorCode.MALFORMED_CODE)
        return TypedCode(code, self._idempotency_key())

    def bind_code(self) -> str | None:
        """Return the eight digits of the body's ``bind_code``; None if there are none such."""
        if not self._request.raw_body:
            return None
        typed = _json_object(lambda: self._request.raw_body).get("bind_code")
        return totp.normalise(typed, bind_code.DIGITS) if isinstance(typed, str) else None

    def _idempotency_key(self) -> str | None:
        values = self._values("idempotency-key")
        if not values:
            return None
        if len(values) > 1 or not _IDEMPOTENCY_KEY.fullmatch(values[0]):
            field = {"field": "Idempotency-Key"}
            raise Refused(ErrorCode.MALFORMED_REQUEST, "malformed idempotency key", field)
        return values[0]

    def _values(self, name: str) -> list[str]:
        """Return every value of a header. API Gateway lists repeated ones in multiValueHeaders."""
        repeated: dict[str, list[str]] = self._request.to_original_event().get("multiValueHeaders") or {}
        values = [value for key, some in repeated.items() if key.lower() == name for value in some]
        single = self._request.headers.get(name)
        return values or ([] if single is None else [single])


def answer(
    request: Request,
    respond: Callable[[Call], dict[str, Any]],
    *,
    status: int = 200,
    cache_control: str = NO_STORE,
    counts: tuple[str, ...] = (),
) -> Response:
    """Return the response to a call: the document of ``respond``, or the error that it raises.

    No response is a 500. Each call writes one line to the log. ``counts`` names the metrics that a
    successful answer adds to, by channel.
    """
    call = Call(request)
    try:
        document = respond(call)
    except Refused as refused:
        _log_error(call, refused)
        return _error_response(refused.code, call.language, call.source.request_id, refused.fields)
    except Exception as error:
        unavailable = ErrorCode.UNAVAILABLE
        line = _log_fields(call) | {"code": unavailable.value, "failure": frames(error)}
        log.error("unexpected failure", extra=line | counted("Refusals", code=unavailable.value))
        return _error_response(unavailable, call.language, call.source.request_id)
    by_channel = {"channel": call.caller.channel.value} if call.caller else {}
    log.info("answered", extra=_log_fields(call) | {"status": status} | counted(*counts, **by_channel))
    headers: Headers = {
        "Content-Type": "application/json",
        "Cache-Control": cache_control,
        "x-request-id": call.source.request_id,
    }
    return Response(_json(document), headers, status)


def catch_all(request: Request | None, get_response: Callable[[Any], Response]) -> Response:
    """Replace Chalice's own errors, such as for an unknown method, by errors of the contract."""
    response = get_response(request)
    if request is None:
        return _error_response(ErrorCode.UNAVAILABLE, Language.SIMPLIFIED, str(uuid4()))
    if "x-request-id" in response.headers:
        return response
    code = ErrorCode.NOT_FOUND if 400 <= response.status_code < 500 else ErrorCode.UNAVAILABLE
    call = Call(request)
    _log_error(call, Refused(code, f"Chalice answered {response.status_code}"))
    return _error_response(code, call.language, call.source.request_id)


def _error_response(
    code: ErrorCode,
    language: Language,
    request_id: str,
    fields: Fields | None = None,
) -> Response:
    error = problem(code, language, request_id, fields)
    headers: Headers = {**error.headers, "Cache-Control": NO_STORE, "x-request-id": request_id}
    return Response(_json(error.document), headers, error.status)


def _log_error(call: Call, refused: Refused) -> None:
    level = log.error if refused.code is ErrorCode.UNAVAILABLE else log.warning
    code = refused.code.value
    counts = ["Refusals"]
    if refused.fields.get("attempts_left") == 0:
        counts.append("OutOfAttempts")
    if refused.signal is not None:
        counts.append(refused.signal.value)
    line = _log_fields(call) | {"code": code, "why": refused.why}
    level("refused", extra=line | counted(*counts, code=code))


def _log_fields(call: Call) -> dict[str, Any]:
    caller = call.caller
    return {
        "request_id": call.source.request_id,
        "path": call.path,
        "address": call.source.address,
        "account": caller and caller.account,
        "channel": caller and caller.channel.value,
    }


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _json_object(read: Callable[[], str | bytes]) -> dict[str, Any]:
    """Return the JSON object of a body (RFC 8259: UTF-8, and neither NaN nor Infinity)."""
    try:
        body = read()
        octets = body.encode() if isinstance(body, str) else body
        if len(octets) > LARGEST_BODY:
            raise _malformed("too large")
        text = octets.decode("utf-8-sig")
        if _depth(text) > DEEPEST_BODY:
            raise _malformed("nested too deeply")
        document = json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        raise _malformed(f"not JSON: {type(error).__name__}") from error
    if not isinstance(document, dict):
        raise _malformed("not an object")
    return document


def _depth(text: str) -> int:
    """Return the depth of a JSON text. It is checked before parsing, since the parser recurses."""
    depth = deepest = 0
    for character in _STRINGS.sub("", text):
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _malformed(why: str) -> Refused:
    return Refused(ErrorCode.MALFORMED_REQUEST, why)
