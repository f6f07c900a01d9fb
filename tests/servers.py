"""A real PostgreSQL, and a real MLflow server that keeps its records there."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import BIN, free_port, get, running, wait_until

USER = "postgres"
START_SECONDS = 120


@pytest.fixture(scope="session")
def shared_store() -> Iterator[str]:
    """Tracking URI of an MLflow server on PostgreSQL, for all tests of the session."""
    if obstacle := no_postgresql():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(obstacle)
    with (
        tempfile.TemporaryDirectory(prefix="shared-") as folder,
        shared_server(Path(folder)) as uri,
    ):
        yield uri


def no_postgresql() -> str | None:
    """Why PostgreSQL cannot be started here; None if it can."""
    if _binaries() is None:
        return "PostgreSQL is not installed (Debian, Ubuntu: apt install postgresql)"
    if os.geteuid() == 0 and USER not in {entry.pw_name for entry in pwd.getpwall()}:
        return f"PostgreSQL refuses to run as root, and there is no user '{USER}'"
    return None


def _binaries() -> Path | None:
    """Folder of PostgreSQL's programs, of the latest version that is installed."""
    places = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    found = max(places, key=lambda path: float(path.parts[-3]), default=None)
    on_path = shutil.which("postgres")
    program = found or (Path(on_path) if on_path else None)
    return None if program is None else program.resolve().parent


@contextmanager
def shared_server(folder: Path) -> Iterator[str]:
    """Run PostgreSQL and an MLflow server on it; gives the server's tracking URI."""
    with postgresql() as database, mlflow_server(database, folder) as uri:
        yield uri


@contextmanager
def postgresql() -> Iterator[str]:
    """Run an empty PostgreSQL on loopback; gives its address, as SQLAlchemy writes it."""
    binaries, port = _binaries(), free_port()
    assert binaries is not None
    user = USER if os.geteuid() == 0 else None  # it refuses to run as root
    # The path of a socket must be short, and the folders above must let the user pass.
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:
        if user is not None:
            shutil.chown(name, user)
        folder = Path(name)
        initdb = [
            binaries / "initdb",
            "--no-sync",
            "-A",
            "trust",
            "-U",
            USER,
            "-D",
            folder / "data",
        ]
        subprocess.run(initdb, cwd=folder, user=user, check=True, capture_output=True)
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": name,
            "fsync": "off",  # nothing here outlives a power cut anyway
        }
        options = [text for key, value in settings.items() for text in ("-c", f"{key}={value}")]
        command = [binaries / "postgres", "-D", folder / "data", "-p", port, *options]
        with running([str(part) for part in command], folder, dict(os.environ), user=user):
            ready = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
            wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, "PostgreSQL")
            yield f"postgresql+psycopg2://{USER}@127.0.0.1:{port}/postgres"


@contextmanager
def mlflow_server(database: str, folder: Path, port: int | None = None) -> Iterator[str]:
    """Run an MLflow server, its artifacts in a folder; gives its tracking URI."""
    port = port or free_port()
    uri = f"http://127.0.0.1:{port}"
    options = {
        "backend-store-uri": database,
        "artifacts-destination": str(folder / "artifacts"),
        "host": "127.0.0.1",
        "port": str(port),
        "workers": "2",  # as many as a small team's, so that requests truly overlap
    }
    command = [
        str(BIN / "mlflow"),
        "server",
        *(f"--{key}={value}" for key, value in options.items()),
    ]
    environment = {
        **{key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"},
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its workers are not needed here
        "DO_NOT_TRACK": "true",
    }
    with running(command, folder, environment):
        wait_until(lambda: get(f"{uri}/health").status == 200, "the MLflow server", START_SECONDS)
        yield uri
