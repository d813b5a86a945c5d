"""The API's document at ``/docs``: docs/openapi.yaml, and the viewer that shows it."""

from importlib.resources import files
from pathlib import Path

import yaml

from infra.environment import ROOT
from infra.local.api_gateway import BASE
from infra.local.http_server import HttpResponse, json_response
from infra.local.static_files import HEADERS

PATH = "/docs/openapi.json"

_SWAGGER_UI = Path(str(files("flask_swagger_ui"))) / "dist"

VIEWER = {f"/docs/{name}": _SWAGGER_UI / name for name in ("swagger-ui.css", "swagger-ui-bundle.js")}
"""The files of Swagger UI, by the paths at which the page of ``/docs`` asks for them."""


def api_document() -> HttpResponse:
    """Return the document as JSON. This stack is its only server, so that its calls can be tried."""
    document = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text("utf-8"))
    return json_response(200, document | {"servers": [{"url": BASE}]}, HEADERS)
