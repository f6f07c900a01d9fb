"""An MLflow store of a test's own, and models logged and registered in it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from sklearn.pipeline import Pipeline

from salary_kedro.contract import Contract
from salary_kedro.lifecycle.registry import Registry
from salary_kedro.lifecycle.stages import Version
from salary_kedro.lifecycle.store import prepare_store
from salary_kedro.lifecycle.tracking import LoggedModel, log_training

EXPERIMENT = "salaries"
MODEL_NAME = "salaries"
NO_REJECTED_ROWS = pd.DataFrame({"line": [], "reasons": []})


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite store; copying it is quick, and making another takes seconds."""
    database = tmp_path_factory.mktemp("migrated") / "mlflow.db"
    prepare_store(f"sqlite:///{database}", "template", "file:///nowhere")
    return database


@pytest.fixture
def store(
    migrated_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Tracking URI of an empty store, which MLflow uses until the test ends."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    database = tmp_path / "mlflow" / "mlflow.db"
    copy_database(migrated_database, database)
    mlflow.set_tracking_uri(f"sqlite:///{database}")
    MlflowClient().create_experiment(EXPERIMENT, (database.parent / "artifacts").as_uri())
    yield f"sqlite:///{database}"
    forget_store()


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database that may be open."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def forget_store() -> None:
    """End what runs and let MLflow forget the store it uses."""
    while mlflow.active_run():
        mlflow.end_run("FAILED")
    mlflow.set_tracking_uri(None)


def start_run() -> Any:
    """Start a run in the experiment."""
    experiment = MlflowClient().get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return mlflow.start_run(experiment_id=experiment.experiment_id)


def log(model: Pipeline, contract: Contract, rmse: float = 1.0) -> LoggedModel:
    """Log a model in a run of its own."""
    with start_run():
        return log_training(
            model=model,
            contract=contract,
            metrics={"rmse": rmse},
            lineage={"git_commit": "abc"},
            figures={},
            rejected_rows=NO_REJECTED_ROWS,
        )


def register(
    model: Pipeline, contract: Contract, rmse: float = 1.0, name: str = MODEL_NAME
) -> Version:
    """Log a model and register it as a version."""
    logged = log(model, contract, rmse)
    return Registry(name).register(logged.model_uri, logged.run_id, logged.rmse)


def tags(name: str = MODEL_NAME) -> dict[int, dict[str, str]]:
    """The tags of every version, as MLflow holds them."""
    found = MlflowClient().search_model_versions(f"name = '{name}'")
    return {int(version.version): dict(version.tags) for version in found}


def alias(name: str = MODEL_NAME) -> int | None:
    """The version that the alias `production` names, as MLflow holds it."""
    number = MlflowClient().get_registered_model(name).aliases.get("production")
    return None if number is None else int(number)
