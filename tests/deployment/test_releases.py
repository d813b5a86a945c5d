"""Going back to the code before."""

from typing import Any

from infra.deploying import releases
from infra.deploying.memory import Memory
from infra.deploying.releases import Releases
from infra.deploying.stage import Stage
from tests.deployment.conftest import Cloud

KEPT = {
    "Handler": "app.unbind",
    "Runtime": "python3.11",
    "Timeout": 20,
    "MemorySize": 512,
    "Layers": [{"Arn": "layer:1"}],
    "Environment": {"Variables": {"STAGE": "trial"}},
    "Architectures": ["x86_64"],
}


def release(number: int) -> dict[str, Any]:
    return {
        "number": number,
        "at": "2026-01-01T00:00:00Z",
        "digest": f"d{number}",
        "versions": {"unbind": str(number)},
        "codes": {"unbind": f"c{number}"},
        "layer": f"layer:{number}",
        "deployment": f"deployment{number}",
    }


class Remembering(Memory):
    """Two releases, in no account."""

    def __init__(self) -> None:
        self.stored: Any = [release(1), release(2)]

    def read(self, name: str) -> Any:
        return self.stored

    def store(self, name: str, document: Any) -> None:
        self.stored = document


class Lambda(Cloud):
    """Lambda, which is done with every change at once."""

    def get_waiter(self, name: str) -> Any:
        return Cloud(wait={})


class GoesBack:
    """An API that has every deployment."""

    def go_back_to(self, deployment: str) -> None:
        pass


def test_the_code_before_runs_on_the_architecture_it_was_packaged_for(monkeypatch):
    monkeypatch.setattr(releases, "_fetched", lambda location: b"zip")
    cloud = Lambda(
        get_function={"Code": {"Location": "https://x"}, "Configuration": KEPT},
        update_function_configuration={},
        update_function_code={},
    )
    remembering = Remembering()
    api: Any = GoesBack()
    Releases(cloud, Stage("trial"), remembering).go_back(api)
    asked = dict(cloud.calls)
    assert asked["update_function_code"]["Architectures"] == ["x86_64"]
    assert asked["update_function_configuration"]["Layers"] == ["layer:1"]
    assert [one["number"] for one in remembering.stored] == [1]
