"""Starts the local stack, prints its addresses, and serves it until it is interrupted."""

import logging
import os
import queue
import signal
import sys
import threading
from logging.handlers import QueueHandler, QueueListener

from chalicelib.core.errors import ErrorCode
from chalicelib.log import log
from infra.emulator.moto_server import Emulator
from infra.emulator.sts_stand_in import SecurityTokenStandIn
from infra.local import operators, stack
from infra.local.api_gateway import gateway_response
from infra.local.event_subscriber import EventSubscriber, terminal
from infra.local.feed import Feed
from infra.local.http_server import HttpResponse, Server
from infra.local.poller import Poller
from infra.local.presets import Presets
from infra.local.router import Router

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
    emulator, sts = Emulator(), Server(0, lambda: HttpResponse(400))
    listener = _log_in_background()
    listener.start()
    emulator.start()
    sts.serve(SecurityTokenStandIn(operators.identity).respond)
    stack.point_at(emulator.url)
    emulator.answer_this_process()
    pool = stack.create_user_pool()
    settings = stack.settings(stack.create_resources(), pool, emulator.url)
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
    server.serve(Router(module, pool, presets, feed).respond)
    print(f"aws {emulator.url}", flush=True)
    print(f"ready {server.url}", flush=True)
    poller.start()
    # On Windows, Ctrl-C is noticed only between waits: keep them short.
    while not stopped.wait(0.5):
        pass
    poller.stop()
    server.stop()
    emulator.stop()
    sts.stop()
    listener.stop()
    return 0


def _log_in_background() -> QueueListener:
    """Write the service's log and the notifications to standard error from a thread of its own.

    If nobody reads the pipe, it fills up; no call must wait for that.
    """
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    handler = QueueHandler(lines)
    handler.setFormatter(log.registered_formatter)
    logger = logging.getLogger(log.service)
    logger.handlers[:] = [handler]
    terminal.addHandler(QueueHandler(lines))
    terminal.setLevel(logging.INFO)
    terminal.propagate = False
    return QueueListener(lines, logging.StreamHandler(sys.stderr))
