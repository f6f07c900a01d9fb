"""From training and holdout rows to a registered version."""

import dataclasses
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from sklearn.pipeline import Pipeline

from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.card import parse_card
from salary_kedro.bundle.runtime.agreement import make_runtime
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.modelling.baseline import baseline_metrics
from salary_kedro.modelling.evaluation import (
    cross_validation_metrics,
    holdout_metrics,
    predict_out_of_fold,
)
from salary_kedro.modelling.folding import fold_rows
from salary_kedro.modelling.importance import IMPORTANCE_COLUMNS
from salary_kedro.modelling.names import ModelName
from salary_kedro.pipelines.data_engineering.nodes import (
    clean_salaries,
    split_salaries,
    validate_salaries,
)
from salary_kedro.pipelines.data_science.nodes import (
    archive_model,
    calibrate_intervals,
    cross_validate,
    evaluate_model,
    fit_model,
    log_run,
    plot_model,
    register_version,
    report_model,
    score_fit,
    score_groups,
    score_inputs,
    score_intervals,
    show_groups,
)
from salary_kedro.project.parameters import (
    CrossValidation,
    DataEngineering,
    DataScience,
    PlotSettings,
    TrainedBy,
    parameters_lineage,
)
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.tracking import LoggedModel
from salary_kedro.tables.fingerprint import fingerprint
from samples import category, column, constant, contract_of, raw_salaries, straight_line
from stores import NO_GROUPS, Models, log, own_registry, start_run, tags

SPLIT = DataEngineering(train_size=0.7, random_state=234)


def exact(split: "Split") -> pd.DataFrame:
    """Two folds; cross-validation is not what is looked at there."""
    known = {"repeat": [0, 0], "fold": [0, 1], "actual": [1.0, 2], "predicted": [1.0, 2]}
    return pd.DataFrame({**known, "train_sha256": split.record["train_sha256"]})


@dataclasses.dataclass(frozen=True)
class Split:
    """Training and holdout rows, and how they came to be."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    record: dict[str, Any]
    keys: pd.DataFrame


@pytest.fixture
def split(contract: Contract) -> Split:
    """The project's own data, split by the default parameters."""
    valid, rejected, keys, prints, _ = validate_salaries(raw_salaries(), contract)
    salaries = clean_salaries(valid, rejected, contract)
    return Split(*split_salaries(salaries, keys, prints, contract, SPLIT), keys)


def parameters(model: ModelName = "linear_regression", **settings: object) -> DataScience:
    return DataScience(
        model=model,
        random_state=234,
        cross_validation=CrossValidation(folds=5, repeats=1),
        hyperparameters={model: settings},
    )


METRICS = {"rmse": 1.0, "baseline_mean_rmse": 2.0, "baseline_median_rmse": 3.0}
NO_IMPORTANCES = pd.DataFrame(columns=[*IMPORTANCE_COLUMNS])

# --- Fitting and evaluating ---------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "rmse"),
    [
        ("linear_regression", 6311.262456108905),
        ("decision_tree", 6302.016142341539),
        ("random_forest", 5181.9071538939115),
    ],
)
def test_evaluate_when_a_model_is_fitted_on_the_default_data_then_has_the_known_rmse(
    model: ModelName, rmse: float, split: Split, contract: Contract
) -> None:
    fitted = fit_model(split.train, contract, parameters(model))

    found = evaluate_model(
        fitted, split.train, split.holdout, exact(split), split.record, {}, contract
    )

    assert found["rmse"] == pytest.approx(rmse, rel=1e-9)


def test_evaluate_when_done_then_scores_the_holdout_and_cross_validates_the_training_rows(
    split: Split, contract: Contract
) -> None:
    fitted = fit_model(split.train, contract, parameters())

    out_of_fold = cross_validate(fitted, split.train, split.record, contract, parameters())
    sure = calibrate_intervals(out_of_fold, split.train, split.record, contract, parameters())
    scores = score_intervals(fitted, split.holdout, split.record, sure, contract)
    found = evaluate_model(
        fitted, split.train, split.holdout, out_of_fold, split.record, scores, contract
    )

    assert found == {
        **holdout_metrics(fitted, split.holdout, contract),
        **cross_validation_metrics(
            predict_out_of_fold(
                fitted,
                split.train,
                contract,
                fold_rows(split.train, SPLIT, folds=5, repeats=1, random_state=234),
            )
        ),
        "interval_coverage": scores["intervals"]["coverage"]["share"],
        "interval_mean_width": scores["intervals"]["mean_width"],
        "percentile_ks": scores["percentiles"]["ks"],
        **baseline_metrics(split.train, split.holdout, contract),
    }
    assert scores["intervals"]["coverage"]["rows"] == 12
    assert len(found) == 12


def test_cross_validate_when_equal_rows_stay_together_then_no_fold_has_seen_them(
    contract: Contract,
) -> None:
    years = np.repeat(np.arange(20.0), 2)
    pay = 40_000 + 1_000 * np.random.default_rng(5).permutation(20)
    rows = pd.DataFrame({"experience_years": years, "salary": np.repeat(pay, 2)})
    tree = fit_model(rows, contract, parameters("decision_tree"))
    halves = {"data_sha256": "", "data_method": "", "train_sha256": "", "holdout_sha256": ""}

    found = {}
    for repeats in ("together", "apart"):
        how = SPLIT.model_copy(update={"repeats": repeats}).model_dump(mode="json")
        split = {**halves, "parameters": how}
        out_of_fold = cross_validate(tree, rows, split, contract, parameters("decision_tree"))
        found[repeats] = cross_validation_metrics(out_of_fold)["cv_rmse_mean"]

    assert found["apart"] < found["together"] / 2  # the tree has most twins by heart


def test_calibrate_when_done_then_the_result_is_plain_json(
    split: Split, contract: Contract
) -> None:
    fitted = fit_model(split.train, contract, parameters())
    out_of_fold = cross_validate(fitted, split.train, split.record, contract, parameters())

    found = calibrate_intervals(out_of_fold, split.train, split.record, contract, parameters())

    assert (found["confidence"], found["rows"], found["reason"]) == (0.9, 28, "")
    assert json.loads(json.dumps(found)) == json.loads(Calibration(**found).model_dump_json())


def test_fit_when_hyperparameters_are_given_then_the_model_has_those_of_its_name(
    split: Split, contract: Contract
) -> None:
    given = DataScience(
        model="decision_tree",
        random_state=234,
        cross_validation=CrossValidation(folds=5, repeats=1),
        hyperparameters={"decision_tree": {"max_depth": 1}, "ridge": {"alpha": 9}},
    )

    fitted = fit_model(split.train, contract, given)

    assert fitted.named_steps["model"].get_depth() == 1


def test_fit_when_called_then_leaves_the_rows_as_they_were(
    split: Split, contract: Contract
) -> None:
    before = split.train.copy(deep=True)

    fit_model(split.train, contract, parameters())

    pd.testing.assert_frame_equal(split.train, before)


def test_fit_when_the_rows_come_in_another_order_then_finds_the_same_line(
    split: Split, contract: Contract
) -> None:
    forwards = fit_model(split.train, contract, parameters())
    backwards = fit_model(split.train[::-1], contract, parameters())

    features = split.holdout[["experience_years"]]
    np.testing.assert_allclose(forwards.predict(features), backwards.predict(features), rtol=1e-12)


def test_plot_when_done_then_gives_six_pictures(split: Split, contract: Contract) -> None:
    fitted = fit_model(split.train, contract, parameters())
    fit = score_fit(fitted, split.holdout, split.record, contract, parameters())

    pictures = plot_model(
        fitted, split.train, split.holdout, split.record, {}, fit, METRICS, contract, parameters()
    )

    assert len(set(pictures)) == 6
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


def test_score_groups_when_nothing_is_audited_then_the_report_is_empty(
    split: Split, contract: Contract
) -> None:
    nothing = pd.DataFrame()
    found = score_groups(constant(5), nothing, nothing, nothing, {}, {}, contract, parameters())

    assert found["groups"] is None
    assert show_groups(found).empty


def test_score_groups_when_a_column_is_audited_then_all_rows_are_scored_and_drawn(
    split: Split, contract: Contract
) -> None:
    sex = category("sex", ["f", "m"], use="audit")
    audited = contract_of(column("experience_years"), sex)
    train, holdout = (
        rows.assign(sex=pd.Categorical(["f", "m"] * (len(rows) // 2)))
        for rows in (split.train, split.holdout)
    )
    model = fit_model(train, audited, parameters())
    out_of_fold = cross_validate(model, train, split.record, audited, parameters())
    record = {**split.record, "train_sha256": fingerprint(train)}

    found = score_groups(model, train, holdout, out_of_fold, record, {}, audited, parameters())
    table = show_groups(found)

    assert table[["group", "rows"]].to_numpy().tolist() == [["f", 20], ["m", 20]]
    report = report_model(METRICS, train, {}, found, {}, {}, audited)
    assert report["groups"] == found["groups"]
    assert report["baseline"] == {
        "rmse": 1.0,
        "mean_rmse": 2.0,
        "median_rmse": 3.0,
        "median_by": None,
    }


@pytest.mark.parametrize("lost", [*METRICS])
def test_report_when_a_figure_of_the_baseline_is_not_finite_then_leaves_it_out(
    lost: str, split: Split, contract: Contract
) -> None:
    metrics = {**METRICS, lost: math.inf}

    assert report_model(metrics, split.train, {}, {}, {}, {}, contract)["baseline"] is None


@pytest.mark.parametrize("reader", ["intervals", "metrics", "groups"])
def test_out_of_fold_when_it_is_of_other_training_rows_then_nobody_reads_it(
    reader: str, split: Split
) -> None:
    sex = category("sex", ["f", "m"], use="audit")
    audited = contract_of(column("experience_years"), sex)
    model = fit_model(split.train, audited, parameters())
    old = cross_validate(model, split.train[1:], split.record, audited, parameters())
    halves = (model, split.train, split.holdout, old, split.record, {}, audited)
    read = {
        "intervals": lambda: calibrate_intervals(
            old, split.train, split.record, audited, parameters()
        ),
        "metrics": lambda: evaluate_model(*halves),
        "groups": lambda: score_groups(*halves, parameters()),
    }

    with pytest.raises(UserError, match=r"of other training rows.*again from the node cross_val"):
        read[reader]()


def test_out_of_fold_when_an_older_release_made_it_then_it_is_made_anew(
    split: Split, contract: Contract
) -> None:
    old = exact(split).drop(columns="train_sha256")

    with pytest.raises(UserError, match="run again from the node cross_validate"):
        calibrate_intervals(old, split.train, split.record, contract, parameters())


def test_score_inputs_when_done_then_tells_of_each_input_in_both_ways(
    split: Split, contract: Contract
) -> None:
    model = fit_model(split.train, contract, parameters())

    scores, table = score_inputs(model, split.holdout, contract, parameters())

    assert table["input"].tolist() == ["experience_years"]
    assert scores["importance"]["inputs"] == table.to_dict(orient="records")


def test_score_inputs_when_there_are_several_then_ranks_them(
    split: Split, contract: Contract
) -> None:
    several = contract_of(column("experience_years"), column("luck"))
    train, holdout = (
        rows.assign(luck=np.arange(len(rows)) % 5 + 0.0) for rows in (split.train, split.holdout)
    )
    model = fit_model(train, several, parameters())

    _, table = score_inputs(model, holdout, several, parameters())

    assert table["input"].tolist() == ["experience_years", "luck"]


@pytest.mark.parametrize(("is_public", "points"), [(True, 12), (False, 0)])
def test_score_fit_when_the_table_is_public_then_tells_of_single_rows(
    is_public: bool, points: int, split: Split, contract: Contract
) -> None:
    model = fit_model(split.train, contract, parameters())
    digest = split.record["data_sha256"] if is_public else "0" * 64
    public = parameters().model_copy(update={"plots": PlotSettings(public_data=(digest,))})

    found = score_fit(model, split.holdout, split.record, contract, public)

    assert len(found["fit"]["points"]) == points
    assert sum(cell["rows"] for cell in found["fit"]["cells"]) == 12
    assert report_model(METRICS, split.train, {}, {}, {}, found, contract)["fit"] == found["fit"]


# --- Logging, archiving, registering --------------------------------------------------


def out_of_fold(split: Split) -> pd.DataFrame:
    """Predictions of the training rows, each 1000 too low."""
    actual = split.train["salary"]
    whose = {"repeat": 0, "train_sha256": split.record["train_sha256"]}
    return pd.DataFrame({"actual": actual, "predicted": actual - 1000, **whose})


def log_a_run(split: Split, contract: Contract, model: Pipeline, science: DataScience) -> Any:
    """What the node says of a run that it has logged."""
    with start_run():
        return log_run(
            model=model,
            contract=contract,
            metrics={"rmse": 5.25},
            group_metrics=NO_GROUPS,
            importances=NO_IMPORTANCES,
            rejected_rows=pd.DataFrame({"line": [3], "reasons": ["Salary: missing"]}),
            code_lineage={"git_commit": "abc", "git_dirty": "false", "lock_sha256": "def"},
            train=split.train,
            holdout=split.holdout,
            out_of_fold=out_of_fold(split),
            split=split.record,
            row_keys=split.keys,
            row_secret=b"secret",
            calibration={},
            report={},
            parameters=science,
            residuals=b"a plot",
        )


def test_log_run_when_done_then_the_run_holds_metrics_counts_and_lineage(
    store: str, split: Split, contract: Contract
) -> None:
    science = parameters("ridge", alpha=0.5)
    trained_by = TrainedBy(data_engineering=SPLIT, data_science=science)

    logged = log_a_run(split, contract, constant(5), science)

    run = MlflowClient().get_run(logged["run_id"])
    assert logged["rmse"] == 5.25
    assert run.data.metrics == {
        "rmse": 5.25,
        "rows_train": 28.0,
        "rows_holdout": 12.0,
        "rows_rejected": 1.0,
    }
    lineage = Path(download_artifacts(run_id=logged["run_id"], artifact_path="lineage.json"))
    assert json.loads(lineage.read_text()) == {
        "git_commit": "abc",
        "git_dirty": "false",
        "lock_sha256": "def",
        "data_sha256": split.record["data_sha256"],
        "data_method": "table-1",
        **parameters_lineage(contract, trained_by),
    }
    plots = [item.path for item in MlflowClient().list_artifacts(logged["run_id"], "plots")]
    assert plots == ["plots/residuals.png"]


def test_log_run_when_the_model_has_arrays_then_they_were_compared_on_the_holdout_too(
    store: str, split: Split, contract: Contract
) -> None:
    line = straight_line(contract)
    without = json.loads(make_runtime(line, contract)["runtime.json"])["agreement"]["rows"]

    logged = log_a_run(split, contract, line, parameters("linear_regression"))

    path = Path(download_artifacts(logged["model_uri"])) / "extra_files" / "runtime.json"
    assert json.loads(path.read_bytes())["agreement"]["rows"] == without + len(split.holdout)


def test_log_run_when_done_then_the_profile_holds_the_models_own_predictions_of_the_holdout(
    store: str, split: Split, contract: Contract
) -> None:
    logged = log_a_run(split, contract, constant(5), parameters("linear_regression"))

    path = Path(download_artifacts(logged["model_uri"])) / "extra_files" / "profile.json"
    # all 12 are predicted alike, whatever models out of fold have predicted
    assert json.loads(path.read_bytes())["holdout_predictions"]["counts"] == [0, 12, 0]


def test_log_run_when_all_rows_are_of_four_people_then_the_profile_tells_nothing_of_them(
    store: str,
) -> None:
    whose = category("person", [*"abcd"], use="split", example="a")
    owned = contract_of(column("years", column="Experience Years"), whose)
    people = [*"abcd"] * (len(raw_salaries()) // 4)
    raw = raw_salaries().assign(Person=people)
    valid, rejected, keys, prints, _ = validate_salaries(raw, owned)
    salaries = clean_salaries(valid, rejected, owned)
    split = Split(*split_salaries(salaries, keys, prints, owned, SPLIT), keys)

    logged = log_a_run(split, owned, constant(5), parameters("linear_regression"))

    path = Path(download_artifacts(logged["model_uri"])) / "extra_files" / "profile.json"
    profile = json.loads(path.read_bytes())
    assert (profile["fields"], profile["holdout_predictions"]) == ({}, None)


def of_another_table(salaries: pd.DataFrame) -> tuple[pd.DataFrame, DataEngineering]:
    return salaries.assign(salary=salaries["salary"] + 1), SPLIT


def of_another_seed(salaries: pd.DataFrame) -> tuple[pd.DataFrame, DataEngineering]:
    return salaries, SPLIT.model_copy(update={"random_state": 1})


@pytest.mark.parametrize("changed", ["train", "holdout", "record"])
@pytest.mark.parametrize("other_of", [of_another_table, of_another_seed])
def test_log_run_when_train_and_holdout_are_not_of_one_split_then_is_refused(
    other_of: Callable[[pd.DataFrame], tuple[pd.DataFrame, DataEngineering]],
    changed: str,
    split: Split,
    contract: Contract,
) -> None:
    rows, how = other_of(pd.concat([split.train, split.holdout]).sort_index())
    prints = {**split.record, "rows_sha256": fingerprint(rows)}
    other = Split(*split_salaries(rows, split.keys, prints, contract, how), split.keys)
    mixed = dataclasses.replace(split, **{changed: getattr(other, changed)})

    with pytest.raises(UserError) as caught:
        log_run(
            model=constant(5),
            contract=contract,
            metrics={"rmse": 5.25},
            group_metrics=NO_GROUPS,
            importances=NO_IMPORTANCES,
            rejected_rows=pd.DataFrame({"line": [], "reasons": []}),
            code_lineage={},
            train=mixed.train,
            holdout=mixed.holdout,
            out_of_fold=out_of_fold(split),
            split=mixed.record,
            row_keys=split.keys,
            row_secret=b"secret",
            calibration={},
            report={},
            parameters=parameters(),
        )

    assert str(caught.value) == (
        "training and holdout rows come from different raw tables or splits: an earlier run "
        "was interrupted; run the pipeline data_engineering again"
    )


def test_archive_when_named_then_tells_rmse_model_and_date() -> None:
    model = constant(5)
    logged = LoggedModel(
        run_id="r",
        model_uri="models:/m-1",
        rmse=5181.9071538939115,
        logged_at=datetime(2026, 11, 23, 23, 59, tzinfo=UTC),
    )

    assert archive_model(model, logged, parameters("random_forest")) == {
        "5181.9072_random_forest_2026-11-23": model
    }


def test_register_when_done_then_the_version_is_in_staging(store: str, models: Models) -> None:
    found = register_version(models[5], parameters("ridge"), own_registry())

    assert found == {"version": 1, "run_id": models[5].run_id, "model": "ridge"}
    assert tags() == {1: {"staging": "5.0"}}


def test_register_when_it_was_killed_before_the_card_named_the_version_then_that_is_made_up_for(
    store: str, contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = log(constant(105), contract)
    with monkeypatch.context() as killed:
        killed.setattr(Registry, "name_on_run", lambda *_: None)
        register_version(logged, parameters("ridge"), own_registry())

    register_version(logged, parameters("ridge"), own_registry())

    (card,) = (parse_card(path.read_bytes()) for path in tmp_path.rglob("model_card.json"))
    assert card.model_version == 1


def test_register_when_the_run_has_logged_another_model_since_then_registers_that_once_too(
    store: str, models: Models
) -> None:
    again = models[3].model_copy(update={"run_id": models[5].run_id})

    numbers = [
        register_version(logged, parameters("ridge"), own_registry())["version"]
        for logged in (models[5], again, again, models[5])
    ]

    assert numbers == [1, 2, 2, 1]
    assert tags() == {1: {"staging": "5.0"}, 2: {"staging": "3.0"}}


def test_register_when_done_then_the_result_is_plain_json(store: str, models: Models) -> None:
    found = register_version(models[5], parameters("ridge"), own_registry())

    assert json.loads(json.dumps(found)) == found
