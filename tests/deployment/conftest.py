"""A deployment's steps, one at a time, on moto."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.deploying import stage as stages
from infra.deploying.stage import Stage, read_stage
from tests.kit.login import SETTINGS


@pytest.fixture
def stage(aws: dict[str, str]) -> Stage:
    return Stage("trial", region="us-east-1", settings=SETTINGS)


@pytest.fixture
def stage_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Stage]:
    """Reads a stage from a file of this content."""
    monkeypatch.setattr(stages, "ROOT", tmp_path)
    monkeypatch.setattr(stages, "STAGES", tmp_path)

    def read(content: Any, region: str | None = None) -> Stage:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "trial.json").write_text(text, "utf-8")
        return read_stage("trial", region)

    return read


class Cloud:
    """A session whose services answer as a test says; any other call is a failure of the test."""

    def __init__(self, **answers: Any) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._answers = answers

    def client(self, service: str, **how: Any) -> "Cloud":
        return self

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        answer = self._answers[operation]

        def call(**asked: Any) -> Any:
            self.calls.append((operation, asked))
            if isinstance(answer, Exception):
                raise answer
            return answer(**asked) if callable(answer) else answer

        return call
