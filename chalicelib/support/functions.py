"""The support functions: read the event, let the desk act, answer. None of them ends in an error.

Each call writes one line to the log: the operator, the account, the ticket and the outcome.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from chalicelib.aws.audit_rows import entry
from chalicelib.core.binding import NothingToDo, Unbound, Unlocked
from chalicelib.core.errors import Busy, Unavailable
from chalicelib.documents import rfc3339, standing
from chalicelib.log import frames, log, request_id
from chalicelib.metrics import counted
from chalicelib.support import requests
from chalicelib.support.desk import Desk, Found
from chalicelib.support.requests import InvalidEvent, LookupRequest, SupportRequest

Desks = Callable[[], Desk]
"""Return the desk. Building it may fail, and that failure is an answer too."""


def unbind(event: object, context: object, desk: Desks) -> dict[str, Any]:
    """Drop an account's binding, pending or bound. Asking twice is harmless."""
    return _respond("unbind", event, context, lambda call: _unbind(call, desk))


def unlock(event: object, context: object, desk: Desks) -> dict[str, Any]:
    """Clear an account's wrong codes, lock and suspension."""
    return _respond("unlock", event, context, lambda call: _unlock(call, desk))


def lookup(event: object, context: object, desk: Desks) -> dict[str, Any]:
    """Show the state of an account and its history."""
    return _respond("lookup", event, context, lambda call: _lookup(call, desk))


class _Call:
    """One call of a support function, and what its log line tells."""

    def __init__(self, function: str, event: object, context: object) -> None:
        self.event = event
        self.request_id = request_id(context)
        self.about: dict[str, Any] = {"request_id": self.request_id, "function": function}

    def log_request(self, request: SupportRequest | LookupRequest) -> None:
        self.about |= asdict(request)


def _unbind(call: _Call, desk: Desks) -> dict[str, Any]:
    request = requests.unbind_request(call.event, desk().account_case)
    call.log_request(request)
    answer = desk().unbind(request, call.request_id)
    dropped = answer if isinstance(answer, Unbound) else None
    return {
        "outcome": "unbound" if dropped else "not_bound",
        "account": request.account,
        "binding": dropped and dropped.binding_id,
        "bound_at": rfc3339(dropped.bound_at if dropped else None),
        "unbound_at": rfc3339(dropped.unbound_at if dropped else None),
    }


def _unlock(call: _Call, desk: Desks) -> dict[str, Any]:
    request = requests.unlock_request(call.event, desk().account_case)
    call.log_request(request)
    answer: Unlocked | NothingToDo = desk().unlock(request, call.request_id)
    outcome = "unlocked" if isinstance(answer, Unlocked) else "not_locked"
    return {"outcome": outcome, "account": request.account}


def _lookup(call: _Call, desk: Desks) -> dict[str, Any]:
    request = requests.lookup_request(call.event, desk().account_case)
    call.log_request(request)
    found: Found = desk().look_up(request)
    return {
        "outcome": "found",
        **standing(found.binding),
        "failures": found.binding.failures,
        "history": [entry(row) for row in found.rows],
    }


def _respond(
    function: str, event: object, context: object, act: Callable[[_Call], dict[str, Any]]
) -> dict[str, Any]:
    call = _Call(function, event, context)
    try:
        answer = act(call)
    except InvalidEvent as invalid:
        fields = {"fields": [error["field"] for error in invalid.errors]}
        log.warning("invalid event", extra={**call.about, **fields, **_counted("invalid")})
        return {"outcome": "invalid", "errors": invalid.errors}
    except (Busy, Unavailable) as refused:
        why = {"code": refused.code.value, "why": refused.why}
        log.error("refused", extra={**call.about, **why, **_counted("unavailable")})
        return {"outcome": "unavailable"}
    except Exception as error:
        failure = {"failure": frames(error), **_counted("unavailable")}
        log.error("unexpected failure", extra={**call.about, **failure})
        return {"outcome": "unavailable"}
    log.info("answered", extra={**call.about, **_counted(answer["outcome"])})
    return answer


def _counted(outcome: str) -> dict[str, Any]:
    return {"outcome": outcome, **counted("Errands", outcome=outcome)}
