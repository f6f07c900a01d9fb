"""What a release of a library must leave as it is, though it is private: one canary for each name.

A canary that fails says which library, in which version, changed what, and what of ours needs it.
"""

import contextlib
import functools
import inspect
import math
import pydoc
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bentoml
import bentoml.serving
import circus.watcher
import mlflow
import prometheus_client.multiprocess
import pytest
import uvicorn
from _bentoml_impl.worker.service import main as worker
from alembic.script import ScriptDirectory
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.utils import circus as bentoml_circus
from kedro.framework.cli.utils import KedroCliError
from mlflow import MlflowClient
from mlflow.store.db import utils as mlflow_database
from mlflow.store.db.base_sql_model import Base
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils import environment
from prometheus_client import CollectorRegistry, Histogram
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sqlalchemy import MetaData

from salary_kedro.bundle import model_file
from salary_kedro.bundle.runtime import sklearn_adapter as boosting
from salary_kedro.modelling import sklearn_adapter
from salary_kedro.registry import mlflow_adapter
from salary_kedro.serving import bentoml_adapter, circus_adapter, prometheus_adapter
from support import ROOT

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Internal:
    """Something private to a library.

    Attributes:
        library: Its distribution.
        name: What is private, as docs/internals.md names it.
        needed: What of ours depends on it.
        holds: Whether it is as we need it; takes an empty folder.
        remove: Takes it away.
    """

    library: str
    name: str
    needed: str
    holds: Callable[[Path], bool]
    remove: Callable[[Patch], None]


def has(owner: Any, *names: str) -> bool:
    return set(names) <= set(dir(owner))


def called_by(function: Any) -> tuple[str, ...]:
    """The names that a function looks up when it is called."""
    return inspect.unwrap(function).__code__.co_names


# --- BentoML and its supervisor ----------------------------------------------------------


def _metrics_folder_is_taken_over(folder: Path) -> bool:
    before = BentoMLContainer.prometheus_multiproc_dir.get()
    bentoml_adapter.keep_metrics_in(folder / "metrics")
    try:
        return bool(bentoml.serving.ensure_prometheus_dir() == str(folder / "metrics"))
    finally:
        BentoMLContainer.prometheus_multiproc_dir.set(before)


def _supervisor_is_ours(folder: Path) -> bool:
    before = bentoml_circus.Arbiter
    try:
        circus_adapter.use(0.0, 3000)
        is_replaced = issubclass(bentoml_circus.Arbiter, circus_adapter.Supervisor)
    finally:
        bentoml_circus.Arbiter = before
    return is_replaced and "Arbiter" in called_by(bentoml_circus.create_standalone_arbiter)


def _pool_is_as_used(folder: Path) -> bool:
    pool = circus.watcher.Watcher("pool", "true")
    settings = {"env", "stop_signal", "graceful_timeout", "respawn", "hooks", "processes"}
    reaps = inspect.unwrap(circus.watcher.Watcher.reap_process).__code__.co_consts
    methods = ("spawn_process", "kill_process", "reap_process", "get_active_processes")
    is_whole = has(pool, *methods, "get_active_pids", "manage_processes")
    return is_whole and settings <= set(vars(pool)) and "after_reap" in reaps


BENTOML = (
    Internal(
        "bentoml",
        "BentoMLContainer.prometheus_multiproc_dir",
        "serving/bentoml_adapter.py: metrics in memory, apart from other servers'",
        _metrics_folder_is_taken_over,
        lambda patch: patch.setattr(bentoml.serving, "ensure_prometheus_dir", lambda: ""),
    ),
    Internal(
        "bentoml",
        "BentoMLContainer.http.port",
        "serving/bentoml_adapter.py: a port that is none is refused",
        lambda _: isinstance(bentoml_adapter.configured_port(), int),
        lambda patch: patch.setattr(BentoMLContainer, "http", None),
    ),
    Internal(
        "bentoml",
        "BentoMLContainer.tracing, .tracer_provider",
        "serving/bentoml_adapter.py: spans are sent as BentoML's settings say",
        lambda _: not bentoml_adapter.asks_for_spans() and has(BentoMLContainer, "tracer_provider"),
        lambda patch: patch.setattr(BentoMLContainer, "tracing", None),
    ),
    Internal(
        "bentoml",
        "Service.to_asgi",
        "serving/bentoml_adapter.py: our routes answer, without BentoML's middleware",
        lambda _: has(bentoml.Service, "to_asgi") and "to_asgi" in called_by(worker.callback),
        lambda patch: patch.delattr(bentoml.Service, "to_asgi"),
    ),
    Internal(
        "bentoml",
        "service(service_class=)",
        "serving/service.py: the class of our service",
        lambda _: "service_class" in inspect.signature(bentoml.service).parameters,
        lambda patch: patch.setattr(bentoml, "service", lambda: None, raising=False),
    ),
    Internal(
        "bentoml",
        "worker --fd",
        "serving/bentoml_adapter.py: the warning that others reach a service without a token",
        lambda _: any("--fd" in option.opts for option in worker.params),
        lambda patch: patch.setattr(worker, "params", []),
    ),
    Internal(
        "bentoml",
        "uvicorn.Server, looked up by the worker",
        "serving/uvicorn_adapter.py: connections are bounded",
        lambda _: {"Server", "Config"} <= set(called_by(worker.callback)),
        lambda patch: patch.setattr(worker, "callback", lambda: None),
    ),
    Internal(
        "bentoml",
        "_internal.utils.circus.Arbiter",
        "serving/circus_adapter.py: workers end, restart and are replaced without losing a request",
        _supervisor_is_ours,
        lambda patch: patch.setattr(bentoml_circus, "create_standalone_arbiter", lambda: None),
    ),
    Internal(
        "kantoku",
        "circus.arbiter.Arbiter",
        "serving/circus_adapter.py: the supervisor",
        lambda _: has(
            bentoml_circus.Arbiter,
            "initialize",
            "start",
            "stop",
            "manage_watchers",
            "start_watchers",
        ),
        lambda patch: patch.delattr("circus.arbiter.Arbiter.manage_watchers"),
    ),
    Internal(
        "kantoku",
        "circus.watcher.Watcher",
        "serving/circus_adapter.py: the workers of a supervisor",
        _pool_is_as_used,
        lambda patch: patch.delattr("circus.watcher.Watcher.spawn_process"),
    ),
)


# --- uvicorn -----------------------------------------------------------------------------


def _protocol_is_as_used(folder: Path) -> bool:
    state, config = uvicorn.server.ServerState(), uvicorn.Config(print)
    config.load()
    given = inspect.getsource(uvicorn.Server.startup)
    return (
        has(state, "connections", "tasks", "total_requests", "default_headers")
        and has(config, "loaded_app", "timeout_keep_alive")
        and all(f"{name}=" in given for name in ("config", "server_state", "app_state", "_loop"))
        and "connection.shutdown()" in inspect.getsource(uvicorn.Server.shutdown)
    )


UVICORN = (
    Internal(
        "uvicorn",
        "ServerState, Config, as a protocol gets them",
        "serving/protocol.py: our own protocol, by which slow clients and floods are dropped",
        _protocol_is_as_used,
        lambda patch: patch.setattr(uvicorn.server, "ServerState", lambda: None),
    ),
    Internal(
        "uvicorn",
        "Server.startup, .shutdown, .handle_exit",
        "serving/uvicorn_adapter.py: a worker ends without losing a request",
        lambda _: {"handle_exit", "startup", "shutdown", "run"} <= set(vars(uvicorn.Server)),
        lambda patch: patch.delattr(uvicorn.Server, "handle_exit"),
    ),
    Internal(
        "uvicorn",
        "Config.http, .ws, .loop, .backlog",
        "serving/uvicorn_adapter.py: our protocol is the one that is spoken",
        lambda _: {"http", "ws", "loop", "backlog"} <= set(vars(uvicorn.Config(print))),
        lambda patch: patch.setattr(uvicorn.Config, "__init__", lambda self, app: None),
    ),
)


# --- prometheus_client -------------------------------------------------------------------


def _counts_many(folder: Path) -> bool:
    registry = CollectorRegistry()
    histogram = Histogram("salary", "-", buckets=[1], registry=registry)
    prometheus_adapter.add_to(histogram, [1, 2], 8.3)
    below = registry.get_sample_value("salary_bucket", {"le": "1.0"})
    return (below, registry.get_sample_value("salary_sum")) == (1, 8.3)


def _files_of_workers_are_told(folder: Path) -> bool:
    (folder / "gauge_liveall_7.db").touch()
    told = prometheus_adapter.workers(folder)
    prometheus_client.multiprocess.mark_process_dead(7, str(folder))
    return told == [7] and prometheus_adapter.workers(folder) == []


PROMETHEUS = (
    Internal(
        "prometheus-client",
        "Histogram._buckets, ._sum",
        "serving/prometheus_adapter.py: what was counted is handed over at once",
        _counts_many,
        lambda patch: patch.setattr(Histogram, "_metric_init", lambda self: None),
    ),
    Internal(
        "prometheus-client",
        "gauge_live*_PID.db",
        "serving/prometheus_adapter.py: memory and processor time of each worker",
        _files_of_workers_are_told,
        lambda patch: patch.setattr(
            prometheus_client.multiprocess, "_LIVE_GAUGE_MULTIPROCESS_MODES", set()
        ),
    ),
)


# --- MLflow ------------------------------------------------------------------------------


def _newest_schema() -> str | None:
    migrations = Path(mlflow.__file__).parent / "store" / "db_migrations"
    return ScriptDirectory(str(migrations)).get_current_head()


@functools.cache
def _made_in(folder: Path) -> Path:
    database = folder / "mlflow.db"
    mlflow_adapter.make_database(database, "salaries", folder.as_uri())
    return database


def _columns_are_there(folder: Path) -> bool:
    database = _made_in(folder.parent)
    adapter = mlflow_adapter
    read = (adapter.LOGGED, adapter.FOLDERS, adapter.PLACES)
    read += (adapter.VERSIONS, adapter.TAGGED, adapter.ALIASED)
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.create_function("moved", 1, str)
        for statement in (*read, *adapter.REWRITE, adapter.REWRITE_UNUSED_DEFAULT):
            connection.execute(statement, [""] * statement.count("?"))
    return True


MLFLOW = (
    Internal(
        "mlflow",
        "the store's schema",
        "registry/mlflow_adapter.py, SCHEMA and RELEASES: a store of another is not relocated; "
        "review the SQL there against the new migrations first",
        lambda _: _newest_schema() == mlflow_adapter.SCHEMA,
        lambda patch: patch.setattr(mlflow_adapter, "SCHEMA", "ffffffffffff"),
    ),
    Internal(
        "mlflow",
        "its tables and their columns",
        "registry/mlflow_adapter.py: a moved project's store, and backups",
        _columns_are_there,
        lambda patch: patch.setattr(mlflow_adapter, "FOLDERS", "SELECT gone FROM runs WHERE ?"),
    ),
    Internal(
        "mlflow",
        "Base.metadata",
        "registry/mlflow_adapter.py: a store that is half made is told from a whole one",
        lambda _: {"experiments", "runs", "model_versions"} <= mlflow_adapter.needed_tables(),
        lambda patch: patch.setattr(Base, "metadata", MetaData()),
    ),
    Internal(
        "mlflow",
        "SqlAlchemyStore",
        "registry/mlflow_adapter.py: a new store appears whole or not at all",
        lambda _: (
            has(SqlAlchemyStore, "create_experiment")
            and list(inspect.signature(SqlAlchemyStore).parameters)[:2]
            == ["db_uri", "default_artifact_root"]
        ),
        lambda patch: patch.setattr(SqlAlchemyStore, "__init__", lambda self: None),
    ),
    Internal(
        "mlflow",
        "MlflowClient._raise_if_prompt",
        "registry/mlflow_adapter.py: writes to a registry of many versions do not read all of them",
        lambda _: (
            "_raise_if_prompt" in called_by(MlflowClient.set_model_version_tag)
            and has(MlflowClient, "_raise_if_prompt")
            and list(inspect.signature(MlflowClient._raise_if_prompt).parameters)
            == ["self", "name"]
        ),
        lambda patch: patch.delattr(MlflowClient, "_raise_if_prompt"),
    ),
    Internal(
        "mlflow",
        "environment.warn_dependency_requirement_mismatches",
        "registry/mlflow_adapter.py: a model is saved without reading the files of every installed "
        "package",
        lambda _: (
            "warn_dependency_requirement_mismatches"
            in called_by(environment._process_pip_requirements)
            and has(environment, "warn_dependency_requirement_mismatches")
        ),
        lambda patch: patch.delattr(environment, "warn_dependency_requirement_mismatches"),
    ),
    Internal(
        "mlflow",
        "PRAGMA busy_timeout",
        "registry/mlflow_adapter.py: a locked store is waited for as long as for its lock",
        lambda _: f'"{mlflow_adapter.BUSY_TIMEOUT} = ' in inspect.getsource(mlflow_database),
        lambda patch: patch.setattr(mlflow_adapter, "BUSY_TIMEOUT", "PRAGMA gone"),
    ),
    Internal(
        "mlflow",
        "the logger mlflow.store.db.utils",
        "registry/mlflow_adapter.py: a failing database is told in one line",
        lambda _: mlflow_database._logger.name == mlflow_adapter.LOGGER,
        lambda patch: patch.setattr(mlflow_adapter, "LOGGER", "gone"),
    ),
)


# --- scikit-learn ------------------------------------------------------------------------


def _hyperparameters_are_checked(folder: Path) -> bool:
    try:
        sklearn_adapter.check_hyperparameters(Ridge(alpha="much"))
    except ValueError as error:
        return "alpha" in str(error)
    return False


def _boosting_is_readable(folder: Path) -> bool:
    """Of four rows in two groups, one tree of one threshold; on the scale of a logarithm."""
    model = HistGradientBoostingRegressor(
        loss="poisson", max_iter=1, min_samples_leaf=1, max_depth=1, learning_rate=1
    ).fit([[0.0], [0.0], [2.0], [2.0]], [1.0, 1.0, 9.0, 9.0])
    (tree,) = boosting.boosted_trees(model)
    column, threshold, _, first, second = (part[0] for part in tree)
    start = boosting.boosted_start(model)
    found = (column, threshold, first, second, boosting.boosted_link(model))
    return found == (0, 1.0, 1, 2, True) and math.isclose(start, math.log(5))


SKLEARN = (
    Internal(
        "scikit-learn",
        "HistGradientBoostingRegressor._predictors, ._baseline_prediction, ._loss",
        "bundle/runtime/sklearn_adapter.py: boosted trees become arrays, which outlive upgrades",
        _boosting_is_readable,
        lambda patch: patch.setattr(boosting, "LINKS", {}),
    ),
    Internal(
        "scikit-learn",
        "BaseEstimator._validate_params",
        "modelling/sklearn_adapter.py: a wrong hyperparameter is refused before a run begins",
        _hyperparameters_are_checked,
        lambda patch: patch.setattr(Ridge, "_validate_params", lambda self: None),
    ),
    Internal(
        "scikit-learn",
        "types that skops does not trust by itself",
        "bundle/model_file.py: models are read by a reviewed list",
        lambda _: all(pydoc.locate(name) for name in model_file.TRUSTED_TYPES),
        lambda patch: patch.setattr(model_file, "TRUSTED_TYPES", ["sklearn.tree._tree.Gone"]),
    ),
)
KEDRO = (
    Internal(
        "kedro",
        "KedroCliError.show",
        "cli/kedro_errors.py: an error of one of Kedro's own commands is told in one line",
        lambda _: "show" in vars(KedroCliError),
        lambda patch: patch.delattr(KedroCliError, "show"),
    ),
)
INTERNALS = (*KEDRO, *BENTOML, *UVICORN, *PROMETHEUS, *MLFLOW, *SKLEARN)
each_internal = pytest.mark.parametrize(
    "internal",
    [
        pytest.param(
            each,
            id=f"{each.library}: {each.name}",
            marks=[pytest.mark.slow] if each.holds is _columns_are_there else [],
        )
        for each in INTERNALS
    ],
)


def look(internal: Internal, folder: Path) -> None:
    """Fail if a library has changed something.

    Raises:
        AssertionError: Says which library, in which version, what, and who needs it.
    """
    library = internal.library
    told = f"{library} {version(library)} changed: {internal.name}; needed by {internal.needed}"
    try:
        holds = internal.holds(folder)
    except Exception as error:
        raise AssertionError(f"{told} ({error!r})") from error
    assert holds, told


@each_internal
def test_internal_when_the_library_is_as_locked_then_is_as_we_need_it(
    internal: Internal, tmp_path: Path
) -> None:
    look(internal, tmp_path)


@each_internal
def test_internal_when_a_release_takes_it_away_then_the_canary_says_what_depends_on_it(
    internal: Internal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    internal.remove(monkeypatch)

    with pytest.raises(AssertionError) as failure:
        look(internal, tmp_path)

    library = f"{internal.library} {version(internal.library)}"
    assert str(failure.value).startswith(
        f"{library} changed: {internal.name}; needed by {internal.needed}"
    )


@each_internal
def test_internals_when_listed_then_the_table_names_library_version_and_name(
    internal: Internal,
) -> None:
    table = (ROOT / "docs" / "internals.md").read_text(encoding="utf-8")

    assert f"| {internal.library} {version(internal.library)} | `{internal.name}` |" in table
