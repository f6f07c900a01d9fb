"""From training and holdout rows to a registered version."""

import math
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline as Model

from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.lineage import Lineage
from salary_kedro.bundle.profile import Profile
from salary_kedro.bundle.report import Baseline, Fit, Report
from salary_kedro.bundle.runtime.agreement import make_runtime
from salary_kedro.contract import Contract
from salary_kedro.modelling import groups, plots, style
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
from salary_kedro.modelling.fit import learn_fit
from salary_kedro.modelling.folding import fold_rows
from salary_kedro.modelling.importance import importance_table, measure_importance
from salary_kedro.modelling.intervals import calibration_metrics, score_calibration
from salary_kedro.modelling.profile import learn_profile
from salary_kedro.project.parameters import (
    DataScience,
    Halves,
    TrainedBy,
    WinningParameters,
    parameters_lineage,
)
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.searches import refuse_other_run
from salary_kedro.registry.tracking import LoggedModel, log_training
from salary_kedro.tables.fingerprint import fingerprint
from salary_kedro.tables.frames import encode_frame, encoded_columns, learn_domain
from salary_kedro.tables.trained_rows import RowPrints


def fit_model(train: pd.DataFrame, contract: Contract, parameters: DataScience) -> Model:
    """Fit the chosen estimator, preprocessing included, on the training rows.

    Raises:
        UserError: If a tournament has chosen it on other rows, or in another MLflow run.
    """
    if isinstance(parameters, WinningParameters):
        parameters.refuse_other_rows(train)
        refuse_other_run(parameters.run_id)
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
        repeats=parameters.cross_validation.repeats_of(len(train)),
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


def show_groups(group_scores: dict[str, Any]) -> pd.DataFrame:
    """Put the scores by group into a table."""
    return groups.group_table(Report.model_validate(group_scores).groups or groups.NO_GROUPS)


def score_inputs(
    model: Model, holdout: pd.DataFrame, contract: Contract, parameters: DataScience
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Measure how much the error on the holdout rests on each input.

    Returns:
        A `Report` of that alone, as plain JSON; and the same as a table.
    """
    found = measure_importance(model, holdout, contract, parameters.random_state)
    return Report(importance=found).model_dump(mode="json"), importance_table(found)


def score_fit(
    model: Model,
    holdout: pd.DataFrame,
    split: dict[str, Any],
    contract: Contract,
    parameters: DataScience,
) -> dict[str, Any]:
    """Count the holdout rows by predicted and actual target; single ones only of a public table.

    Returns:
        A `Report` of that alone, as plain JSON.
    """
    features, _ = features_and_target(holdout, contract)
    halves = Halves.model_validate(split)
    found = learn_fit(
        model.predict(features),
        holdout,
        contract,
        clusters_of(holdout, contract, halves.parameters),
        min_rows=parameters.groups.min_rows,
        is_public=halves.data_sha256 in parameters.plots.public_data,
    )
    return Report(fit=found).model_dump(mode="json")


def report_model(
    metrics: Metrics,
    train: pd.DataFrame,
    interval_scores: dict[str, Any],
    group_scores: dict[str, Any],
    input_scores: dict[str, Any],
    fit_scores: dict[str, Any],
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
        "fit": Report.model_validate(fit_scores).fit,
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
    split: dict[str, Any],
    calibration: dict[str, Any],
    report: dict[str, Any],
    metrics: Metrics,
    contract: Contract,
    parameters: DataScience,
) -> tuple[bytes, ...]:
    """Draw what was found out, as PNG.

    Returns:
        Predicted against actual, residuals, the curves, the coverage, the pay gaps and the
        importance.
    """
    found, how_sure = Report.model_validate(report), Calibration.model_validate(calibration)
    subject = style.Subject(
        parameters.model, metrics["rmse"], len(holdout), contract.target.unit or ""
    )
    fit = found.fit or Fit(rows=0, min_rows=1, withheld=0, cells=(), bands=())
    rows = _rows_to_draw(train, holdout, split, contract, parameters)
    return tuple(
        style.as_png(figure)
        for figure in (
            plots.plot_predicted_vs_actual(fit, how_sure, contract, subject),
            plots.plot_residuals(fit, how_sure, contract, subject),
            plots.plot_curves(model.predict, rows, contract, how_sure, subject, found.importance),
            plots.plot_coverage(found.intervals, subject),
            plots.plot_pay_gaps(found.groups, contract, subject),
            plots.plot_importance(found.importance, contract, subject),
        )
    )


def _rows_to_draw(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    split: dict[str, Any],
    contract: Contract,
    parameters: DataScience,
) -> plots.DrawnRows:
    halves, rows = Halves.model_validate(split), pd.concat([train, holdout])
    whose = clusters_of(rows, contract, halves.parameters)
    return plots.DrawnRows(
        rows=rows,
        whose=np.arange(len(rows)) if whose is None else whose,
        min_people=max(parameters.groups.min_rows, groups.MIN_GROUP_ROWS),
        is_public=halves.data_sha256 in parameters.plots.public_data,
    )


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
            out of fold are of other rows; or if a tournament is logged in another MLflow run.
    """
    if isinstance(parameters, WinningParameters):
        refuse_other_run(parameters.run_id)
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
    version = registry.version_of_run(logged.run_id, logged.model_uri)
    if version is None:
        version = registry.register(logged.model_uri, logged.run_id, logged.rmse)
    else:
        registry.name_on_run(version, logged.rmse)  # which that run may not have come to
    return {"version": version.number, "run_id": version.run_id, "model": parameters.model}
