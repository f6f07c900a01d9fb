"""Every command of the pages that people follow is run, in order, in a project of its own.

What a page shows as output must be printed, but for lines that hold a time.
"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from servers import mlflow_server
from support import (
    BIN,
    HIGHEST_PORT_OF_VIZ,
    ROOT,
    Project,
    copy_project,
    free_port,
    get,
    post,
    running,
    wait_until,
)

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = ("tutorial", "your-own-table", "promotion", "operate", "scale")
#: What adds packages to the project's environment: here, to that of the tests, which has them.
INSTALLS = ".venv/bin/uv pip install "
#: Where the pages say that a large table is.
MOUNTED = "/mnt"
#: Where the pages say that a team's MLflow is.
TEAM = "http://mlflow.example:5000"
#: Commands that tell by their exit code what they have found.
TELLS = {"kedro contract diff": 1}
#: Seconds that a command may take; the longest trains in half a minute where nothing else runs.
PATIENCE = 600.0
#: Servers that a page starts: variable of the port, the page's port, and where they answer.
SERVERS = {
    "serve": ("PORT", 3000, "/livez"),
    "app": ("APP_PORT", 8501, "/_stcore/health"),
    "ui": ("UI_PORT", 5000, "/"),
    "viz": ("VIZ_PORT", 4141, "/"),
}
#: `make`, in a project whose environment is this one.
MAKE = """#!/bin/sh
here=$(printf %s "$PWD" | cksum | cut -d' ' -f1)
exec /usr/bin/make -o ".venv/.run-$here" -o ".venv/.dev-$here" "$@"
"""


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """The fenced blocks of a page: language and text."""
    for found in FENCE.finditer((ROOT / "docs" / f"{page}.md").read_text()):
        yield found[1], found[2]


@dataclass
class Reader:
    """Somebody who follows a page to the letter, on ports that are free.

    Attributes:
        project: Where.
        ends: Ends the servers.
        ports: The port of this reader, by the page's.
        exported: What the page has put into the environment.
        printed: Whatever was printed so far.
    """

    project: Project
    ends: ExitStack
    ports: dict[int, int] = field(default_factory=dict)
    exported: dict[str, str] = field(default_factory=dict)
    printed: str = ""

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.project.root / 'shims'}:{BIN}:{self.project.environment['PATH']}"
        return {**self.project.environment, **self.exported, "PATH": path, "COLUMNS": "80"}

    def follow(self, page: str) -> None:
        """Run what the page says, and compare what it shows."""
        for language, text in blocks(page):
            if language == "bash":
                for line in text.splitlines():
                    self.do(line)
            if language == "text":
                for line in text.splitlines():
                    assert re.search(r"20\d\d-|^version  stage", line) or line in self.printed, line

    def do(self, line: str) -> None:
        """Run a line of a page."""
        started = re.fullmatch(r"(?:\w+=\S+ )?make (serve|app|ui|viz)( .*)?", line)
        if started:
            self.start(started[1], line)
            return
        if exported := re.fullmatch(r"export (\w+)=(\S+)", line):
            self.exported[exported[1]] = self.team() if exported[2] == TEAM else exported[2]
            return
        if line.endswith("--pipelines monitoring"):
            self.ends.close()  # requests reach the log when the service ends, or in five minutes
        if line.startswith(INSTALLS):
            line += " --dry-run"
        line = line.replace(MOUNTED, str(self.project.root.parent / "mounted"))
        for theirs, mine in self.ports.items():
            line = line.replace(f"127.0.0.1:{theirs}", f"127.0.0.1:{mine}")
        code, output, errors = run(line, self.project, self.environment)
        due = next((code for start, code in TELLS.items() if line.startswith(start)), 0)
        told = f"{line}\n{output}{errors}"
        assert (code, "Traceback" in told) == (due, False), told
        self.printed += output

    def team(self) -> str:
        """Start an MLflow server as a team has one, on a store of its own."""
        folder = self.project.root.parent / "team"
        folder.mkdir()
        database = f"sqlite:///{folder / 'mlflow.db'}"
        return self.ends.enter_context(mlflow_server(database, folder))

    def start(self, name: str, line: str) -> None:
        """Start a server, and wait until it answers."""
        variable, port, route = SERVERS[name]
        mine = free_port(HIGHEST_PORT_OF_VIZ)
        command = f"{line} {variable}={mine}"
        address = f"http://127.0.0.1:{self.ports.get(3000, 3000)}"
        environment = {**self.environment, "SALARY_SERVICE_URL": address, "BROWSER": "true"}
        self.ends.enter_context(running(["bash", "-c", command], self.project.root, environment))
        wait_until(lambda: get(f"http://127.0.0.1:{mine}{route}").status == 200, line, 180)
        self.ports[port] = mine


def run(
    line: str, project: Project, environment: dict[str, str], seconds: float = PATIENCE
) -> tuple[int, str, str]:
    """Run a line in a project; fail if it hangs, and end all that it has started.

    Returns:
        Its exit code, and what it has printed to either stream.
    """
    process = subprocess.Popen(
        ["bash", "-c", line],
        cwd=project.root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        pytest.fail(f"`{line}` had not ended after {seconds:g} s; it printed:\n{output}{errors}")
    return process.returncode, output, errors


def mount(folder: Path) -> None:
    """Put a table in parts, and one of rows to score, where the pages have a mounted disk."""
    table = pd.read_csv(ROOT / "data/01_raw/salary_data.csv")
    for name, rows in {"salaries": table, "new": table.drop(columns="Salary")}.items():
        (folder / name).mkdir(parents=True)
        for number, part in enumerate((rows[:15], rows[15:])):
            part.to_parquet(folder / name / f"{number}.parquet")


@pytest.fixture
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader with a copy of the project, whose `.venv` is the one that runs the tests."""
    project = copy_project(tmp_path_factory.mktemp("page") / "project")
    (project.root / ".venv").symlink_to(BIN.parent)
    shim = project.root / "shims" / "make"
    shim.parent.mkdir()
    shim.write_text(MAKE)
    shim.chmod(0o755)
    mount(project.root.parent / "mounted")
    with ExitStack() as ends:
        yield Reader(project, ends)


@pytest.mark.parametrize("page", PAGES)
def test_page_when_followed_to_the_letter_then_every_command_works(
    page: str, reader: Reader
) -> None:
    reader.follow(page)

    if page == "tutorial":  # the service follows the rollback
        address = f"http://127.0.0.1:{reader.ports[3000]}/predict"

        def rolled_back() -> bool:
            answer = post(address, {"experience_years": 5})
            return answer.status == 200 and answer.body["model_version"] == 1

        wait_until(rolled_back, "version 1")


def test_pages_when_one_has_blocks_to_be_run_then_it_is_followed() -> None:
    assert {
        path.stem for path in (ROOT / "docs").glob("*.md") if "```bash" in path.read_text()
    } == {*PAGES}


def test_run_when_a_command_hangs_then_fails_with_what_it_printed_and_ends_it(
    reader: Reader,
) -> None:
    line = "echo begun; (sleep 1000; touch ended) & sleep 1000"

    with pytest.raises(pytest.fail.Exception) as caught:
        run(line, reader.project, reader.environment, seconds=5)

    assert str(caught.value) == f"`{line}` had not ended after 5 s; it printed:\nbegun\n"
