"""First contact with the tracking store: checked, then created by one process at a time."""

import os
import re
import shutil
import socket
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import mlflow
import requests
from filelock import FileLock, Timeout
from mlflow import MlflowClient
from mlflow.artifacts import list_artifacts
from mlflow.exceptions import MlflowException

from salary_kedro.errors import UserError
from salary_kedro.registry.failures import LOCK_SECONDS, tell_failure, without_passwords
from salary_kedro.registry.mlflow_adapter import (
    FILLED,
    SCHEMA,
    SQLITE,
    make_database,
    needed_tables,
    schema_of,
    tell_schema,
)

CONNECT_SECONDS = 2
#: How often a store that cannot be written to is copied, until it was at rest meanwhile.
COPIES = 20
LOGS = ("", "-wal")
SERVER_ERROR = 500
#: How the address of an object store begins.
OBJECTS = "s3://"
#: How the name of a store goes on that a restore has set aside.
ASIDE = "before-"
#: A server that hands artifacts on would else let its clients ask its object store themselves, by
#: addresses that it has signed: where they do not reach it, each file waits for a minute.
for _direct in ("DOWNLOAD", "UPLOAD"):
    os.environ.setdefault(f"MLFLOW_ENABLE_PROXY_MULTIPART_{_direct}", "false")
DEFAULT_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}


#: By thread and store, the holding of its lock.
_holdings: dict[tuple[int, str], object] = {}


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
        try:
            if is_local(uri):
                create_store(database_path(uri), experiment, artifact_location)
                _prepare_sqlite(database_path(uri))
            else:
                _check_reachable(uri)
            _check_objects(_make_experiment(MlflowClient(uri), experiment, artifact_location))
        except UserError:
            raise
        except Exception as error:  # MLflow, SQLAlchemy and drivers each have their own
            text = tell_failure(error, LOCK_SECONDS) or other_schema(uri)
            text = text or " ".join(str(error).split())
            raise UserError(
                f"the tracking store {_plain(uri)} cannot be used: {without_passwords(text)}"
            ) from error


def _make_experiment(client: MlflowClient, name: str, place: str | None) -> str:
    """Create an experiment unless it is there; where its artifacts are.

    On a server somebody else may create it between the question and the answer.
    """
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            client.create_experiment(name, artifact_location=place)
        except MlflowException:
            if client.get_experiment_by_name(name) is None:
                raise
        found = client.get_experiment_by_name(name)
    return found.artifact_location if found else ""


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
        lock = FileLock(f"{database}.lock", timeout=LOCK_SECONDS)
        lock.acquire()
    except Timeout as error:
        raise UserError(
            f"another run has held the lock {database}.lock for {LOCK_SECONDS} s; wait for it, "
            f"or end it"
        ) from error
    except OSError as error:
        text = tell_failure(error, LOCK_SECONDS) or error.strerror
        raise UserError(f"the lock {database}.lock cannot be taken: {text}") from error
    held = (threading.get_ident(), uri)
    _holdings[held] = object()
    try:
        yield
    finally:
        del _holdings[held]
        lock.release()


def holding_of(uri: str) -> object | None:
    """What tells one holding of a local store's lock from the next; None if we do not hold it.

    Nobody else writes to the store meanwhile: what was read then stays as it is, but for what
    this thread writes.
    """
    return _holdings.get((threading.get_ident(), uri))


@contextmanager
def used_by_process(uri: str) -> Iterator[None]:
    """Let this process use a store meanwhile: parts of MLflow know no other way to name one."""
    is_set = mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call] # MLflow's own
    before: Any = mlflow.get_tracking_uri() if is_set else None  # MLflow takes None, untyped
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


def is_read_only(uri: str) -> bool:
    """Tell whether a local store can be read, but not written to."""
    if not is_local(uri) or not database_path(uri).is_file():
        return False
    database = database_path(uri)
    return not (os.access(database, os.W_OK) and os.access(database.parent, os.W_OK))


def copy_store(uri: str, folder: Path) -> str:
    """Copy one moment of a local store that cannot be written to, whoever writes to it meanwhile.

    SQLite must write to read one in WAL mode, unless a program that writes has it open.

    Returns:
        Tracking URI of the copy, which names the artifacts where they are.

    Raises:
        UserError: If it is locked, or never at rest.
        OSError: If it cannot be read, or the copy not be written.
    """
    database = database_path(uri)
    copy = folder / database.name
    for _ in range(COPIES):
        before = _state_of(database)
        if _copy_by_sqlite(database, copy):
            break
        _copy_files(database, copy)
        if _state_of(database) == before:
            break
    else:
        raise UserError(f"the store {database} changed whenever it was copied: try again")
    return f"{SQLITE}{copy}"


@contextmanager
def reading(uri: str) -> Iterator[sqlite3.Connection]:
    """Open a local store to read it, or a copy of it; nothing can be written."""
    if is_read_only(uri):
        with (
            tempfile.TemporaryDirectory() as folder,
            reading(copy_store(uri, Path(folder))) as copy,
        ):
            yield copy
        return
    # Not mode=ro, which cannot remove the files that SQLite makes beside a store in WAL mode.
    where = f"{database_path(uri).resolve().as_uri()}?mode=rw"
    connection = sqlite3.connect(where, uri=True, timeout=CONNECT_SECONDS)
    try:
        connection.execute("PRAGMA query_only=ON")
        yield connection
    finally:
        connection.close()


def _copy_by_sqlite(database: Path, copy: Path) -> bool:
    """Copy a database within one of its transactions; tells whether SQLite could open it."""
    _remove(copy)
    where = f"{database.resolve().as_uri()}?mode=ro"
    try:
        with (
            closing(sqlite3.connect(where, uri=True, timeout=CONNECT_SECONDS)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master")  # else a lock is waited for ever
            source.backup(target)
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise UserError(f"the store {database} is locked by another program") from error
        return False
    return True


def _copy_files(database: Path, copy: Path) -> None:
    _remove(copy)
    for suffix in LOGS:  # what was written last may be in the second alone
        if (part := Path(f"{database}{suffix}")).is_file():
            shutil.copyfile(part, f"{copy}{suffix}")


def _remove(copy: Path) -> None:
    for suffix in (*LOGS, "-shm"):
        Path(f"{copy}{suffix}").unlink(missing_ok=True)


def _state_of(database: Path) -> list[tuple[int, int, int] | None]:
    """What differs once somebody has written to a database."""
    return [_print_of(Path(f"{database}{suffix}")) for suffix in LOGS]


def _print_of(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


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


def create_store(database: Path, experiment: str, artifact_location: str | None) -> None:
    """Create a local store that is not there, whole or not at all; under its lock.

    One whose creation was broken off, by a full disk or a kill, is recreated: nothing is in
    it yet, and MLflow could neither open nor complete it.
    """
    for left in database.parent.glob(f".{database.name}.*.part*"):
        left.unlink(missing_ok=True)
    if database.exists() and not is_half_made(database):
        return
    if not database.exists() and (aside := find_aside(database)):
        raise UserError(
            f"there is no store, but a restore has set one aside as {aside}: `kedro models restore "
            f"FILE --force`, once more, puts all of it into place; move that file away to begin a "
            f"new store"
        )
    part = database.with_name(f".{database.name}.{uuid4().hex}.part")
    try:
        make_database(part, experiment, artifact_location)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        for suffix in ("-wal", "-shm", "-journal"):
            Path(f"{database}{suffix}").unlink(missing_ok=True)
        part.replace(database)
    finally:
        for left in database.parent.glob(f"{part.name}*"):
            left.unlink(missing_ok=True)


def find_aside(database: Path) -> Path | None:
    """The store that a restore has set aside last, beside the place of another; None if none."""
    return max(database.parent.glob(f"{database.name}.{ASIDE}*[0-9]"), default=None)


def is_half_made(database: Path) -> bool:
    """Tell whether MLflow began to make a store and did not end: nobody has used it then."""
    if database.stat().st_size == 0:
        return True
    try:
        with closing(sqlite3.connect(database, timeout=LOCK_SECONDS)) as connection:
            return _holds_nothing(connection) and schema_of(connection) != SCHEMA
    except sqlite3.Error:
        return False  # whoever opens it says so


def other_schema(uri: str) -> str | None:
    """Say what to do about a store of a schema that is not known here; None if it is."""
    if not is_local(uri):
        return None
    try:
        with reading(uri) as connection:
            return tell_schema(connection, database_path(uri))
    except sqlite3.Error:
        return None  # whoever opens it says so


def _holds_nothing(connection: sqlite3.Connection) -> bool:
    """Tell whether there are MLflow's tables alone, with what it puts there itself at most."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table'"
    tables = [name for (name,) in connection.execute(query)]
    counts = {name: _count(connection, name) for name in tables}
    is_mlflows = not tables or not needed_tables().isdisjoint(tables)
    return is_mlflows and all(count <= FILLED.get(name, 0) for name, count in counts.items())


def _count(connection: sqlite3.Connection, table: str) -> int:
    name = table.replace('"', '""')
    query = f'SELECT count(*) FROM "{name}"'  # noqa: S608 - the database itself gave the name
    return int(connection.execute(query).fetchone()[0])


def _prepare_sqlite(database: Path) -> None:
    """Switch write-ahead logging on, so that readers and a writer do not block each other."""
    try:
        connection = sqlite3.connect(database, timeout=LOCK_SECONDS)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()
    except sqlite3.Error as error:
        if failure := tell_failure(error, LOCK_SECONDS):
            raise UserError(f"the store {database} cannot be opened: {failure}") from error
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
    any_certificate = os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in {"true", "1"}
    authorities = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True
    try:
        answer = requests.get(
            f"{uri.rstrip('/')}/health",
            timeout=CONNECT_SECONDS,
            verify=False if any_certificate else authorities,
            cert=os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH"),
        )
    except OSError as error:
        text = without_passwords(" ".join(str(error).split()))
        raise UserError(
            f"the tracking server {_plain(uri)} does not answer ({text}): see to it, or correct "
            f"MLFLOW_TRACKING_URI"
        ) from error
    if answer.status_code >= SERVER_ERROR:
        raise UserError(
            f"the tracking server {_plain(uri)} answers {answer.status_code} {answer.reason}: see "
            f"to it, or correct MLFLOW_TRACKING_URI"
        )


def _check_objects(place: str) -> None:
    """Look into an object store that the server leaves to its clients, before a model is fitted."""
    if not place.startswith(OBJECTS):
        return
    try:
        list_artifacts(artifact_uri=place)
    except Exception as error:  # boto3 and its parts each have their own
        text = without_passwords(" ".join(str(error).split()))
        raise UserError(
            f"artifacts of this store lie in {place}, which cannot be used from here ({text}): set "
            f"MLFLOW_S3_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and install "
            f"boto3 if it is missing (docs/scale.md)"
        ) from error


def _plain(uri: str) -> str:
    """The URI without user, password and options."""
    return re.sub(r"//.*@", "//", uri).partition("?")[0]
