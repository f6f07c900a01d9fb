"""`kedro` commands in forks of a process that has imported their libraries, which takes seconds.

Each command is a process of its own with the real command line, environment and end. The code of
the project is not among what is imported: every command reads it from the copy that it runs in.
"""

import atexit
import contextlib
import functools
import importlib
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

BIN = Path(sys.executable).parent
#: What `kedro run` imports, in its order.
LIBRARIES = (
    "kedro.framework.cli",
    "scipy.special",
    "skops.io",
    "kedro_mlflow.mlflow",
    "kedro_mlflow.framework.hooks",
    "kedro.framework.session",
    "kedro.runner",
    "kedro_datasets.json",
    "kedro_datasets.pandas",
    "matplotlib.backends.backend_agg",
    "mlflow.sklearn",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "sklearn.tree",
)


# --- of tests ---------------------------------------------------------------------------------


def run_kedro(
    arguments: tuple[str, ...], cwd: Path, environment: dict[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run a `kedro` command to its end.

    Args:
        arguments: What follows `kedro`.
        cwd: The folder in which it runs.
        environment: All of its variables; those that Python itself and libraries read when they
            start are too late.
        seconds: How long it may take.

    Returns:
        Its exit code, negative for a signal, and what it printed.

    Raises:
        subprocess.TimeoutExpired: It took longer, and was killed.
    """
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as line:
        outputs = [str(Path(folder) / name) for name in ("stdout", "stderr")]
        line.connect(_start())
        line.settimeout(seconds)
        line.sendall(f"{json.dumps([arguments, str(cwd), environment, outputs])}\n".encode())
        with line.makefile() as told:
            process = int(told.readline())
            try:
                code = int(told.readline())
            except TimeoutError:
                os.kill(process, signal.SIGKILL)
                raise subprocess.TimeoutExpired(["kedro", *arguments], seconds) from None
        printed = [Path(output).read_text() for output in outputs]
    return subprocess.CompletedProcess(["kedro", *arguments], code, *printed)


@functools.cache
def _start() -> str:
    """Start the process that forks; gives the address where it takes commands."""
    folder = tempfile.TemporaryDirectory()
    address = str(Path(folder.name) / "kedro")
    hidden = ("KEDRO_LOGGING_CONFIG", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        process = subprocess.Popen(
            [sys.executable, __file__, str(door.fileno())],
            cwd=folder.name,  # where there is no configuration of Kedro's
            env={**environment, "OMP_WAIT_POLICY": "PASSIVE"},
            pass_fds=[door.fileno()],
            stdin=subprocess.PIPE,
        )
    atexit.register(folder.cleanup)
    atexit.register(process.communicate)  # closes its input, at which it ends
    return address


# --- of the process that forks ----------------------------------------------------------------


def _serve(door: socket.socket) -> tuple[list[str], dict[str, str]]:
    """Take commands until whoever started this ends; returns once in each fork, set up for one."""
    with door:
        while door in select.select([door, sys.stdin], [], [])[0]:
            line, _ = door.accept()
            with line:
                if not os.fork():
                    door.close()
                    return _attend(line)
    sys.exit()


def _attend(line: socket.socket) -> tuple[list[str], dict[str, str]]:
    """Fork a command, and tell its number and how it ends; returns in the command alone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with line.makefile() as asked:
        arguments, cwd, environment, outputs = json.loads(asked.readline())
    process = os.fork()
    if process:
        _tell_end(line, process)
    line.close()
    os.chdir(cwd)
    for number, output in enumerate(outputs, start=1):
        os.dup2(os.open(output, os.O_CREAT | os.O_WRONLY | os.O_APPEND), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    return arguments, environment


def _tell_end(line: socket.socket, process: int) -> NoReturn:
    with contextlib.suppress(BrokenPipeError):
        line.sendall(b"%d\n" % process)
        _, status = os.waitpid(process, 0)
        line.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become_kedro(arguments: list[str], environment: dict[str, str]) -> Any:
    os.environ.clear()
    os.environ.update(environment)
    np.random.seed()  # what nobody seeds must differ, as in a process of its own
    type(LOGGING)()  # configures it anew: Kedro was imported with another folder and output
    sys.argv = [str(BIN / "kedro"), *arguments]
    sys.path[:1] = [str(BIN), *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    return importlib.import_module("kedro.framework.cli").main()


if __name__ == "__main__":
    with contextlib.redirect_stderr(io.StringIO()):  # MLflow's advice to authors
        for library in LIBRARIES:
            importlib.import_module(library)
    import numpy as np
    from kedro.framework.project import LOGGING

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.exit(_become_kedro(*_serve(socket.socket(fileno=int(sys.argv[1])))))
