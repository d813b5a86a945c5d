"""One function as Lambda runs it: Amazon's runtime client in a process of its own, fed by HTTP."""

import json
import queue
import re
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.http_server import HttpRequest, HttpResponse, Server, json_response

PATIENCE_SECONDS = 60.0
"""How long a function may take to answer, its start included."""

_ANSWER = re.compile(r"/2018-06-01/runtime/invocation/([\w-]+)/(response|error)")
_NEXT = "/2018-06-01/runtime/invocation/next"
_INIT_ERROR = "/2018-06-01/runtime/init/error"


@dataclass(slots=True)
class Invocation:
    """One call of a function, and its answer once there is one."""

    payload: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answer: "queue.Queue[tuple[bytes, bool]]" = field(default_factory=queue.Queue)


class RunningFunction:
    """A function's process, from its making until ``stop``."""

    def __init__(
        self,
        python: Path,
        folder: Path,
        handler: str,
        environment: Mapping[str, str],
        arn: str,
        log: Path,
    ) -> None:
        self._arn = arn
        self._waiting: queue.Queue[Invocation] = queue.Queue()
        self._taken: dict[str, Invocation] = {}
        self._stopped = False
        self._server = Server(0, lambda: HttpResponse(400))
        self._server.serve(self._respond)
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            [str(python), "-m", "awslambdaric", handler],
            cwd=folder,
            env={**environment, "AWS_LAMBDA_RUNTIME_API": self._server.url.removeprefix("http://")},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def invoke(self, payload: bytes) -> tuple[bytes, bool]:
        """The function's answer, and whether it is an error."""
        invocation = Invocation(payload)
        self._waiting.put(invocation)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                return invocation.answer.get(timeout=0.5)
            except queue.Empty:
                if self._process.poll() is not None:
                    break
        words = {"errorType": "Runtime.ExitError", "errorMessage": f"exit status {self._process.poll()}"}
        return json.dumps(words).encode(), True

    def stop(self) -> None:
        """End the process and wait for its end."""
        self._stopped = True
        self._process.kill()
        self._process.wait()
        # A server looks twice a second whether it is to end, and nobody needs to wait for that.
        threading.Thread(target=self._server.stop, name="end", daemon=True).start()
        self._log.close()

    def _respond(self, ask: HttpRequest) -> HttpResponse:
        if ask.target == _NEXT:
            return self._next()
        if ask.target == _INIT_ERROR:
            self._process.kill()
            return json_response(202, {"status": "OK"})
        if (match := _ANSWER.fullmatch(ask.target)) and match[1] in self._taken:
            self._taken.pop(match[1]).answer.put((ask.body or b"", match[2] == "error"))
            return json_response(202, {"status": "OK"})
        return json_response(404, {"errorMessage": "no such invocation"})

    def _next(self) -> HttpResponse:
        """Wait for a call. Without a Content-Type the runtime client would crash."""
        while not self._stopped:
            try:
                invocation = self._waiting.get(timeout=0.5)
            except queue.Empty:
                continue
            self._taken[invocation.request_id] = invocation
            headers: dict[str, Any] = {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + PATIENCE_SECONDS) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": self._arn,
            }
            return HttpResponse(200, headers, invocation.payload)
        return HttpResponse(500)
