"""openapi-generator makes a working Python client from docs/openapi.yaml. It needs Java."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.kit.openapi import DOCUMENT, PATH, documented_refusals, example
from tests.kit.stack import Stack

NAME = "openapi_generator_totp_binding"

ACCOUNT = "88000012"

Import = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Import]:
    """Generate the client. Returns a function that imports one of its modules."""
    folder: Path = tmp_path_factory.mktemp("client")
    script = Path(sys.executable).parent / "openapi-generator-cli"
    command = [script, "generate", "--input-spec", PATH]
    options = ["--generator-name", "python", "--package-name", NAME, "--output", folder]
    ran = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield lambda module: importlib.import_module(f"{NAME}.{module}")


def api(generated: Import, tag: str, url: str, token: str) -> Any:
    configuration = generated("configuration").Configuration(host=f"{url}/api", access_token=token)
    client = generated("api_client").ApiClient(configuration)
    return getattr(generated("api"), f"{tag.capitalize()}Api")(client)


def test_the_client_binds_and_verifies(generated: Import, running: Stack):
    running.unbind(ACCOUNT)
    running.clock.advance(30)
    calls = api(generated, "binding", running.url, running.token(ACCOUNT))
    assert calls.get_binding().state == "unbound"
    secret = calls.bind().secret
    typed = generated("models").Code(code=running.code(secret))
    bound = calls.confirm_binding(typed, idempotency_key="0123456789abcdef")
    again = calls.confirm_binding(typed, idempotency_key="0123456789abcdef")
    assert (bound.state, again.pass_expires_at) == ("bound", bound.pass_expires_at)
    with pytest.raises(generated("exceptions").ForbiddenException) as refused:
        calls.verify(typed)
    assert refused.value.data.actual_instance.retry_after == 30
    running.unbind(ACCOUNT)


@pytest.mark.parametrize(("method", "path", "code"), documented_refusals())
def test_every_problem_decodes_to_its_own_type(
    generated: Import, running: Stack, method: str, path: str, code: str
):
    problem = example(code)
    operation = DOCUMENT["paths"][path][method.lower()]
    calls = api(generated, operation["tags"][0], running.url, "t")
    data = json.dumps(problem.document).encode()
    answer = SimpleNamespace(
        status=problem.status,
        reason="",
        data=data,
        read=lambda: data,
        getheader=problem.headers.get,
        headers=problem.headers,
        getheaders=lambda: problem.headers,
    )
    calls.api_client.rest_client = SimpleNamespace(request=lambda *_, **__: answer)
    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation["operationId"])
    body = [generated("models").Code(code="000000")] if name in ("verify", "confirm_binding") else []
    with pytest.raises(generated("exceptions").ApiException) as refused:
        getattr(calls, name)(*body)
    decoded = getattr(refused.value.data, "actual_instance", refused.value.data)
    assert type(decoded).__name__ == "".join(part.capitalize() for part in code.split("_"))
    assert json.loads(decoded.to_json()) == problem.document
