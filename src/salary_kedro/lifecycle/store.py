"""First contact with the tracking store: checked, then created by one process at a time."""

import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from salary_kedro.errors import UserError

SQLITE = "sqlite:///"
LOCK_SECONDS = 120
CONNECT_SECONDS = 2
SERVER_ERROR = 500
DEFAULT_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}


def prepare_store(uri: str, experiment: str, artifact_location: str | None) -> None:
    """Make sure that the store can be used, and create it and the experiment if need be.

    MLflow itself fails when several processes create one SQLite store at once, and
    retries for minutes when a store cannot be reached; so both are dealt with first.

    Args:
        uri: MLflow tracking URI.
        experiment: Name of the experiment to create if it does not exist.
        artifact_location: Where a new experiment keeps its artifacts; None leaves that
            to the server.

    Raises:
        UserError: If the store cannot be used; says why and what to do.
    """
    with store_lock(uri):
        if is_local(uri):
            _prepare_sqlite(database_path(uri))
        else:
            _check_reachable(uri)
        try:
            client = MlflowClient(uri)
            if client.get_experiment_by_name(experiment) is None:
                client.create_experiment(experiment, artifact_location=artifact_location)
        except Exception as error:  # MLflow, SQLAlchemy and drivers each have their own
            text = " ".join(str(error).split())
            raise UserError(f"the tracking store {_plain(uri)} cannot be used: {text}") from error


def store_exists(uri: str) -> bool:
    """Tell whether there is a store to read; creates nothing.

    Raises:
        UserError: If the store cannot be used; says why and what to do.
    """
    if is_local(uri):
        return database_path(uri).is_file()
    _check_reachable(uri)
    return True


@contextmanager
def store_lock(uri: str) -> Iterator[None]:
    """Hold the lock of a local store; a shared server has none to hold."""
    if not is_local(uri):
        yield
        return
    database = database_path(uri)
    _make_folder(database.parent)
    try:
        with FileLock(f"{database}.lock", timeout=LOCK_SECONDS):
            yield
    except Timeout as error:
        raise UserError(
            f"another run has held the lock {database}.lock for {LOCK_SECONDS} s; wait for it, "
            f"or end it"
        ) from error


def is_local(uri: str) -> bool:
    """Tell whether a store is a file of this machine, whose users share a lock."""
    return uri.startswith(SQLITE)


def database_path(uri: str) -> Path:
    """The file of a local store.

    Raises:
        UserError: If MLflow could not open a file of that name.
    """
    path = uri.removeprefix(SQLITE)
    if marks := [mark for mark in "%?" if mark in path]:
        raise UserError(
            f"the store's path {path} contains '{marks[0]}', which MLflow cannot open: move the "
            f"project to a folder without it, or set MLFLOW_TRACKING_URI to another store"
        )
    return Path(path)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        culprit = next(path for path in (folder, *folder.parents) if path.is_file())
        raise UserError(
            f"{culprit} is a file, but a folder is needed there: move the file away"
        ) from error
    except OSError as error:
        raise UserError(f"the folder {folder} cannot be created: {error.strerror}") from error


def _prepare_sqlite(database: Path) -> None:
    """Switch write-ahead logging on, so that readers and a writer do not block each other."""
    try:
        connection = sqlite3.connect(database, timeout=CONNECT_SECONDS)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise UserError(
            f"the store {database} cannot be opened ({error}): restore it from a copy, or move it "
            f"away to begin a new one"
        ) from error


def _check_reachable(uri: str) -> None:
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise UserError(f"the tracking URI {_plain(uri)} is malformed: correct it") from error
    scheme = parts.scheme.partition("+")[0]
    if scheme not in DEFAULT_PORTS or not parts.hostname:
        raise UserError(
            f"the tracking URI {_plain(uri)} is not supported: give sqlite:///..., "
            f"http://..., https://..., or a database whose driver is installed, postgresql://..."
        )
    address = (parts.hostname, port or DEFAULT_PORTS[scheme])
    try:
        socket.create_connection(address, timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise UserError(
            f"the tracking store {_plain(uri)} cannot be reached ({error}): start it, or correct "
            f"MLFLOW_TRACKING_URI"
        ) from error
    if scheme in {"http", "https"}:
        _check_answers(uri)


def _check_answers(uri: str) -> None:
    """Ask a server once whether it is well; MLflow itself would ask for minutes."""
    try:
        answer = http_request(
            get_default_host_creds(uri),  # type: ignore[no-untyped-call]
            "/health",
            "GET",
            max_retries=0,
            timeout=CONNECT_SECONDS,
            raise_on_status=False,
        )
    except (MlflowException, OSError) as error:
        text = " ".join(str(error).split())
        raise UserError(
            f"the tracking server {_plain(uri)} does not answer ({text}): see to it, or correct "
            f"MLFLOW_TRACKING_URI"
        ) from error
    if answer.status_code >= SERVER_ERROR:
        raise UserError(
            f"the tracking server {_plain(uri)} answers {answer.status_code} {answer.reason}: see "
            f"to it, or correct MLFLOW_TRACKING_URI"
        )


def _plain(uri: str) -> str:
    """The URI without user, password and options."""
    return re.sub(r"//.*@", "//", uri).partition("?")[0]
