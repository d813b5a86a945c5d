"""The running stack, as ``make run`` serves it but for its clock."""

from collections.abc import Iterator

import pytest

from tests.kit.stack import Stack, running_stack


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
def crowd(running: Stack) -> list[str]:
    """64 accounts beside the demo ones."""
    return [running.add_account(f"crowd-{number:02}") for number in range(64)]
