"""A copy of the project that a test may run, break and throw away."""

import compileall
import functools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil

from forked_kedro import run_kedro

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
DEADLINE_SECONDS = 180
#: That a command takes.
LONGEST_SECONDS = 300
#: How the line of a step ends.
TIME = re.compile(r"  \d+(\.\d)? s$|  \d+ min \d+ s$")


#: What is not for the programs of tests: sessions of Kedro set the first here, and whoever starts
#: the tests may have set the other.
UNSET = ("MLFLOW_TRACKING_URI", "PYTHONDONTWRITEBYTECODE")
#: What whoever starts the tests may have set for programs of their own, and, as pytest-xdist does,
#: for sentences to wrap at.
SETTING = re.compile(r"SALARY_\w+|KEDRO_ENV|MLFLOW_\w*URI|COLUMNS")


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: its status and its JSON body."""

    status: int
    body: Any


@dataclass(frozen=True)
class Project:
    """A copy of the checkout with its own home, stores, bundles and Bentos."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """Environment of every program run in the copy; its code is the copy's."""
        return {
            **{key: value for key, value in os.environ.items() if key not in UNSET},
            "HOME": str(self.root / ".home"),
            "BENTOML_HOME": str(self.root / ".bentoml"),
            "PYTHONPATH": str(self.root / "src"),
            "KEDRO_LOGGING_CONFIG": str(self.root / "conf" / "logging.yml"),
            "SALARY_GRACE_SECONDS": "0",  # nobody needs to learn that a test's server ends
        }

    @property
    def store(self) -> str:
        """MLflow tracking URI of the default environment."""
        return f"sqlite:///{self.root}/data/mlflow/mlflow.db"

    @property
    def bundles(self) -> Path:
        """Bundles folder of the default environment."""
        return self.root / "data" / "06_models" / "bundles"

    def run(
        self, program: str, *arguments: str, cwd: str = ".", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the virtual environment in the copy, to its end."""
        if program == "kedro":
            variables = {**self.environment, **environment}
            return run_kedro(arguments, self.root / cwd, variables, LONGEST_SECONDS)
        return subprocess.run(
            [BIN / program, *arguments],
            cwd=self.root / cwd,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )

    def kedro_run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `kedro run`, which must succeed."""
        result = self.run("kedro", "run", *arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result

    @contextmanager
    def serve(self, files: int | None = None, **environment: str) -> Iterator[str]:
        """Run `bentoml serve` in the copy; gives its address once it answers at all.

        Args:
            files: How many files it may open; None for as many as we.
            environment: Variables for it.
        """
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        command = [str(BIN / "bentoml"), "serve", "--port", str(port)]
        if files is not None:
            command = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
        with running(command, self.root, {**self.environment, **environment}):
            wait_until(lambda: get(f"{address}/livez").status == 200, f"{address} to answer")
            yield address


def copy_project(target: Path) -> Project:
    """Copy what runs, as git sees it, without what runs have written."""
    for name in _files_that_run():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)  # as old, so that its bytecode holds
    (target / ".home").mkdir()
    return Project(target)


@functools.cache
def _files_that_run() -> list[str]:
    command = ["git", "ls-files", "-co", "--exclude-standard", ":!tests", ":!docs", ":!findings"]
    names = subprocess.check_output(command, cwd=ROOT, text=True).splitlines()
    compileall.compile_dir(ROOT / "src", quiet=1)
    bytecode = (str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.pyc"))
    return [*names, *bytecode]


def copy_trained(trained: Project, target: Path) -> Project:
    """Copy a project with all that its runs have written; its store names the new place."""
    from salary_kedro.registry.relocation import relocate  # MLflow is slow to import

    copied = Project(Path(shutil.copytree(trained.root, target, symlinks=True)))
    relocate(copied.store, (copied.root / "data" / "mlflow" / "artifacts").as_uri())
    return copied


def forget_settings(environment: MutableMapping[str, str]) -> None:
    """Remove what no test is to depend on."""
    for name in filter(SETTING.fullmatch, [*environment]):
        del environment[name]


@contextmanager
def running(
    command: list[str], cwd: Path, environment: dict[str, str], user: str | None = None
) -> Iterator[None]:
    """Run a server for a while, as another user if need be, and end it and all it started."""
    log = cwd / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
            user=user,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def is_running(pid: int) -> bool:
    """Whether a process has not ended, even if nobody has asked yet how it did."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def untimed(printed: str) -> str:
    """What a run printed, without how long it and its steps took."""
    lines = [line for line in printed.splitlines() if not line.startswith("Took ")]
    return "".join(f"{TIME.sub('', line)}\n" for line in lines)


#: Kedro-Viz takes none above.
HIGHEST_PORT_OF_VIZ = 49_151


def free_port(highest: int = 65_535) -> int:
    """A port of 127.0.0.1 that nobody uses, at most the highest that a program takes."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port <= highest:
            return port


def wait_until(condition: Any, what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Ask again and again until a condition holds; fail at the deadline."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}")


@contextmanager
def pauses_noted() -> Iterator[list[float]]:
    """Seconds of each pause that this thread makes, however busy the machine is meanwhile."""
    noted: list[float] = []
    sleep, noting = time.sleep, threading.get_ident()

    def note(seconds: float) -> None:
        if threading.get_ident() == noting:
            noted.append(seconds)
        sleep(seconds)

    with patch("time.sleep", note):
        yield noted


def get(url: str) -> Answer:
    """GET; status 0 if nothing answers."""
    return _ask(urllib.request.Request(url))


def post(url: str, body: object, content_type: str = "application/json") -> Answer:
    """POST bytes as they are, anything else as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return _ask(urllib.request.Request(url, data, {"Content-Type": content_type}))


def _ask(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return Answer(response.status, _json(response.read()))
    except urllib.error.HTTPError as error:
        return Answer(error.code, _json(error.read()))
    except OSError:
        return Answer(0, None)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def prove(*arguments: str) -> None:
    """Run parts of the proof in a process that has opened no store, for it forks others."""
    command = [sys.executable, "-m", "proofs", "--tenth", *arguments]
    result = subprocess.run(
        command, cwd=ROOT / "tests", capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr[-3000:]
