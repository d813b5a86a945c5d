"""Every setting that the functions read comes from the stage's file or from the template."""

from types import SimpleNamespace
from typing import Any

from chalicelib.settings import read_settings
from infra import templates
from infra.deploy.compose import compose
from infra.deploy.stage import Stage
from tests.kit.login import SETTINGS

ARTEFACTS: Any = SimpleNamespace(code=SimpleNamespace(digest="c"), layer=SimpleNamespace(digest="l"))


class Noted(dict[str, str]):
    """An environment that keeps the names it is asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def variables(template: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = template["Globals"]["Function"]["Environment"]["Variables"]
    return found


def test_every_setting_passes_from_the_stages_file_to_the_functions():
    service = templates.read("service")
    given = variables(service)
    environment = Noted(SETTINGS | dict.fromkeys(given, "given"))
    read_settings(environment)
    own = environment.names - given.keys()
    assert {"OTP_ISSUER", "LOGIN_CLIENTS", "BIND_CODE", "UNBIND_APPROVALS"} <= own
    stage = Stage(name="trial", settings={name: f"the {name} of trial" for name in own})
    merged = compose(service, stage, {}, ARTEFACTS, {}, "")
    assert variables(merged) == given | stage.settings
