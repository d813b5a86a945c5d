"""Starts the local stack, prints its addresses, and serves it until it is interrupted."""

import os
import signal
import sys
import threading
from contextlib import ExitStack

from chalicelib.core.errors import ErrorCode
from chalicelib.settings import InvalidSetting
from infra.emulator.moto_server import Emulator
from infra.emulator.sts_stand_in import SecurityTokenStandIn
from infra.local import operators, stack
from infra.local.api_gateway import gateway_response
from infra.local.event_subscriber import EventSubscriber
from infra.local.feed import Feed
from infra.local.http_server import HttpResponse, Server
from infra.local.poller import Poller
from infra.local.presets import Presets
from infra.local.router import Router
from infra.local.terminal import log_in_background, welcome

DEFAULT_PORT = 8000


def main() -> int:
    """Serve until SIGINT or SIGTERM. Returns the exit status."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    port = os.environ.get("PORT") or str(DEFAULT_PORT)
    if not (port.isascii() and port.isdecimal() and int(port) < 65_536):
        print("PORT must be a number from 0 to 65535", file=sys.stderr)
        return 2
    try:
        server = Server(int(port), lambda: gateway_response(ErrorCode.MALFORMED_REQUEST))
    except OSError as error:
        print(f"port {port}: {error.strerror}; try PORT=8001 make run", file=sys.stderr)
        return 1
    with ExitStack() as ends:
        try:
            _start(server, ends)
        except InvalidSetting as invalid:
            print(invalid, file=sys.stderr)
            return 2
        # On Windows, Ctrl-C is noticed only between waits: keep them short.
        while not stopped.wait(0.5):
            pass
    return 0


def _start(server: Server, ends: ExitStack) -> None:
    """Start everything and print the addresses. ``ends`` gets what stops it again."""
    emulator, sts = Emulator(), Server(0, lambda: HttpResponse(400))
    listener = log_in_background(verbose=bool(os.environ.get("VERBOSE")))
    listener.start()
    ends.callback(listener.stop)
    sts.serve(SecurityTokenStandIn(operators.identity).respond)
    ends.callback(sts.stop)
    emulator.start()
    ends.callback(emulator.stop)
    stack.point_at(emulator.url)
    emulator.answer_this_process()
    pool = stack.create_user_pool()
    own = stack.own_login_settings(os.environ)
    settings = stack.settings(stack.create_resources(), stack.login_settings(pool, emulator.url, own))
    module = stack.load_service(settings | {"AWS_ENDPOINT_URL_STS": sts.url})
    presets = Presets()
    presets.create()
    feed = Feed()
    subscriber = EventSubscriber(feed, settings["AUDIT_TABLE"], settings["EVENTS_TOPIC"])
    poller = Poller(
        settings["BINDINGS_STREAM_ARN"],
        module.record_events,
        delivered=subscriber.show_rows,
        idle=subscriber.show_notifications,
    )
    # Nobody did what made the preset accounts: neither the feed nor the terminal shows it.
    poller.catch_up()
    subscriber.subscribe()
    server.serve(Router(module, pool, presets, feed).respond)
    ends.callback(server.stop)
    print(welcome(server.url, own))
    print(f"aws {emulator.url}", flush=True)
    print(f"ready {server.url}", flush=True)
    poller.start()
    ends.callback(poller.stop)
