"""openapi-python-client makes a working client from docs/openapi.yaml."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from tests.kit.openapi import DOCUMENT, PATH, documented_refusals, example
from tests.kit.phone import Phone
from tests.kit.user import User

NAME = "generated_totp_binding"

Import = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Import]:
    """Generate the client. Returns a function that imports one of its modules."""
    folder: Path = tmp_path_factory.mktemp("client")
    scripts = Path(sys.executable).parent
    command = [scripts / "openapi-python-client", "generate", "--path", PATH, "--meta", "none"]
    ran = subprocess.run(
        [*command, "--output-path", folder / NAME, "--fail-on-warning"],
        env=os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield lambda module: importlib.import_module(f"{NAME}.{module}")


def client(generated: Import, handler: Callable[[httpx.Request], httpx.Response], token: str) -> Any:
    return generated("client").AuthenticatedClient(
        "https://2fa.broker.example/api", token, httpx_args={"transport": httpx.MockTransport(handler)}
    )


def test_the_client_binds_and_verifies(generated: Import, user: User):
    def send(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api")
        got = user.http.request(
            request.method, path, headers=dict(request.headers), body=request.content
        )
        return httpx.Response(got.status_code, headers=dict(got.headers), content=got.body)

    caller = client(generated, send, user.token())
    api = {name: generated(f"api.binding.{name}") for name in ("get_binding", "bind", "verify")}
    confirm = generated("api.binding.confirm_binding")
    models = generated("models")
    assert api["get_binding"].sync(client=caller).state == models.BindingState.UNBOUND
    begun = api["bind"].sync(client=caller)
    phone = Phone(begun.secret, user.clock)
    typed = models.Code(code=phone.code())
    bound = confirm.sync(client=caller, body=typed, idempotency_key="0123456789abcdef")
    again = confirm.sync(client=caller, body=typed, idempotency_key="0123456789abcdef")
    assert (bound.state, bound.channel, bound.channel_first_use) == ("bound", "desktop", True)
    assert (again.pass_expires_at, again.state) == (bound.pass_expires_at, "bound")
    refused = api["verify"].sync(client=caller, body=typed)
    assert isinstance(refused, models.CodeUsed)
    assert refused.retry_after == 30


@pytest.mark.parametrize(("method", "path", "code"), documented_refusals())
def test_every_problem_decodes_to_its_own_type(generated: Import, method: str, path: str, code: str):
    problem = example(code)
    operation = DOCUMENT["paths"][path][method.lower()]
    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation["operationId"])
    call = generated(f"api.{operation['tags'][0]}.{name}")
    caller = client(generated, lambda _: httpx.Response(problem.status, json=problem.document), "t")
    body = {"body": generated("models").Code(code="000000")} if "Code" in dir(call) else {}
    decoded = call.sync(client=caller, **body)
    assert type(decoded).__name__ == "".join(part.capitalize() for part in code.split("_"))
    assert decoded.to_dict() == problem.document
