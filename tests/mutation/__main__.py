"""Mutation testing: change one thing at a time, and see a test fail for it.

The tests run once with coverage, which says which tests run each line. For each mutant a child process
is forked that has everything loaded. It puts the changed code into the living function, and runs the
tests of that line until one fails. ``survivors.md`` lists the mutants that need not be killed, and why.
"""

import contextlib
import importlib
import io
import os
import re
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import coverage
import pytest

from infra.environment import ROOT
from tests.kit.figures import record
from tests.mutation.mutate import Mutant, mutants

TARGETS = [
    "chalicelib/core",
    "chalicelib/tokens",
    "chalicelib/aws/keyring.py",
    "chalicelib/aws/bindings.py",
    "chalicelib/aws/items.py",
    "chalicelib/audit",
]
TESTS = ["unit", "integration"]
INTEGRATION = (
    "keys",
    "binding_story",
    "between_bindings",
    "aws_errors",
    "busy",
    "two_operators",
    "support_functions",
    "error_order",
    "restore",
    "trail",
)
"""The integration tests that bear on the targets, by a part of the module's name."""

SLOW = ("histories", "audit_command")
"""Modules that take minutes and kill nothing that others do not."""

SECONDS = 120
FEW = 25
QUIET = [
    "-q",
    "-x",
    "--no-header",
    "--tb=no",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:logging",
    "-p",
    "no:xdist",
]
WORKERS = 2
SURVIVORS = Path(__file__).parent / "survivors.md"


def files() -> list[Path]:
    found: list[Path] = []
    for target in TARGETS:
        path = ROOT / target
        found += sorted(path.glob("*.py")) if path.is_dir() else [path]
    return found


def silent_pytest(arguments: list[str]) -> int:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return int(pytest.main(arguments))


def first_run() -> dict[tuple[str, int], list[str]]:
    """Run all tests once with coverage. Return the tests of each line, the fastest first."""
    wanted = [
        str(path)
        for folder in TESTS
        for path in sorted((ROOT / "tests" / folder).glob("test_*.py"))
        if (folder != "integration" or any(part in path.name for part in INTEGRATION))
        and not any(part in path.name for part in SLOW)
    ]
    durations: dict[str, float] = {}
    failed: set[str] = set()
    measured = coverage.Coverage(
        data_file=None, branch=False, include=[str(path) for path in files()], config_file=False
    )

    class Watch:
        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
            measured.switch_context(item.nodeid)
            yield

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            durations[report.nodeid] = durations.get(report.nodeid, 0) + report.duration
            if report.failed:
                failed.add(report.nodeid)

    arguments = [*QUIET, *wanted]
    arguments.remove("-x")
    measured.start()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pytest.main(arguments, plugins=[Watch()])
    measured.stop()
    print(f"{len(durations)} tests, {len(failed)} failed in the first run", flush=True)
    covering: dict[tuple[str, int], list[str]] = {}
    for path in files():
        for line, tests in measured.get_data().contexts_by_lineno(str(path)).items():
            good = sorted(
                {test for test in tests if test} - failed, key=lambda test: durations.get(test, 0)
            )
            covering[str(path), line] = good
    return covering


def code_of(module: CodeType, name: str) -> CodeType | None:
    """Return the code of a function in a module's code."""
    found: Any = module
    for part in name.split("."):
        inner = [one for one in found.co_consts if isinstance(one, CodeType) and one.co_name == part]
        if not inner:
            return None
        found = inner[-1]
    return found


def functions(value: Any) -> Iterable[FunctionType]:
    """Yield the plain function below decorators."""
    for name in ("fget", "__func__", "__wrapped__", "func"):
        if inner := getattr(value, name, None):
            yield from functions(inner)
            return
    if isinstance(value, FunctionType):
        yield value


def install(mutant: Mutant, module: ModuleType) -> bool:
    """Put a mutant in the place of the living function or constant."""
    if (code := code_of(mutant.code, mutant.name)) is not None:
        owner: Any = module
        *owners, last = mutant.name.split(".")
        for part in owners:
            owner = getattr(owner, part)
        living = list(functions(vars(owner).get(last)))
        for function in living:
            function.__code__ = code
        return bool(living)
    fresh = ModuleType(module.__name__)
    fresh.__file__ = module.__file__
    sys.modules[module.__name__] = fresh
    exec(mutant.code, vars(fresh))
    sys.modules[module.__name__] = module
    before, after = vars(module)[mutant.name], vars(fresh)[mutant.name]
    for name, other in list(sys.modules.items()):
        if name.startswith("chalicelib") and vars(other).get(mutant.name) is before:
            setattr(other, mutant.name, after)
    return True


def judge(mutant: Mutant, module: ModuleType, tests: list[str]) -> str:
    """In a child process: ``killed`` if a test fails, else ``survived``."""
    try:
        if not install(mutant, module):
            return "not installed"
    except Exception:
        return "killed"
    # The fastest few kill most mutants, and starting with all of them takes longer.
    quick = [test for test in tests if "integration" not in test]
    for some in (quick[:FEW], quick[FEW:], [test for test in tests if "integration" in test]):
        if some and silent_pytest([*QUIET, *some]) != 0:
            return "killed"
    return "survived"


def fork(mutant: Mutant, module: ModuleType, tests: list[str]) -> int:
    child = os.fork()
    if child:
        return child
    os.setpgrp()
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    os._exit({"killed": 1, "survived": 0, "not installed": 3}[judge(mutant, module, tests)])


def tests_of(mutant: Mutant, path: Path, covering: dict[tuple[str, int], list[str]]) -> list[str]:
    """Return the tests of the mutant's line; of all of its file's lines for a constant."""
    if code_of(mutant.code, mutant.name) is not None:
        for line in range(mutant.line, mutant.line - 4, -1):
            if tests := covering.get((str(path), line)):
                return tests
        return []
    every = {test for (file, _), tests in covering.items() if file == str(path) for test in tests}
    return sorted(every, key=lambda test: ("integration" in test, test))


class Judging:
    """Mutants in child processes, a few at a time, and what became of each."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self._running: dict[int, tuple[Mutant, float]] = {}

    def add(self, mutant: Mutant, module: ModuleType, tests: list[str]) -> None:
        if not tests:
            self._note(mutant, "not covered")
            return
        self.wait(WORKERS - 1)
        self._running[fork(mutant, module, tests)] = mutant, time.monotonic()

    def wait(self, most: int) -> None:
        """Wait until at most so many children run."""
        while len(self._running) > most:
            for child, (mutant, began_at) in list(self._running.items()):
                self._look_at(child, mutant, began_at)
            time.sleep(0.005)

    def _look_at(self, child: int, mutant: Mutant, began_at: float) -> None:
        done, status = os.waitpid(child, os.WNOHANG)
        late = not done and time.monotonic() - began_at > SECONDS
        if late:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
        if done or late:
            words = {0: "survived", 3: "not installed"}
            self._note(
                mutant, "killed" if late else words.get(os.waitstatus_to_exitcode(status), "killed")
            )
            del self._running[child]

    def _note(self, mutant: Mutant, outcome: str) -> None:
        self.outcomes[mutant.label] = outcome
        if outcome != "killed":
            print(f"{outcome}: {mutant.label}", flush=True)


def run(only: str = "") -> None:
    covering = first_run()
    judging = Judging()
    for path in files():
        name = str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
        if only not in name:
            continue
        module = importlib.import_module(name)
        for mutant in mutants(name, path.read_text("utf-8")):
            judging.add(mutant, module, tests_of(mutant, path, covering))
        print(f"{name}: {len(judging.outcomes)} mutants judged", flush=True)
    judging.wait(0)
    report(judging.outcomes, accepted())


def accepted() -> dict[str, str]:
    """Return the survivors that do not matter, with the reason of each."""
    text = SURVIVORS.read_text("utf-8") if SURVIVORS.exists() else ""
    return dict(re.findall(r"^- `(.+?)`: (.+)$", text, re.MULTILINE))


def report(outcomes: dict[str, str], reasons: dict[str, str]) -> None:
    by_module: dict[str, Counter[str]] = defaultdict(Counter)
    for label, outcome in outcomes.items():
        by_module[label.split(" ")[0]][outcome] += 1
    for module, counts in by_module.items():
        print(f"{module}: {counts['killed']} of {counts.total()} killed")
    killed = sum(outcome == "killed" for outcome in outcomes.values())
    alive = {label for label, outcome in outcomes.items() if outcome != "killed"}
    unexplained = sorted(alive - reasons.keys())
    rate = 100 * killed / max(1, len(outcomes))
    figures = {"mutants": len(outcomes), "killed": killed, "percent": round(rate, 1)}
    record("mutation", **figures, survivors=len(alive), unexplained=len(unexplained))
    for label in unexplained:
        print(f"unexplained: {label}")
    sys.exit(0 if rate >= 95 and not unexplained else 1)


if __name__ == "__main__":
    run(*sys.argv[1:])
