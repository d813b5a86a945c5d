"""The page at /docs shows the API's document and loads nothing from elsewhere."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from infra.environment import ROOT
from tests.kit.stack import Stack

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text("utf-8"))
METHODS = ("get", "post", "put", "patch", "delete")
OPERATIONS = [
    (method, path) for path, item in DOCUMENT["paths"].items() for method in METHODS if method in item
]


class Viewer:
    """The page at /docs, with each request and each complaint of the browser."""

    def __init__(self, page: Page, stack: Stack) -> None:
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(f"{stack.url}/docs")
        page.locator(".opblock").first.wait_for()

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def unfold(self, method: str, path: str) -> Any:
        block = self.page.locator(f".opblock-{method}").filter(
            has=self.page.locator(f'[data-path="{path}"]')
        )
        block.locator(".opblock-summary-control").click()
        block.locator(".responses-table").wait_for()
        return block


@pytest.fixture
def viewer(stack: Stack, browser: Browser) -> Iterator[Viewer]:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    viewer = Viewer(context.new_page(), stack)
    yield viewer
    context.close()
    assert viewer.complaints == []
    assert all(url.startswith((f"{stack.url}/", "data:")) for url in viewer.asked)


def test_every_operation_of_the_document_is_shown_with_its_answers(viewer: Viewer):
    blocks = viewer.page.locator(".opblock")
    expect(blocks).to_have_count(len(OPERATIONS))
    expect(viewer.page.locator(".info h1")).to_contain_text(DOCUMENT["info"]["title"])
    for method, path in OPERATIONS:
        block = viewer.unfold(method, path)
        statuses = block.locator(".response-col_status:not(.col_header)").all_inner_texts()
        shown = [text.split()[0] for text in statuses]
        assert shown == list(DOCUMENT["paths"][path][method]["responses"])
    expect(viewer.page.locator(".errors-wrapper")).to_have_count(0)


def test_a_call_can_be_tried_on_this_stack(viewer: Viewer, stack: Stack):
    block = viewer.unfold("get", "/.well-known/jwks.json")
    block.get_by_role("button", name="Try it out").click()
    with viewer.page.expect_response("**/api/.well-known/jwks.json") as answered:
        block.get_by_role("button", name="Execute").click()
    assert answered.value.status == 200
    assert answered.value.url == f"{stack.url}/api/.well-known/jwks.json"


def test_the_page_has_the_policy_of_the_others_and_the_document_is_the_projects(stack: Stack):
    policies = {
        stack.call("GET", path).headers["Content-Security-Policy"]
        for path in ("/", "/docs", "/docs/viewer.js", "/docs/swagger-ui-bundle.js", "/docs/openapi.json")
    }
    assert len(policies) == 1
    served = stack.call("GET", "/docs/openapi.json").json
    assert served == json.loads(json.dumps(DOCUMENT)) | {"servers": [{"url": "/api"}]}
