"""What tests cost: markers by folder and fixture, and the proof that the unmarked cost little."""

import multiprocessing.process
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import is_hypothesis_test

import support
from support import BIN, ROOT

FOLDERS = {
    "container": "container",
    "docs": "process",
    "integration": "process",
    "load": "load",
    "model": "proof",
    "story": "story",
}
FIXTURES = {
    "_trained": "process",
    "browser": "browser",
    "server_of_mlflow": "server",
    "service_url": "server",
    "shared_store": "server",
    "shell": "slow",
}
PROCESSES = {*FOLDERS.values(), *FIXTURES.values()} - {"slow"}
FAST_ROOMS = {"unit", "pipelines"}


def room_of(item: pytest.Item) -> str:
    """The folder of `tests/` in which a test lies."""
    return item.path.relative_to(ROOT / "tests").parts[0]


def marks_of(item: pytest.Item) -> set[str]:
    """The markers that a test bears."""
    return {mark.name for mark in item.iter_markers()}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the folder where it lies and the fixtures that it needs."""
    for item in items:
        room = room_of(item)
        costs = [FOLDERS[room]] if room in FOLDERS else []
        costs += [FIXTURES[name] for name in getattr(item, "fixturenames", ()) if name in FIXTURES]
        for cost in costs:
            item.add_marker(cost)
        if room in FAST_ROOMS and not marks_of(item) & {*PROCESSES, "slow"}:
            item.add_marker("fast")
        if is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker("no_cover")  # a hundred examples cost much to trace, and cover no more


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Fail a test that bears no marker of cost and starts a Python all the same."""
    with pytest.MonkeyPatch.context() as patch:
        if not marks_of(item) & PROCESSES:
            forbid_processes(patch)
        return (yield)


def forbid_processes(patch: pytest.MonkeyPatch) -> None:
    """Let nothing of the virtual environment be started; git and the like may be."""
    start = subprocess.Popen.__init__

    def start_other(self: subprocess.Popen[Any], command: Any, *args: Any, **options: Any) -> None:
        program = command if isinstance(command, (str, Path)) else command[0]
        if Path(program).parent == BIN:
            refuse()
        start(self, command, *args, **options)

    patch.setattr(subprocess.Popen, "__init__", start_other)
    patch.setattr(support, "run_kedro", refuse)
    patch.setattr(multiprocessing.process.BaseProcess, "start", refuse)


def refuse(*_: object) -> None:
    """Fail the test."""
    pytest.fail("a test that starts a process is marked so: @pytest.mark.process, or in costs.py")
