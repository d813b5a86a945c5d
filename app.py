"""Every entry point of the service: its caller, and the code that does the work."""

import os
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, cast

from chalice.app import Chalice, CloudWatchEvent, DynamoDBEvent, Rate, Request, Response

from chalicelib import wiring
from chalicelib.api import answers, http
from chalicelib.api.http import Call
from chalicelib.support import functions
from chalicelib.wiring import Components

app = Chalice(app_name="totp-binding", configure_logs=False)
app.register_middleware(http.catch_all, "http")

any_body = partial(app.route, content_types=["*/*"])
"""A route that accepts any body, whatever its content type."""


def answered(
    status: int = 200, cache_control: str = http.NO_STORE, counts: tuple[str, ...] = ()
) -> Callable[[Callable[[Call, Components], dict[str, Any]]], Callable[[], Response]]:
    """Turn a function from a call to a document into a view."""

    def decorate(respond: Callable[[Call, Components], dict[str, Any]]) -> Callable[[], Response]:
        @wraps(respond)
        def view() -> Response:
            return http.answer(
                cast(Request, app.current_request),
                lambda call: respond(call, wiring.components()),
                status=status,
                cache_control=cache_control,
                counts=counts,
            )

        return view

    return decorate


@any_body("/binding", methods=["GET"])
@answered()
def binding(call: Call, components: Components) -> dict[str, Any]:
    """Every client: show the state of the caller's account."""
    caller = call.log_in(components.login, components.settings.login_age)
    return answers.binding(components.service.look(caller))


@any_body("/bind", methods=["POST"])
@answered(status=201)
def bind(call: Call, components: Components) -> dict[str, Any]:
    """Clients that may bind: make a new QR code."""
    caller = call.log_in_to_bind(components.login, components.settings.login_age)
    return answers.qr_code(components.service.begin(caller, call.bind_code, call.source))


@any_body("/bind/confirm", methods=["POST"])
@answered(counts=("Logins", "Bindings"))
def confirm(call: Call, components: Components) -> dict[str, Any]:
    """Clients that may bind: bind with the first code, and log in."""
    caller = call.log_in_to_bind(components.login, components.settings.login_age_to_confirm)
    return answers.bound(components.service.confirm(caller, call.typed_code(), call.source))


@any_body("/verify", methods=["POST"])
@answered(counts=("Logins",))
def verify(call: Call, components: Components) -> dict[str, Any]:
    """Every client: exchange a code for a pass."""
    caller = call.log_in(components.login, components.settings.login_age)
    return answers.logged_in(components.service.verify(caller, call.typed_code(), call.source))


@any_body("/.well-known/jwks.json", methods=["GET"])
@answered(cache_control="public, max-age=300")
def key_set(call: Call, components: Components) -> dict[str, Any]:
    """Anyone, above all the trading gateway: publish the keys that verify passes."""
    return components.passes.key_set()


@app.lambda_function(name="unbind")
def unbind(event: Any, context: Any) -> dict[str, Any]:
    """Support staff: drop an account's binding."""
    return functions.unbind(event, context, lambda: wiring.components().desk)


@app.lambda_function(name="invite")
def invite(event: Any, context: Any) -> dict[str, Any]:
    """Support staff: issue a new bind code to an account that is not bound."""
    return functions.invite(event, context, lambda: wiring.components().desk)


@app.lambda_function(name="approve")
def approve(event: Any, context: Any) -> dict[str, Any]:
    """Support staff: carry out what another operator asked for."""
    return functions.approve(event, context, lambda: wiring.components().desk)


@app.lambda_function(name="unlock")
def unlock(event: Any, context: Any) -> dict[str, Any]:
    """Support staff: clear an account's wrong codes, lock and suspension."""
    return functions.unlock(event, context, lambda: wiring.components().desk)


@app.lambda_function(name="lookup")
def lookup(event: Any, context: Any) -> dict[str, Any]:
    """Support staff: show the state of an account and its history."""
    return functions.lookup(event, context, lambda: wiring.components().desk)


@app.on_dynamodb_record(
    # The stage's environment names the stream at deployment; elsewhere nothing asks for it.
    stream_arn=os.environ.get("BINDINGS_STREAM_ARN", ""),
    batch_size=25,
    starting_position="TRIM_HORIZON",
    name="record_events",
)
def record_events(event: DynamoDBEvent) -> None:
    """The bindings table's stream: record each change in the audit trail and publish it."""
    wiring.components().recorder.record(event.to_dict()["Records"])


@app.schedule(Rate(1, unit=Rate.DAYS), name="rotate_keys")
def rotate_keys(event: CloudWatchEvent) -> dict[str, Any]:
    """A daily schedule: make new keys in time, and take old signing keys off the key set."""
    return wiring.components().rotation.run()
