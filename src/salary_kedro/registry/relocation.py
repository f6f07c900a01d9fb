"""A project that was moved or copied: its local store still names the old place.

MLflow writes absolute paths into the store. In a moved project they name nothing; in a
copied one they name the original's files.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from salary_kedro.errors import UserError
from salary_kedro.registry.mlflow_adapter import (
    FOLDERS,
    LOGGED,
    REWRITE,
    REWRITE_UNUSED_DEFAULT,
    tell_schema,
)
from salary_kedro.registry.store import (
    CONNECT_SECONDS,
    database_path,
    is_local,
    reading,
    store_lock,
)


def former_places(uri: str, artifacts: str | None) -> list[str]:
    """Where the artifacts were before the project was moved or copied; empty if it was not.

    A place that somebody chose for an experiment of their own is none. Writes nothing, and
    opens no artifact.

    Args:
        uri: MLflow tracking URI.
        artifacts: URI of today's place; None if the store decides that itself.

    Raises:
        UserError: If the store is locked.
    """
    if artifacts is None or not is_local(uri) or not database_path(uri).is_file():
        return []
    try:
        with reading(uri) as connection:
            return _former_places(connection, artifacts)
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise UserError(
                f"the store {database_path(uri)} is locked by another program: wait for it, or "
                f"end it"
            ) from error
        return []  # no store that MLflow has set up; whoever opens it says so


def refuse_former_places(uri: str, artifacts: str | None) -> None:
    """Refuse to work on a store that names another place's artifacts.

    Raises:
        UserError: If the project was moved or copied, and nothing has told its store.
    """
    if places := former_places(uri, artifacts):
        shown = ", ".join(map(plain_path, places))
        raise UserError(
            f"this project was moved or copied, and its store still points to {shown}: run "
            f"`kedro models doctor --fix`"
        )


def relocate(uri: str, artifacts: str | None) -> list[str]:
    """Point the store to today's place, in one transaction, under the store's lock.

    Returns:
        The former places; empty if there was nothing to do.

    Raises:
        UserError: If the artifacts were not moved along, the store has a schema that is not
            known here, or it cannot be written to; nothing is changed then.
    """
    if artifacts is None or not former_places(uri, artifacts):
        return []
    here = Path(plain_path(artifacts))
    if not here.is_dir():
        raise UserError(f"the store was moved without its artifacts: bring them to {here} first")
    try:
        with store_lock(uri), _writing(uri) as connection:
            if other := tell_schema(connection, database_path(uri)):
                raise UserError(other)
            return _rewrite(connection, artifacts)
    except sqlite3.Error as error:
        raise UserError(
            f"the store {database_path(uri)} cannot be told its new place ({error}): you must be "
            f"able to write to it, and no other program may be using it"
        ) from error


def _rewrite(connection: sqlite3.Connection, artifacts: str) -> list[str]:
    places = _former_places(connection, artifacts)
    connection.create_function("moved", 1, _mover(places, artifacts), deterministic=True)
    for statement in REWRITE:
        connection.execute(statement)
    connection.execute(REWRITE_UNUSED_DEFAULT, [artifacts])
    return places


def _former_places(connection: sqlite3.Connection, artifacts: str) -> list[str]:
    here = Path(plain_path(artifacts))
    logged: dict[str, list[str]] = {}
    for place, part in connection.execute(LOGGED):
        if place.startswith(("file:", "/")) and Path(plain_path(place)) != here:
            logged.setdefault(place, []).extend(filter(None, [part]))
    return sorted(place for place, parts in logged.items() if _was_here(place, parts, here))


def _was_here(place: str, parts: list[str], here: Path) -> bool:
    """Tell whether what was logged in a place has moved here, and nobody chose that place."""
    then = Path(plain_path(place))
    if then.name != here.name:
        return False
    brought = any(Path(f"{here}{part}").exists() for part in parts)
    return brought or not parts or then.parent.name == here.parent.name


def _mover(places: list[str], artifacts: str) -> Callable[[str | None], str | None]:
    def moved(path: str | None) -> str | None:
        for place in places:
            if path is not None and (path == place or path.startswith(f"{place}/")):
                return artifacts + path.removeprefix(place)
        return path

    return moved


def model_folders(uri: str, model_name: str) -> dict[int, Path]:
    """Folder of each version's model, as a local store names it; nothing is opened there."""
    with reading(uri) as connection:
        rows = connection.execute(FOLDERS, [model_name]).fetchall()
    return {int(number): Path(plain_path(place)) for number, place in rows if place}


def plain_path(place: str) -> str:
    """A path as people write it."""
    return unquote(urlsplit(place).path) if place.startswith("file:") else place


@contextmanager
def _writing(uri: str) -> Iterator[sqlite3.Connection]:
    """Open a local store for one transaction, which is taken back if anything fails."""
    connection = sqlite3.connect(database_path(uri), timeout=CONNECT_SECONDS)
    try:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
    finally:
        connection.close()
