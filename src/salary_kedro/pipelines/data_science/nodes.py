"""From training and holdout rows to a registered version."""

import math
from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline as Model

from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.lineage import Lineage
from salary_kedro.bundle.profile import Profile
from salary_kedro.bundle.report import Baseline, Report
from salary_kedro.bundle.runtime.agreement import make_runtime
from salary_kedro.contract import Contract
from salary_kedro.modelling import groups, plots
from salary_kedro.modelling.background import learn_background
from salary_kedro.modelling.baseline import BASELINES, baseline_metrics, strongest_category
from salary_kedro.modelling.calibration import calibrate
from salary_kedro.modelling.clusters import cluster_field, clusters_of
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import (
    Metrics,
    cross_validation_metrics,
    features_and_target,
    fit_weighted,
    holdout_metrics,
    predict_out_of_fold,
    weights_of,
)
from salary_kedro.modelling.folding import fold_rows
from salary_kedro.modelling.importance import importance_table, measure_importance
from salary_kedro.modelling.intervals import calibration_metrics, score_calibration
from salary_kedro.modelling.profile import learn_profile
from salary_kedro.project.parameters import (
    DataScience,
    Halves,
    TrainedBy,
    parameters_lineage,
)
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.tracking import LoggedModel, log_training
from salary_kedro.tables.fingerprint import fingerprint
from salary_kedro.tables.frames import encode_frame, encoded_columns, learn_domain
from salary_kedro.tables.trained_rows import RowPrints


def fit_model(train: pd.DataFrame, contract: Contract, parameters: DataScience) -> Model:
    """Fit the chosen estimator, preprocessing included, on the training rows."""
    features, target = features_and_target(train, contract)
    settings = parameters.hyperparameters.get(parameters.model, {})
    domain = learn_domain(train, contract)
    model = build_pipeline(contract, parameters.model, settings, parameters.random_state, domain)
    return fit_weighted(model, features, target, weights_of(train, contract))


def cross_validate(
    model: Model,
    train: pd.DataFrame,
    split: dict[str, Any],
    contract: Contract,
    parameters: DataScience,
) -> pd.DataFrame:
    """Predict the training rows by models that were fitted without them.

    They are folded as they were split.

    Returns:
        As `predict_out_of_fold`, and the rows' fingerprint as `train_sha256`.
    """
    folding = fold_rows(
        train,
        Halves.model_validate(split).parameters,
        folds=parameters.cross_validation.folds,
        repeats=parameters.cross_validation.repeats,
        random_state=parameters.random_state,
    )
    found = predict_out_of_fold(model, train, contract, folding)
    whose = pd.Categorical([fingerprint(train)] * len(found))
    return found.assign(train_sha256=whose)


def evaluate_model(
    model: Model,
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    out_of_fold: pd.DataFrame,
    split: dict[str, Any],
    interval_scores: dict[str, Any],
    contract: Contract,
) -> Metrics:
    """Score model, intervals and plain baselines on the holdout rows, the recipe across folds.

    Raises:
        UserError: If the predictions out of fold are of other rows.
    """
    Halves.model_validate(split).refuse_other_folds(out_of_fold)
    return {
        **holdout_metrics(model, holdout, contract),
        **cross_validation_metrics(out_of_fold),
        **calibration_metrics(Report.model_validate(interval_scores)),
        **baseline_metrics(train, holdout, contract),
    }


def calibrate_intervals(
    out_of_fold: pd.DataFrame,
    train: pd.DataFrame,
    split: dict[str, Any],
    contract: Contract,
    parameters: DataScience,
) -> dict[str, Any]:
    """Learn how sure the model is; the holdout rows have no part in it.

    Returns:
        The `Calibration` as plain JSON.

    Raises:
        UserError: If the predictions out of fold are of other rows.
    """
    halves = Halves.model_validate(split)
    halves.refuse_other_folds(out_of_fold)
    clusters = clusters_of(train, contract, halves.parameters)
    found = calibrate(out_of_fold, contract, parameters.intervals.confidence, clusters)
    return found.model_dump(mode="json")


def score_intervals(
    model: Model,
    holdout: pd.DataFrame,
    split: dict[str, Any],
    calibration: dict[str, Any],
    contract: Contract,
) -> dict[str, Any]:
    """Compare intervals and percentiles with the holdout rows.

    Returns:
        A `Report` of that alone, as plain JSON.
    """
    features, _ = features_and_target(holdout, contract)
    how_sure = Calibration.model_validate(calibration)
    clusters = clusters_of(holdout, contract, Halves.model_validate(split).parameters)
    found = score_calibration(model.predict(features), holdout, how_sure, contract, clusters)
    return found.model_dump(mode="json")


def score_groups(
    model: Model,
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    out_of_fold: pd.DataFrame,
    split: dict[str, Any],
    calibration: dict[str, Any],
    contract: Contract,
    parameters: DataScience,
) -> dict[str, Any]:
    """Score the model on each group that the audit columns make, on rows it had not seen.

    Returns:
        A `Report` of that alone, as plain JSON.

    Raises:
        UserError: If the predictions out of fold are of other rows.
    """
    if not contract.audits:
        return Report().model_dump(mode="json")
    halves = Halves.model_validate(split)
    halves.refuse_other_folds(out_of_fold)
    unseen = groups.unseen_rows(model, train, holdout, out_of_fold, contract, halves.parameters)
    how_sure = Calibration.model_validate(calibration)
    found = groups.score_groups(unseen, contract, how_sure, parameters.groups.min_rows)
    return Report(groups=found).model_dump(mode="json")


def show_groups(group_scores: dict[str, Any], contract: Contract) -> tuple[pd.DataFrame, bytes]:
    """Put the scores by group into a table, and draw the gaps."""
    found = Report.model_validate(group_scores).groups
    if found is None:
        nothing = plots.plot_nothing("no column is of use audit")
        return groups.group_table(groups.NO_GROUPS), plots.as_png(nothing)
    return groups.group_table(found), plots.as_png(plots.plot_pay_gaps(found, contract))


def score_inputs(
    model: Model, holdout: pd.DataFrame, contract: Contract, parameters: DataScience
) -> tuple[dict[str, Any], pd.DataFrame, bytes]:
    """Measure how much the error on the holdout rests on each input.

    Returns:
        A `Report` of that alone, as plain JSON; the same as a table; and drawn, as PNG, if
        there are several.
    """
    found = measure_importance(model, holdout, contract, parameters.random_state)
    if len(found.inputs) > 1:
        figure = plots.plot_importance(found, contract)
    else:
        figure = plots.plot_nothing("there is one input, and no other to compare it with")
    told = Report(importance=found).model_dump(mode="json")
    return told, importance_table(found), plots.as_png(figure)


def report_model(
    metrics: Metrics,
    train: pd.DataFrame,
    interval_scores: dict[str, Any],
    group_scores: dict[str, Any],
    input_scores: dict[str, Any],
    contract: Contract,
) -> dict[str, Any]:
    """Gather what was found out about the model.

    Returns:
        The `Report` as plain JSON.
    """
    sections = {
        "baseline": _baseline(metrics, train, contract),
        "groups": Report.model_validate(group_scores).groups,
        "importance": Report.model_validate(input_scores).importance,
    }
    report = Report.model_validate(interval_scores).model_copy(update=sections)
    return report.model_dump(mode="json")


def _baseline(metrics: Metrics, train: pd.DataFrame, contract: Contract) -> Baseline | None:
    rmse, mean, median = (metrics[name] for name in ("rmse", *BASELINES))
    if not all(map(math.isfinite, (rmse, mean, median))):
        return None
    by = strongest_category(train, contract)
    return Baseline(rmse=rmse, mean_rmse=mean, median_rmse=median, median_by=by)


def plot_model(
    model: Model,
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    calibration: dict[str, Any],
    interval_scores: dict[str, Any],
    input_scores: dict[str, Any],
    contract: Contract,
) -> tuple[bytes, ...]:
    """Draw predicted against actual, residuals, the fitted curve, and the coverage, as PNG."""
    how_sure = Calibration.model_validate(calibration)
    rests_on = Report.model_validate(input_scores).importance
    figures = (
        plots.plot_predicted_vs_actual(model, holdout, contract),
        plots.plot_residuals(model, holdout, contract),
        plots.plot_fitted_curve(model, train, holdout, contract, how_sure, rests_on),
        plots.plot_coverage(Report.model_validate(interval_scores).intervals),
    )
    return tuple(map(plots.as_png, figures))


def count_rows(train: pd.DataFrame, holdout: pd.DataFrame, rejected_rows: pd.DataFrame) -> Metrics:
    """Count the rows that a training rests on."""
    return {
        "rows_train": len(train),
        "rows_holdout": len(holdout),
        "rows_rejected": len(rejected_rows),
    }


def log_run(
    *,
    model: Model,
    contract: Contract,
    metrics: Metrics,
    group_metrics: pd.DataFrame,
    importances: pd.DataFrame,
    rejected_rows: pd.DataFrame,
    code_lineage: dict[str, str],
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    out_of_fold: pd.DataFrame,
    split: dict[str, Any],
    row_keys: pd.DataFrame,
    row_secret: bytes,
    calibration: dict[str, Any],
    report: dict[str, Any],
    parameters: DataScience,
    **figures: bytes,
) -> dict[str, Any]:
    """Log everything about the training to MLflow, before a version exists.

    Returns:
        The `LoggedModel`, as plain JSON: registration can go on from it in another run.

    Raises:
        UserError: If training and holdout rows are not halves of one split, or the predictions
            out of fold are of other rows.
    """
    halves = Halves.model_validate(split)
    halves.refuse_others(train=train, holdout=holdout, keys=row_keys)
    halves.refuse_other_folds(out_of_fold)
    unseen = encoded_columns(encode_frame(holdout, contract), contract)
    # Which are not today's parameters, if the rows were split before.
    group = cluster_field(train, contract, halves.parameters)
    trained_by = TrainedBy(data_engineering=halves.parameters, data_science=parameters)
    logged = log_training(
        model=model,
        contract=contract,
        domain=learn_domain(train, contract),
        metrics={**metrics, **count_rows(train, holdout, rejected_rows)},
        lineage=Lineage.model_validate(
            {
                **code_lineage,
                "data_sha256": halves.data_sha256,
                "data_method": halves.data_method,
                **parameters_lineage(contract, trained_by),
            }
        ),
        figures=figures,
        group_metrics=group_metrics,
        importances=importances,
        rejected_rows=rejected_rows,
        calibration=Calibration.model_validate(calibration),
        report=Report.model_validate(report),
        background=learn_background(train, contract),
        profile=_profile(model, train, holdout, out_of_fold, contract, halves),
        runtime=make_runtime(model, contract, unseen),
        trained_rows=RowPrints.of(train, row_keys, contract, row_secret, group).to_bytes(),
    )
    return logged.model_dump(mode="json")


def _profile(
    model: Model,
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    out_of_fold: pd.DataFrame,
    contract: Contract,
    halves: Halves,
) -> Profile:
    """What training rows, predictions of the holdout rows and errors are like."""
    whose = [clusters_of(rows, contract, halves.parameters) for rows in (train, holdout)]
    unseen = model.predict(features_and_target(holdout, contract)[0]) if len(holdout) else None
    return learn_profile(train, out_of_fold, contract, unseen, (whose[0], whose[1]))


def archive_model(
    model: Model, logged_model: dict[str, Any], parameters: DataScience
) -> dict[str, Model]:
    """Name the archive copy by RMSE, model and date."""
    logged = LoggedModel.model_validate(logged_model)
    date = logged.logged_at.date().isoformat()
    return {f"{logged.rmse:.4f}_{parameters.model}_{date}": model}


def register_version(
    logged_model: dict[str, Any], parameters: DataScience, registry: Registry
) -> dict[str, Any]:
    """Create the version, tagged `staging`, when all else is logged; or find it, if it is there.

    It is there if this run goes on from where another one has failed.
    """
    logged = LoggedModel.model_validate(logged_model)
    version = registry.version_of_run(logged.run_id, logged.model_uri) or registry.register(
        logged.model_uri, logged.run_id, logged.rmse
    )
    return {"version": version.number, "run_id": version.run_id, "model": parameters.model}
