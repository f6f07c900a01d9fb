"""A real MLflow server, a real PostgreSQL for its records, and a real S3-compatible object store.

The object store is one node of OpenStack Swift, started as a team's would be.
"""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from environments import python_of
from machines import Machine
from support import BIN, ROOT, free_port, get, running, wait_until

HERE = Machine()
USER = "postgres"
BUCKET = "mlflow"
START_SECONDS = 120


@pytest.fixture(scope="session")
def shared_store() -> Iterator[str]:
    """Tracking URI of an MLflow server on PostgreSQL, for all tests of the session."""
    need_postgresql()
    with (
        tempfile.TemporaryDirectory(prefix="shared-") as folder,
        shared_server(Path(folder)) as uri,
    ):
        yield uri


def need_postgresql() -> None:
    """Skip where PostgreSQL cannot be started; but fail in CI, where nothing may go untested."""
    if obstacle := no_postgresql():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(obstacle)


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
    """Run PostgreSQL and an MLflow server on it, artifacts in a folder; gives its tracking URI."""
    with postgresql() as database, mlflow_server(database, folder) as uri:
        yield uri


@contextmanager
def postgresql() -> Iterator[str]:
    """Run an empty PostgreSQL; gives its address, a socket, as SQLAlchemy writes it."""
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
            yield f"postgresql+psycopg2://{USER}@/postgres?host={name}&port={port}"


@contextmanager
def object_store(folder: Path, machine: Machine = HERE) -> Iterator[dict[str, str]]:
    """Run an object store with an empty bucket; gives what its users' environments hold."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    keys = {
        "AWS_ACCESS_KEY_ID": "team:mlflow",
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16),
        "AWS_DEFAULT_REGION": "us-east-1",
        "MLFLOW_S3_ENDPOINT_URL": f"http://{machine.address}:{port}",
    }
    program = ROOT / "deploy" / "server" / "object_store.py"
    command = [
        str(python_of("store")),
        str(program),
        str(folder / "data"),
        machine.address,
        str(port),
    ]
    with running(machine.starting(command), folder, {**os.environ, **keys}):
        machine.do(wait_for, f"{keys['MLFLOW_S3_ENDPOINT_URL']}/healthcheck")
        machine.do(make_bucket, keys)
        yield keys


def wait_for(url: str) -> None:
    """Wait until an address answers."""
    wait_until(lambda: get(url).status == 200, url, START_SECONDS)


def make_bucket(keys: Mapping[str, str]) -> None:
    """Make the bucket for MLflow's artifacts."""
    import boto3  # slow to import

    client = boto3.client(
        "s3",
        endpoint_url=keys["MLFLOW_S3_ENDPOINT_URL"],
        region_name=keys["AWS_DEFAULT_REGION"],
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_bucket(Bucket=BUCKET)


@contextmanager
def mlflow_server(
    database: str,
    folder: Path,
    port: int | None = None,
    objects: Mapping[str, str] | None = None,
    *,
    proxied: bool = True,
    machine: Machine = HERE,
) -> Iterator[str]:
    """Run an MLflow server; gives its tracking URI.

    Args:
        database: Where its records are.
        folder: Where its log is, and its artifacts if there is no object store.
        port: Its port.
        objects: The object store of its artifacts, as `object_store` gives it.
        proxied: Whether it hands artifacts on; if not, its clients know the object store.
        machine: Where it runs.
    """
    port = port or free_port()
    uri = f"http://{machine.address}:{port}"
    place = f"s3://{BUCKET}" if objects else str(folder / "artifacts")
    options = {
        "backend-store-uri": database,
        "artifacts-destination" if proxied else "default-artifact-root": place,
        "host": machine.address,
        "allowed-hosts": f"{machine.address}:{port}",
        "port": str(port),
        "workers": "2",  # as many as a small team's, so that requests truly overlap
        "uvicorn-opts": "--timeout-worker-healthcheck 60",  # 5 s kill workers of a busy machine
    }
    command = [
        str(BIN / "mlflow"),
        "server",
        *(f"--{key}={value}" for key, value in options.items()),
        *([] if proxied else ["--no-serve-artifacts"]),
    ]
    environment = {
        **{key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"},
        **(objects or {}),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its workers are not needed here
        "DO_NOT_TRACK": "true",
    }
    with running(machine.starting(command), folder, environment):
        machine.do(wait_for, f"{uri}/health")
        yield uri
