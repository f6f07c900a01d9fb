"""An MLflow store of a test's own, and models logged and registered in it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import mlflow
import pandas as pd
import pytest
from alembic import command
from alembic.config import Config
from mlflow import MlflowClient
from mlflow.entities import Experiment, ViewType
from sklearn.pipeline import Pipeline
from sqlalchemy import create_engine

from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.lineage import Lineage
from salary_kedro.bundle.report import Report
from salary_kedro.contract import Contract
from salary_kedro.contract.domain import Domain
from salary_kedro.modelling.groups import GROUP_COLUMNS
from salary_kedro.promotion.contest import decide_contest
from salary_kedro.promotion.judge import Judge
from salary_kedro.promotion.verdict import Policy, Verdict
from salary_kedro.registry import registry as registry_module
from salary_kedro.registry.history import PREFIX
from salary_kedro.registry.ledger import HISTORY_OF, Ledger
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.stages import Stage, Version
from salary_kedro.registry.store import prepare_store
from salary_kedro.registry.tracking import NOT_CALIBRATED, NOT_REPORTED, LoggedModel, log_training
from samples import constant, default_contract

EXPERIMENT = "salaries"
MODEL_NAME = "salaries"
Models = dict[int, LoggedModel]
#: Against salaries of 100, a model that always says 100 + r has an RMSE of r.
HOLDOUT = pd.DataFrame({"experience_years": [1.0, 2.0], "salary": [100.0, 100.0]})
DEFAULT = Policy()
NO_REJECTED_ROWS = pd.DataFrame({"line": [], "reasons": []})
NO_GROUPS = pd.DataFrame(columns=[*GROUP_COLUMNS])


@dataclass(frozen=True)
class StoreTemplate:
    """A SQLite store that tests use one after the other, each from the same beginning.

    MLflow takes seconds to make a store, and a quarter of one to open another file.

    Attributes:
        database: The store's file.
        beginning: A copy of it.
        settled: A later copy: version 1, with RMSE 5, was replaced by version 2, with RMSE 3.
        models: Models logged in it, by RMSE r: each predicts 100 + r. Do not touch their files.
    """

    database: Path
    beginning: Path
    settled: Path
    models: dict[int, LoggedModel]


@pytest.fixture(scope="session")
def store_template(tmp_path_factory: pytest.TempPathFactory) -> StoreTemplate:
    """The store from which `store` makes each test's own."""
    folder = tmp_path_factory.mktemp("store")
    names = ("mlflow.db", "beginning.db", "settled.db")
    database, beginning, settled = (folder / name for name in names)
    prepare_store(f"sqlite:///{database}", "template", (folder / "artifacts").as_uri())
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        mlflow.set_tracking_uri(f"sqlite:///{database}")
        contract = default_contract()
        models = {r: log(constant(100 + r), contract, r, "template") for r in (1, 3, 5, 7, 9)}
        copy_database(database, beginning)
        for rmse in (5, 3):
            contest(register(models[rmse]).number)
        copy_database(database, settled)
        forget_store()
    return StoreTemplate(database, beginning, settled, models)


@pytest.fixture
def models(store_template: StoreTemplate) -> Models:
    """Models logged in the store, by RMSE r: each predicts 100 + r. Do not touch their files."""
    return store_template.models


@pytest.fixture
def store(
    store_template: StoreTemplate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Tracking URI of a store as if new, which MLflow uses until the test ends."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    copy_database(store_template.beginning, store_template.database)
    uri = f"sqlite:///{store_template.database}"
    mlflow.set_tracking_uri(uri)
    MlflowClient().create_experiment(EXPERIMENT, (tmp_path / "artifacts").as_uri())
    yield uri
    forget_store()


@pytest.fixture
def settled(store: str, store_template: StoreTemplate, tmp_path: Path) -> Registry:
    """The registry of that store, in which version 2 (RMSE 3) has replaced version 1 (RMSE 5)."""
    copy_database(store_template.settled, store_template.database)
    MlflowClient().create_experiment(EXPERIMENT, (tmp_path / "artifacts").as_uri())
    return own_registry()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> type["WatchedClient"]:
    """The client of all registries made from now on."""
    monkeypatch.setattr(WatchedClient, "states", [])
    monkeypatch.setattr(WatchedClient, "allowed_writes", 1000)
    monkeypatch.setattr(registry_module, "MlflowClient", WatchedClient)
    return WatchedClient


class Stopped(BaseException):
    """The process was killed."""


class WatchedClient(MlflowClient):
    """Notes alias and tags after each write to the registry, and may be stopped before one."""

    states: ClassVar[list[tuple[int | None, dict[int, dict[str, str]]]]] = []
    allowed_writes: ClassVar[int] = 0

    def _watch(self, write: Any, *arguments: Any) -> None:
        if len(self.states) >= self.allowed_writes:
            raise Stopped
        write(*arguments)
        self.states.append((alias(), tags()))

    def set_registered_model_alias(self, *arguments: Any) -> None:
        """Move an alias."""
        self._watch(super().set_registered_model_alias, *arguments)

    def set_experiment_tag(self, *arguments: Any) -> None:
        """Append a record."""
        self._watch(super().set_experiment_tag, *arguments)

    def set_registered_model_tag(self, *arguments: Any) -> None:
        """Tell earlier releases that the history has moved."""
        self._watch(super().set_registered_model_tag, *arguments)

    def delete_registered_model_tag(self, *arguments: Any) -> None:
        """Remove a record from where an earlier release has kept it."""
        self._watch(super().delete_registered_model_tag, *arguments)

    def set_model_version_tag(self, *arguments: Any) -> None:
        """Set a tag."""
        self._watch(super().set_model_version_tag, *arguments)

    def delete_model_version_tag(self, *arguments: Any) -> None:
        """Delete a tag."""
        self._watch(super().delete_model_version_tag, *arguments)

    def update_model_version(self, *arguments: Any) -> None:
        """Describe a version."""
        self._watch(super().update_model_version, *arguments)


def downgrade(database: Path, steps: int = 1) -> None:
    """Take a store back to the schema that an earlier MLflow would have made."""
    migrations = Path(mlflow.__file__).parent / "store" / "db_migrations"
    config = Config(migrations / "alembic.ini")
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{database}")
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection  # MLflow's migrations ask for it
        command.downgrade(config, f"-{steps}")
    engine.dispose()


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database over another; both may be open."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def forget_store() -> None:
    """End what runs and let MLflow forget the store it uses."""
    while mlflow.active_run():
        mlflow.end_run("FAILED")
    mlflow.set_tracking_uri(None)


def start_run(experiment: str = EXPERIMENT) -> Any:
    """Start a run in an experiment."""
    found = MlflowClient().get_experiment_by_name(experiment)
    assert found is not None
    return mlflow.start_run(experiment_id=found.experiment_id)


def log(
    model: Pipeline,
    contract: Contract,
    rmse: float = 1.0,
    experiment: str = EXPERIMENT,
    calibration: Calibration = NOT_CALIBRATED,
    report: Report = NOT_REPORTED,
) -> LoggedModel:
    """Log a model in a run of its own."""
    with start_run(experiment):
        return log_training(
            model=model,
            contract=contract,
            domain=Domain(),
            metrics={"rmse": rmse},
            lineage=Lineage.model_validate({"git_commit": "abc"}),
            figures={},
            group_metrics=NO_GROUPS,
            rejected_rows=NO_REJECTED_ROWS,
            calibration=calibration,
            report=report,
        )


def register(logged: LoggedModel, rmse: float | None = None, name: str = MODEL_NAME) -> Version:
    """Register a logged model as a version, with its RMSE or another one."""
    recorded = logged.rmse if rmse is None else rmse
    return own_registry(name).register(logged.model_uri, logged.run_id, recorded)


def contest(
    number: int,
    policy: Policy = DEFAULT,
    holdout: pd.DataFrame = HOLDOUT,
    registry: Registry | None = None,
) -> Verdict:
    """Let a version contest production, as a run does."""
    found = registry or own_registry()
    return decide_contest(found, found.version(number), Judge(found, holdout, policy))


def own_registry(name: str = MODEL_NAME) -> Registry:
    """The registry in the test's own store."""
    return Registry(mlflow.get_tracking_uri(), name)


def shared_registry() -> Registry:
    """The registry as if on a server: it writes to the test's store, but holds no lock."""
    registry = own_registry()
    registry.uri = "http://shared"
    return registry


def told(name: str = MODEL_NAME) -> list[tuple[str, int, int | None, int | None]]:
    """The history of what was done: action, version, production before and after."""
    done = own_registry(name).state().history.done
    return [(record.action, record.version, record.before, record.after) for record in done]


def all_of_it(name: str = MODEL_NAME) -> object:
    """Alias, tags, descriptions and history as MLflow holds them, to compare with later."""
    client = MlflowClient()
    model = client.get_registered_model(name)
    versions = client.search_model_versions(f"name = '{name}'")
    described = {v.version: (v.tags, v.description) for v in versions}
    return model.aliases, model.tags, described, Ledger(client, name).read()


def age_history(name: str = MODEL_NAME) -> None:
    """Keep the history as earlier releases did: as tags of the registered model."""
    records = Ledger(MlflowClient(), name).read()
    forget_history(name)
    for key, text in records.items():
        MlflowClient().set_registered_model_tag(name, key, text)


def forget_history(name: str = MODEL_NAME) -> None:
    """Leave what an earlier release, or a tool of another kind, would have left."""
    client = MlflowClient()
    for key in client.get_registered_model(name).tags:
        if key.startswith(PREFIX):
            client.delete_registered_model_tag(name, key)
    for home in ledger_experiments(name):
        for key in home.tags:
            client.delete_experiment_tag(home.experiment_id, key)


def ledger_experiments(name: str = MODEL_NAME) -> list[Experiment]:
    """The experiments that keep the history of a model."""
    of_model = f"tags.`{HISTORY_OF}` = '{name}'"
    return list(MlflowClient().search_experiments(ViewType.ALL, filter_string=of_model))


def tags(name: str = MODEL_NAME) -> dict[int, dict[str, str]]:
    """The stage tags of every version, as the store holds them."""
    versions = _select(
        "select version from model_versions where name = ? and current_stage != 'Deleted_Internal'",
        name,
    )
    found: dict[int, dict[str, str]] = {int(version): {} for (version,) in versions}
    for version, key, value in _select(
        "select version, key, value from model_version_tags where name = ?", name
    ):
        if key in list(Stage) and int(version) in found:
            found[int(version)][key] = value
    return found


def alias(name: str = MODEL_NAME) -> int | None:
    """The version that the alias `production` names, as the store holds it."""
    found = _select(
        "select version from registered_model_aliases where name = ? and alias = 'production'", name
    )
    return int(found[0][0]) if found else None


def _select(query: str, name: str) -> list[tuple[Any, ...]]:
    """Ask the store past MLflow, which takes ten times as long; some tests look at each write."""
    database = mlflow.get_tracking_uri().removeprefix("sqlite:///")
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query, (name,)).fetchall()
