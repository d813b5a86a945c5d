"""Every entry point of the service: who may call it, and who does the work."""

import os
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, cast

from chalice.app import Chalice, CloudWatchEvent, DynamoDBEvent, Rate, Request, Response

from chalicelib import wiring
from chalicelib.edge import answers, desk_events, http
from chalicelib.edge.http import Call
from chalicelib.wiring import Parts

app = Chalice(app_name="totp-binding", configure_logs=False)
app.register_middleware(http.catch_all, "http")

any_body = partial(app.route, content_types=["*/*"])
"""A route that takes whatever body a client sends, and leaves the judgement to us."""


def answered(
    status: int = 200, cache_control: str = http.NO_STORE, counts: tuple[str, ...] = ()
) -> Callable[[Callable[[Call, Parts], dict[str, Any]]], Callable[[], Response]]:
    """Make a view of a function from a call to the document of its answer."""

    def decorate(respond: Callable[[Call, Parts], dict[str, Any]]) -> Callable[[], Response]:
        @wraps(respond)
        def view() -> Response:
            return http.answer(
                cast(Request, app.current_request),
                lambda call: respond(call, wiring.parts()),
                status=status,
                cache_control=cache_control,
                counts=counts,
            )

        return view

    return decorate


@any_body("/binding", methods=["GET"])
@answered()
def binding(call: Call, parts: Parts) -> dict[str, Any]:
    """Every client: how the caller's account stands."""
    caller = call.log_in(parts.login, parts.settings.login_age)
    return answers.binding(parts.service.look(caller))


@any_body("/bind", methods=["POST"])
@answered(status=201)
def bind(call: Call, parts: Parts) -> dict[str, Any]:
    """Clients that may bind: a new QR code."""
    caller = call.log_in_to_bind(parts.login, parts.settings.login_age)
    return answers.qr_code(parts.service.begin(caller, call.source))


@any_body("/bind/confirm", methods=["POST"])
@answered(counts=("Logins", "Bindings"))
def confirm(call: Call, parts: Parts) -> dict[str, Any]:
    """Clients that may bind: the first code, which binds and logs in."""
    caller = call.log_in_to_bind(parts.login, parts.settings.login_age_to_confirm)
    return answers.bound(parts.service.confirm(caller, call.code(), call.source))


@any_body("/verify", methods=["POST"])
@answered(counts=("Logins",))
def verify(call: Call, parts: Parts) -> dict[str, Any]:
    """Every client: a code for a pass."""
    caller = call.log_in(parts.login, parts.settings.login_age)
    return answers.logged_in(parts.service.verify(caller, call.code(), call.source))


@any_body("/.well-known/jwks.json", methods=["GET"])
@answered(cache_control="public, max-age=300")
def key_set(call: Call, parts: Parts) -> dict[str, Any]:
    """Anyone, above all the trading gateway: the public keys of the passes."""
    return parts.passes.key_set()


@app.lambda_function(name="unbind")
def unbind(event: Any, context: Any) -> dict[str, Any]:
    """Support staff: drop an account's binding."""
    return desk_events.respond(
        "unbind",
        event,
        context,
        desk_events.unbind_errand,
        lambda errand, call_id: wiring.parts().desk.unbind(errand, call_id),
    )


@app.lambda_function(name="unlock")
def unlock(event: Any, context: Any) -> dict[str, Any]:
    """Support staff: clear an account's wrong codes, lock and suspension."""
    return desk_events.respond(
        "unlock",
        event,
        context,
        desk_events.unlock_errand,
        lambda errand, call_id: wiring.parts().desk.unlock(errand, call_id),
    )


@app.lambda_function(name="lookup")
def lookup(event: Any, context: Any) -> dict[str, Any]:
    """Support staff: how an account stands, and its history."""
    return desk_events.respond(
        "lookup",
        event,
        context,
        desk_events.inquiry,
        lambda inquiry, _: wiring.parts().desk.look_up(inquiry),
    )


@app.on_dynamodb_record(
    # Chalice knows the stage's environment when it deploys, and asks for the stream only then.
    stream_arn=os.environ.get("BINDINGS_STREAM_ARN", ""),
    batch_size=25,
    starting_position="TRIM_HORIZON",
    name="record_events",
)
def record_events(event: DynamoDBEvent) -> None:
    """The bindings table's stream: each change into the audit trail, and out to the topic."""
    wiring.parts().trail.record(event.to_dict()["Records"])


@app.schedule(Rate(1, unit=Rate.DAYS), name="rotate_keys")
def rotate_keys(event: CloudWatchEvent) -> dict[str, Any]:
    """The clock, once a day: new keys in time, old signing keys off the key set."""
    return wiring.parts().rotation.run()
