"""The one place that knows the inside of MLflow, which has no public way to what is done here.

Its tables are read and rewritten by SQL: it has no command that tells a moved store its new place,
none that opens no artifact. `docs/internals.md` lists what is touched, and what watches over it.
"""

import functools
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.utils import environment
from sqlalchemy import Engine, event

from salary_kedro.registry.failures import LOCK_SECONDS

log = logging.getLogger(__name__)

SQLITE = "sqlite:///"
#: The schema that the SQL below was written for, as Alembic notes it in each store.
SCHEMA = "dc11669786a5"
RELEASES = "3.17"
#: Rows that MLflow itself puts into a new store's tables, at most.
FILLED = {"alembic_version": 1, "experiments": 1, "workspaces": 1}
#: How MLflow begins the statement that says how long a locked store is waited for.
BUSY_TIMEOUT = "PRAGMA busy_timeout"
#: What compares the requirements of a model with what is installed.
COMPARE = "warn_dependency_requirement_mismatches"
#: Where MLflow logs a failing database, with its traceback.
LOGGER = "mlflow.store.db.utils"

#: The folders that artifacts were ever logged under, which is what is left of each path
#: without the part that MLflow adds; and that part, none for a folder that awaits its first.
LOGGED = """
    SELECT artifact_location, '' FROM experiments WHERE artifact_location IS NOT NULL
    UNION SELECT replace(artifact_uri, '/' || run_uuid || '/artifacts', ''), '/' || run_uuid
        FROM runs WHERE artifact_uri IS NOT NULL
    UNION SELECT replace(artifact_location, '/models/' || model_id || '/artifacts', ''),
        '/models/' || model_id FROM logged_models WHERE artifact_location IS NOT NULL
"""
#: Every column that holds a path of an artifact; `moved` is a function of the connection.
REWRITE = (
    "UPDATE experiments SET artifact_location = moved(artifact_location)",
    "UPDATE runs SET artifact_uri = moved(artifact_uri)",
    "UPDATE logged_models SET artifact_location = moved(artifact_location)",
    "UPDATE model_versions SET storage_location = moved(storage_location), source = moved(source)",
    "UPDATE trace_tags SET value = moved(value) WHERE key = 'mlflow.artifactLocation'",
)
#: MLflow's own first experiment: its folder depends on where the store was created from.
REWRITE_UNUSED_DEFAULT = """
    UPDATE experiments SET artifact_location = ? || '/0'
    WHERE experiment_id = 0 AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.experiment_id = 0)
"""
#: Number and folder of each version of a model.
FOLDERS = "SELECT version, storage_location FROM model_versions WHERE name = ?"
#: The folders of everything that was logged.
PLACES = """
    SELECT artifact_uri FROM runs WHERE artifact_uri IS NOT NULL
    UNION SELECT artifact_location FROM logged_models WHERE artifact_location IS NOT NULL
    UNION SELECT storage_location FROM model_versions WHERE storage_location IS NOT NULL
    UNION SELECT value FROM trace_tags WHERE key = 'mlflow.artifactLocation'
"""
#: Numbers of a model's versions; how many bear a tag; the one that an alias names.
VERSIONS = """
    SELECT version FROM model_versions WHERE name = ? AND current_stage != 'Deleted_Internal'
"""
TAGGED = "SELECT count(*) FROM model_version_tags WHERE name = ? AND key = ?"
ALIASED = "SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ?"


def tell_models_from_prompts_once(client: MlflowClient) -> None:
    """Let a client look once, not at each write, whether a name is that of a prompt.

    It reads the registered model for that, and with it all of its versions.
    """
    once = functools.cache(client._raise_if_prompt)
    client._raise_if_prompt = once  # type: ignore[method-assign]


@contextmanager
def requirements_as_given() -> Iterator[None]:
    """Let MLflow save a model without comparing its requirements with what is installed.

    They are what is installed; for the comparison it would read the files of every package.
    """
    compare = getattr(environment, COMPARE)
    setattr(environment, COMPARE, lambda _: None)
    try:
        yield
    finally:
        setattr(environment, COMPARE, compare)


def _log_quietly(record: logging.LogRecord) -> bool:
    """Send what MLflow logs of a failing database to the log file alone.

    The error itself is told in one line; MLflow prints its traceback beside it.
    """
    if record.exc_info:
        log.info("%s", record.getMessage(), exc_info=record.exc_info)
    return not record.exc_info


logging.getLogger(LOGGER).addFilter(_log_quietly)


@event.listens_for(Engine, "before_cursor_execute", retval=True)
def _wait_for_locks(
    connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> tuple[str, Any]:
    """Wait for a locked store as long as for its lock; MLflow itself would give up after 20 s."""
    if statement.startswith(BUSY_TIMEOUT):
        statement = f"{BUSY_TIMEOUT} = {LOCK_SECONDS * 1000}"
    return statement, parameters


def make_database(database: Path, experiment: str, artifact_location: str | None) -> None:
    """Make a store with an experiment in it, and let go of its file; MLflow would keep it open."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    # MLflow's stores have no types.
    store = SqlAlchemyStore(f"{SQLITE}{database}", artifact_location or "./mlruns")  # type: ignore[no-untyped-call]
    try:
        store.create_experiment(experiment, artifact_location)  # type: ignore[no-untyped-call]
    finally:
        store.engine.dispose()


def needed_tables() -> set[str]:
    """Tables without which MLflow would begin to set up a store that it opens."""
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 - declares them
    from mlflow.store.db.base_sql_model import Base

    return set(Base.metadata.tables)


def schema_of(connection: sqlite3.Connection) -> str | None:
    """The schema of a local store; None if it has none yet."""
    try:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        return None
    return None if found is None else str(found[0])


def _named(schema: str | None) -> str:
    return "names no schema" if schema is None else f"has the schema {schema}"


def tell_schema(connection: sqlite3.Connection, database: Path) -> str | None:
    """Say what to do about a store of another schema than `SCHEMA`; None if it has that one."""
    if (found := schema_of(connection)) == SCHEMA:
        return None
    return (
        f"the store {database} {_named(found)}, but only {SCHEMA}, that of MLflow "
        f"{RELEASES}, is known here: keep a copy of it; if an earlier MLflow made it, "
        f"`mlflow db upgrade {SQLITE}{database}` brings it up to date; if a later one did, work on "
        f"with the release of this project that goes with it, or with a copy from before"
    )
