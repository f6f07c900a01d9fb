"""Logging a training: what MLflow then holds, and that every estimator comes back."""

import json
import math
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from sklearn.pipeline import Pipeline

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.lineage import Lineage
from salary_kedro.contract import Contract
from salary_kedro.contract.dictionary import data_dictionary
from salary_kedro.contract.domain import Domain
from salary_kedro.errors import UserError
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.names import MODEL_NAMES, ModelName
from salary_kedro.promotion.by_hand import promote_by_hand
from salary_kedro.promotion.packaging import export_production
from salary_kedro.registry.tracking import (
    LoggedModel,
    log_model,
    log_training,
    refuse_second_training,
)
from samples import QUICK, column, constant, contract_of
from stores import NO_GROUPS, log, own_registry, register, start_run

pytestmark = pytest.mark.slow  # whole models, logged and loaded

REJECTED = pd.DataFrame(
    {"line": [3], "reasons": ["Salary: missing"], "Experience Years": [98765.5], "Salary": [""]}
)
DOMAIN = Domain(ranges={"experience_years": (1.1, 10.5)})


@pytest.fixture
def logged(store: str, contract: Contract) -> LoggedModel:
    """A training, logged with everything there is."""
    with start_run():
        return log_training(
            model=constant(105),
            contract=contract,
            domain=DOMAIN,
            metrics={"rmse": 5.25, "rows_train": 28},
            lineage=Lineage.model_validate({"git_commit": "abc", "data_sha256": "def"}),
            figures={"residuals": b"a plot"},
            group_metrics=NO_GROUPS,
            rejected_rows=REJECTED,
        )


def artifact(logged: LoggedModel, path: str) -> str:
    return Path(download_artifacts(run_id=logged.run_id, artifact_path=path)).read_text()


def model_file(logged: LoggedModel, path: str) -> Any:
    return json.loads((Path(download_artifacts(logged.model_uri)) / path).read_text())


def test_log_training_when_done_then_the_run_holds_metrics_and_lineage(
    logged: LoggedModel,
) -> None:
    run = MlflowClient().get_run(logged.run_id).data

    assert run.metrics == {"rmse": 5.25, "rows_train": 28.0}
    assert {key: run.tags[key] for key in ("git_commit", "data_sha256")} == {
        "git_commit": "abc",
        "data_sha256": "def",
    }
    assert json.loads(artifact(logged, "lineage.json")) == {
        "git_commit": "abc",
        "data_sha256": "def",
    }


def test_second_training_when_the_first_is_registered_then_is_refused(
    logged: LoggedModel,
) -> None:
    refuse_second_training("monday", logged.run_id)
    own_registry().register(logged.model_uri, logged.run_id, 5.25)

    with pytest.raises(UserError, match=r"^the run 'monday' has trained version 1 already"):
        refuse_second_training("monday", logged.run_id)


def test_log_training_when_done_then_the_run_holds_the_plots(logged: LoggedModel) -> None:
    path = Path(download_artifacts(run_id=logged.run_id, artifact_path="plots/residuals.png"))

    assert path.read_bytes() == b"a plot"


def test_log_training_when_rows_were_rejected_then_logs_lines_and_reasons_alone(
    logged: LoggedModel,
) -> None:
    assert artifact(logged, "rejected_rows.csv") == "line,reasons\n3,Salary: missing\n"


def test_log_training_when_done_then_the_model_holds_what_it_takes_to_serve_it(
    logged: LoggedModel, contract: Contract
) -> None:
    assert Contract.model_validate(model_file(logged, "extra_files/contract.json")) == contract
    assert model_file(logged, "extra_files/metrics.json") == {"rmse": 5.25, "rows_train": 28}
    assert Domain.model_validate(model_file(logged, "extra_files/domain.json")) == DOMAIN
    assert model_file(logged, "extra_files/lineage.json") == {
        "git_commit": "abc",
        "data_sha256": "def",
    }


def test_log_training_when_done_then_tells_run_model_and_rmse(logged: LoggedModel) -> None:
    run = MlflowClient().get_run(logged.run_id)

    assert logged.rmse == 5.25
    assert run.outputs is not None
    assert [f"models:/{model.model_id}" for model in run.outputs.model_outputs] == [
        logged.model_uri
    ]
    assert logged.logged_at.utcoffset() is not None


def test_log_training_when_done_then_the_models_example_is_made_from_the_contract_alone(
    logged: LoggedModel,
) -> None:
    assert model_file(logged, "input_example.json") == {
        "columns": ["experience_years"],
        "data": [[0.0], [15.0], [30.0], [45.0], [60.0]],
    }


def test_log_training_when_done_then_the_run_holds_the_data_dictionary(
    logged: LoggedModel, contract: Contract
) -> None:
    assert artifact(logged, "data_dictionary.csv") == data_dictionary(contract)


def test_log_training_when_groups_were_scored_then_the_run_holds_their_scores(
    store: str, contract: Contract
) -> None:
    columns = ["column", "group", "rows"]
    groups = pd.DataFrame([("sex", "Female", 5)], columns=columns)
    with start_run():
        logged = log_training(
            model=constant(105),
            contract=contract,
            domain=Domain(),
            metrics={"rmse": 5.25},
            lineage=Lineage(),
            figures={},
            group_metrics=groups,
            rejected_rows=REJECTED,
        )

    assert artifact(logged, "group_metrics.csv") == ("column,group,rows\nsex,Female,5\n")


def test_log_training_when_there_is_no_run_then_says_what_to_do(
    store: str, contract: Contract
) -> None:
    with pytest.raises(UserError) as caught:
        log_training(
            model=constant(105),
            contract=contract,
            domain=Domain(),
            metrics={"rmse": 5.25},
            lineage=Lineage(),
            figures={},
            group_metrics=NO_GROUPS,
            rejected_rows=REJECTED,
        )

    assert str(caught.value) == (
        "there is no MLflow run to log to: remove 'data_science', 'tournament' and "
        "'__default__' from tracking.disable_tracking.pipelines in mlflow.yml"
    )


def test_log_training_when_a_metric_is_nan_then_the_models_file_is_json_all_the_same(
    store: str, contract: Contract
) -> None:
    with start_run():
        logged = log_training(
            model=constant(105),
            contract=contract,
            domain=Domain(),
            metrics={"rmse": 5.25, "r2": math.nan},  # one holdout row has no r2
            lineage=Lineage(),
            figures={},
            group_metrics=NO_GROUPS,
            rejected_rows=REJECTED,
        )
    path = Path(download_artifacts(logged.model_uri)) / "extra_files" / "metrics.json"

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    json.loads(path.read_text(), parse_constant=refuse)


def test_log_model_when_it_is_all_there_is_then_the_run_and_the_model_hold_it(
    store: str, contract: Contract
) -> None:
    with start_run():
        logged = log_model(
            model=constant(105),
            contract=contract,
            domain=Domain(),
            metrics={"rmse": 5.25},
            lineage=Lineage.model_validate({"git_commit": "abc"}),
        )

    run = MlflowClient().get_run(logged.run_id).data
    assert (run.metrics, run.tags["git_commit"]) == ({"rmse": 5.25}, "abc")
    assert json.loads(artifact(logged, "lineage.json")) == {"git_commit": "abc"}
    assert model_file(logged, "extra_files/metrics.json") == {"rmse": 5.25}
    assert Contract.model_validate(model_file(logged, "extra_files/contract.json")) == contract


def test_log_model_when_there_is_no_run_then_says_what_to_do(
    store: str, contract: Contract
) -> None:
    with pytest.raises(UserError, match=r"^there is no MLflow run to log to"):
        log_model(
            model=constant(105),
            contract=contract,
            domain=Domain(),
            metrics={"rmse": 5.25},
            lineage=Lineage(),
        )


# --- Every estimator comes back ------------------------------------------------------

ROWS = pd.DataFrame({"experience_years": np.linspace(1, 40, 60), "rank": [1.0, 2.0, np.nan] * 20})
SALARIES = 30000 + 9000 * ROWS["experience_years"] + 700 * (ROWS.index % 11)


@pytest.fixture(params=MODEL_NAMES)
def model(request: pytest.FixtureRequest, two_features: Contract) -> Pipeline:
    """Each of the estimators, fitted."""
    name: ModelName = request.param
    return build_pipeline(two_features, name, QUICK.get(name, {}), 234).fit(ROWS, SALARIES)


@pytest.fixture
def two_features(contract: Contract) -> Contract:
    """The default contract, and an optional feature more."""
    rank = contract_of(column("rank", minimum=1, maximum=3, example=2, required=False))
    return contract.model_copy(update={"features": contract.features + rank.features})


def test_logged_model_when_loaded_from_mlflow_then_predicts_the_same(
    store: str, model: Pipeline, two_features: Contract
) -> None:
    loaded = mlflow.pyfunc.load_model(log(model, two_features).model_uri)

    answered = loaded.predict(ROWS)["salary"]
    np.testing.assert_allclose(answered, model.predict(ROWS), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_logged_model_when_loaded_from_its_bundle_then_predicts_the_same(
    store: str, model: Pipeline, two_features: Contract, tmp_path: Path
) -> None:
    registry, bundles = own_registry(), BundleStore(tmp_path / "bundles")
    register(log(model, two_features))
    promote_by_hand(registry, 1, "to package it")

    bundle = bundles.load(export_production(registry, bundles))

    rows = ROWS.astype(object).where(ROWS.notna(), None).to_numpy().tolist()
    np.testing.assert_allclose(bundle.predict(rows), model.predict(ROWS), rtol=1e-9)


def test_logged_model_when_it_is_logged_then_no_compiled_code_lies_in_it(
    store: str, contract: Contract
) -> None:
    register(log(constant(1), contract))

    files = {path.name for path in own_registry().model_folder(1).rglob("*")}

    assert "pyfunc.py" in files
    assert not [name for name in files if name == "__pycache__" or name.endswith(".pyc")]
