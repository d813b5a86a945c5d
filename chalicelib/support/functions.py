"""The support functions: read the event, let the desk act, answer. None of them ends in an error.

Each call writes one line to the log: the operator, the account, the ticket and the outcome.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, TypeVar, cast

from chalicelib.aws.audit_rows import entry
from chalicelib.core.account import AccountCase
from chalicelib.core.binding import Binding, Waiting
from chalicelib.core.errors import Refused
from chalicelib.core.unbinding import AlreadyBound, Invitation, OwnRequest, Unbinding, Unlocked
from chalicelib.documents import rfc3339, standing
from chalicelib.log import frames, log, request_id
from chalicelib.metrics import counted
from chalicelib.support import requests
from chalicelib.support.desk import Answer, Desk, Found
from chalicelib.support.requests import InvalidEvent, LookupRequest, SupportRequest

Desks = Callable[[], Desk]
"""Return the desk. Building it may fail, and that failure is an answer too."""

RequestT = TypeVar("RequestT", SupportRequest, LookupRequest)


def unbind(event: object, context: object, desk: Desks) -> dict[str, Any]:
    """Drop an account's binding, pending or bound. A ticket gets its first answer again for 6 hours."""
    return _respond(
        "unbind",
        event,
        context,
        desk,
        requests.unbind_request,
        lambda desk, request, call_id: _document(request, desk.unbind(request, call_id)),
    )


def invite(event: object, context: object, desk: Desks) -> dict[str, Any]:
    """Issue a new bind code to an account that is not bound."""
    return _respond(
        "invite",
        event,
        context,
        desk,
        requests.ticket_request,
        lambda desk, request, call_id: _document(request, desk.invite(request, call_id)),
    )


def approve(event: object, context: object, desk: Desks) -> dict[str, Any]:
    """Carry out the unbinding or invitation that another operator asked for."""
    return _respond(
        "approve",
        event,
        context,
        desk,
        requests.ticket_request,
        lambda desk, request, call_id: _document(request, desk.approve(request, call_id)),
    )


def unlock(event: object, context: object, desk: Desks) -> dict[str, Any]:
    """Clear an account's counts of wrong codes, lock and suspension."""
    return _respond("unlock", event, context, desk, requests.ticket_request, _unlock)


def lookup(event: object, context: object, desk: Desks) -> dict[str, Any]:
    """Show the state of an account and its history."""
    return _respond(
        "lookup",
        event,
        context,
        desk,
        requests.lookup_request,
        lambda desk, request, _: _found(desk.look_up(request)),
    )


def _document(request: SupportRequest, answer: Answer) -> dict[str, Any]:
    """Return the answer of ``unbind``, ``invite`` or ``approve``."""
    outcome, account = answer.outcome, {"account": request.account}
    if isinstance(outcome, Unbinding):
        return _unbinding(request.account, outcome, answer.bind_code)
    if isinstance(outcome, Invitation):
        return {"outcome": "invited", **account, **_code(answer.bind_code, outcome.expires_at)}
    if isinstance(outcome, Waiting):
        waits = {"ticket": outcome.ticket, "expires_at": rfc3339(outcome.expires_at)}
        return {"outcome": "waiting", **account, **waits}
    if isinstance(outcome, AlreadyBound):
        return {"outcome": "already_bound", **account, **_code(None, None)}
    if isinstance(outcome, OwnRequest):
        problem = "must be another operator than the one who made the request"
        raise InvalidEvent([{"field": "operator", "problem": problem}])
    return {"outcome": "nothing_to_approve"}


def _unbinding(account: str, outcome: Unbinding, bind_code: str | None) -> dict[str, Any]:
    given = outcome.given
    document: dict[str, Any] = {
        "outcome": "unbound" if given.dropped else "not_bound",
        "account": account,
        "binding": given.binding_id,
        "bound_at": rfc3339(given.bound_at),
        "unbound_at": rfc3339(given.at if given.dropped else None),
    }
    if given.code_expires_at is not None or outcome.repeated:
        document |= _code(bind_code, given.code_expires_at)
    if outcome.repeated:
        document |= {"repeated": True, "state": outcome.state.value}
    return document


def _code(bind_code: str | None, expires_at: int | None) -> dict[str, Any]:
    return {"bind_code": bind_code, "bind_code_expires_at": rfc3339(expires_at)}


def _unlock(desk: Desk, request: SupportRequest, call_id: str) -> dict[str, Any]:
    unlocked = isinstance(desk.unlock(request, call_id), Unlocked)
    return {"outcome": "unlocked" if unlocked else "not_locked", "account": request.account}


def _found(found: Found) -> dict[str, Any]:
    shown = found.binding or Binding(account=found.account)
    document = {
        "outcome": "found",
        "known": found.known,
        **standing(shown),
        "failures": shown.failures,
        "month_failures": shown.month_failures,
        "waiting": [_waiting(one) for one in found.waiting],
        "history": [entry(row) for row in found.rows],
    }
    return document if found.binding else {**document, "state": "unreadable"}


def _waiting(one: Waiting) -> dict[str, Any]:
    return {
        "ticket": one.ticket,
        "operator": one.by,
        "request": "invite" if one.reason is None else "unbind",
        "reason": one.reason,
        "expires_at": rfc3339(one.expires_at),
    }


def _respond(
    function: str,
    event: object,
    context: object,
    desk: Desks,
    read: Callable[[object, AccountCase], RequestT],
    act: Callable[[Desk, RequestT, str], dict[str, Any]],
) -> dict[str, Any]:
    call_id = request_id(context)
    about: dict[str, Any] = {"request_id": call_id, "function": function}
    try:
        request = read(event, desk().account_case)
        about |= asdict(request)
        function_arn = str(getattr(context, "invoked_function_arn", ""))
        operator = desk().proof.check(cast(Mapping[str, Any], event), function_arn)
        if operator is not None:
            request = replace(request, operator=operator, operator_proved=True)
            about |= asdict(request)
        answer = act(desk(), request, call_id)
    except InvalidEvent as invalid:
        fields = {"fields": [error["field"] for error in invalid.errors]}
        log.warning("invalid event", extra={**about, **fields, **_counted("invalid")})
        return {"outcome": "invalid", "errors": invalid.errors}
    except Refused as refused:
        why = {"code": refused.code.value, "why": refused.why}
        log.error("refused", extra={**about, **why, **_counted("unavailable")})
        return {"outcome": "unavailable"}
    except Exception as error:
        failure = {"failure": frames(error), **_counted("unavailable")}
        log.error("unexpected failure", extra={**about, **failure})
        return {"outcome": "unavailable"}
    outcome = "repeated" if answer.get("repeated") else answer["outcome"]
    log.info("answered", extra={**about, **_counted(outcome)})
    return answer


def _counted(outcome: str) -> dict[str, Any]:
    return {"outcome": outcome, **counted("Errands", outcome=outcome)}
