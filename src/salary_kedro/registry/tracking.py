"""Logs one training run to MLflow: model, metrics, plots, tables, lineage."""

import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import RunStatus
from mlflow.models import Model
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from pydantic import BaseModel, ConfigDict
from sklearn.pipeline import Pipeline

from salary_kedro.bundle.background import Background
from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.card import card_json, make_card
from salary_kedro.bundle.card_page import card_html
from salary_kedro.bundle.lineage import CLAIMED, RMSE_SOURCE, Lineage
from salary_kedro.bundle.profile import Profile
from salary_kedro.bundle.report import Report
from salary_kedro.bundle.runtime.agreement import make_runtime
from salary_kedro.contract import Boolean, Column, Contract, Date, Integer, Number
from salary_kedro.contract.dictionary import data_dictionary
from salary_kedro.contract.domain import Domain
from salary_kedro.errors import UserError
from salary_kedro.registry import flavor
from salary_kedro.registry.descriptions import CARD, CARD_JSON
from salary_kedro.registry.store import used_by_process
from salary_kedro.tables.spreadsheet import safe_frame
from salary_kedro.tables.trained_rows import TRAINED_ROWS

#: Tag of an MLflow run that several processes share: the name of the run.
RUN_TAG = "salary_run"
#: How MLflow names the table, and how much it shows of the digest.
TABLE, DIGEST = "raw_salaries", 8
NOT_CALIBRATED, NOT_REPORTED = Calibration(), Report()
NO_BACKGROUND, NO_PROFILE = Background(), Profile()


class LoggedModel(BaseModel):
    """A model as MLflow holds it.

    Attributes:
        run_id: The run it was logged in.
        model_uri: Where the model is, `models:/m-...`.
        rmse: Its holdout RMSE, in the target's unit.
        logged_at: When, in UTC.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    run_id: str
    model_uri: str
    rmse: float
    logged_at: datetime


class RawTable(MetaDataset):
    """A table of which MLflow is to hold no row, nor what could be worked out of them."""

    @property
    def profile(self) -> None:
        """Nothing."""


def log_training(
    *,
    model: Pipeline,
    contract: Contract,
    domain: Domain,
    metrics: Mapping[str, float],
    lineage: Lineage,
    figures: Mapping[str, bytes],
    group_metrics: pd.DataFrame,
    importances: pd.DataFrame | None = None,
    rejected_rows: pd.DataFrame,
    calibration: Calibration = NOT_CALIBRATED,
    report: Report = NOT_REPORTED,
    background: Background = NO_BACKGROUND,
    profile: Profile = NO_PROFILE,
    runtime: Mapping[str, bytes] | None = None,
    trained_rows: bytes = b"",
) -> LoggedModel:
    """Log everything about one training into the active MLflow run.

    Of the rejected rows only lines and reasons are logged, never their values. Tables are
    harmless to spreadsheets.

    Args:
        model: The fitted Pipeline.
        contract: The contract it was trained by.
        domain: What its training rows covered.
        metrics: Metrics by name, `rmse` among them.
        lineage: What the model was made from.
        figures: PNG files of plots, by name without suffix.
        group_metrics: Scores by group, which tell of no single person.
        importances: How much the error rests on each input.
        rejected_rows: Columns `line` and `reasons`, and others that stay here.
        calibration: How sure its predictions are.
        report: What else was found out about it.
        background: What its predictions are explained against.
        profile: What its training rows were like.
        runtime: The files of its arrays, as `make_runtime` gives them; None to make them by the
            contract alone.
        trained_rows: Fingerprints of its training rows, as `RowPrints.to_bytes` gives them: a
            file of the run, not of the model; empty for none.

    Raises:
        UserError: If there is no active run.
    """
    active_run_id()  # or MLflow would open a run of its own
    tables = {"rejected_rows": rejected_rows[["line", "reasons"]], "group_metrics": group_metrics}
    tables |= {} if importances is None else {"importances": importances}
    for name, table in tables.items():
        mlflow.log_text(safe_frame(table).to_csv(index=False), f"{name}.csv")
    mlflow.log_text(data_dictionary(contract), "data_dictionary.csv")
    drawn = {f"{name}.png": content for name, content in figures.items()}
    _log_files(drawn, "plots")
    if trained_rows:
        _log_files({TRAINED_ROWS: trained_rows})
    return log_model(
        model=model,
        contract=contract,
        domain=domain,
        metrics=metrics,
        lineage=lineage,
        calibration=calibration,
        report=report,
        background=background,
        profile=profile,
        runtime=runtime,
    )


def _log_files(contents: Mapping[str, bytes], folder: str | None = None) -> None:
    """Log files of the run."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, content in contents.items():
            Path(scratch, name).write_bytes(content)
        mlflow.log_artifacts(scratch, folder)


@contextmanager
def import_run(uri: str, experiment: str, parameters: Mapping[str, str]) -> Iterator[None]:
    """Open an MLflow run for what was trained elsewhere; its RMSE is marked as claimed.

    Args:
        uri: The store.
        experiment: Name of an experiment that exists.
        parameters: Parameters to log in it.

    Raises:
        UserError: If there is no such experiment.
    """
    found = MlflowClient(uri).get_experiment_by_name(experiment)
    if found is None:
        raise UserError(f"there is no experiment '{experiment}' in this store")
    with (
        used_by_process(uri),
        mlflow.start_run(experiment_id=found.experiment_id, run_name="import"),
    ):
        mlflow.log_params(dict(parameters))
        mlflow.set_tag(RMSE_SOURCE, CLAIMED)
        yield


def log_model(
    *,
    model: Pipeline,
    contract: Contract,
    domain: Domain,
    metrics: Mapping[str, float],
    lineage: Lineage,
    calibration: Calibration = NOT_CALIBRATED,
    report: Report = NOT_REPORTED,
    background: Background = NO_BACKGROUND,
    profile: Profile = NO_PROFILE,
    runtime: Mapping[str, bytes] | None = None,
) -> LoggedModel:
    """Log a model, its metrics and its lineage into the active MLflow run.

    All but the model are files of the model too: a version can be served by itself.

    Args:
        model: The fitted Pipeline.
        contract: The contract it was trained by.
        domain: What its training rows covered.
        metrics: Metrics by name, `rmse` among them.
        lineage: What the model was made from.
        calibration: How sure its predictions are.
        report: What else was found out about it.
        background: What its predictions are explained against.
        profile: What its training rows were like.
        runtime: As `log_training` takes it.

    Raises:
        UserError: If there is no active run.
    """
    run_id = active_run_id()
    mlflow.log_metrics(dict(metrics))
    mlflow.set_tags(lineage.texts())
    if lineage.data_sha256:
        mlflow.log_input(table_of(contract, lineage.data_sha256), context="training")
    mlflow.log_dict(lineage.texts(), "lineage.json")
    finite = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
    card = make_card(
        contract=contract,
        domain=domain,
        metrics=finite,
        lineage=lineage,
        calibration=calibration,
        report=report,
        profile=profile,
        run_id=run_id,
    )
    _log_files({CARD: card_html(card), CARD_JSON: card_json(card)})  # see Registry.register
    told = {
        "contract": contract.model_dump(mode="json"),
        "domain": domain.model_dump(mode="json"),
        "metrics": finite,
        "lineage": lineage.texts(),
        "calibration": calibration.model_dump(mode="json"),
        "report": report.model_dump(mode="json"),
        "background": background.model_dump(mode="json"),
        "profile": profile.model_dump(mode="json"),
    }
    files = {
        f"{name}.json": json.dumps(content, indent=2, sort_keys=True).encode()
        for name, content in told.items()
    }
    files |= make_runtime(model, contract) if runtime is None else runtime
    uri = _log_model_files(model, contract, files)
    return LoggedModel(
        run_id=run_id,
        model_uri=uri,
        rmse=metrics["rmse"],
        logged_at=datetime.now(UTC),
    )


def table_of(contract: Contract, data_sha256: str) -> RawTable:
    """The raw table as MLflow knows it: name, digest and columns, none of its rows."""
    columns: list[ColSpec | TensorSpec] = [
        ColSpec(_type_of(column), column.name, required=column.required)
        for column in contract.columns
    ]
    source = CodeDatasetSource({"sha256": data_sha256})
    return RawTable(source, TABLE, data_sha256[:DIGEST], Schema(columns))


def _type_of(column: Column) -> DataType:
    types = {Integer: "long", Number: "double", Date: "datetime", Boolean: "boolean"}
    return DataType[
        next((told for kind, told in types.items() if isinstance(column, kind)), "string")
    ]


def experiment_page(uri: str, experiment: str) -> str:
    """Where MLflow's pages list the runs of an experiment, as model training, below its address.

    Raises:
        UserError: If there is no such experiment.
    """
    found = MlflowClient(uri).get_experiment_by_name(experiment)
    if found is None:
        raise UserError(f"there is no experiment '{experiment}' in this store")
    return f"#/experiments/{found.experiment_id}/runs?workflowType=machine_learning"


def is_open() -> bool:
    """Whether there is an MLflow run that what is logged goes to."""
    return mlflow.active_run() is not None


def find_named_run(name: str, experiment: str) -> str | None:
    """The MLflow run that another process of a named run has opened; None if none has yet."""
    found = mlflow.search_runs(
        experiment_names=[experiment],
        filter_string=f"tags.{RUN_TAG} = '{name}'",
        max_results=1,
        output_format="list",
    )
    return str(found[0].info.run_id) if found else None


def refuse_second_training(name: str, run_id: str) -> None:
    """See that a named run whose training is registered does not train once more.

    Its lineage would be the later training's, for both versions.

    Raises:
        UserError: If it has registered a version.
    """
    if found := mlflow.MlflowClient().search_model_versions(f"run_id = '{run_id}'"):
        raise UserError(
            f"the run '{name}' has trained version {found[0].version} already: give a new run "
            f"another name (SALARY_RUN, or a new run of the DAG)"
        )


def tag_named_run(name: str) -> None:
    """Let other processes of a named run find the active MLflow run."""
    mlflow.set_tag(RUN_TAG, name)


def active_run_id() -> str:
    """The MLflow run that what is logged goes to.

    Raises:
        UserError: If there is none.
    """
    run = mlflow.active_run()
    if run is None:
        raise UserError(
            "there is no MLflow run to log to: remove 'data_science', 'tournament' and "
            "'__default__' from tracking.disable_tracking.pipelines in mlflow.yml"
        )
    return str(run.info.run_id)


def end_interrupted_run() -> None:
    """Mark the active MLflow run as killed; MLflow would, as the process ends, call it finished."""
    if mlflow.active_run() is not None:
        mlflow.end_run(RunStatus.to_string(RunStatus.KILLED))


def _log_model_files(model: Pipeline, contract: Contract, files: Mapping[str, bytes]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in files]
        for path, content in zip(paths, files.values(), strict=True):
            path.write_bytes(content)
        logged = Model.log(
            artifact_path=None,
            name="model",
            flavor=flavor,
            model=model,
            contract=contract,
            files=paths,
            validate_serving_input=False,  # it would load the model once more
        )
    uri: str = logged.model_uri
    return uri
