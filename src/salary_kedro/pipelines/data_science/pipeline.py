"""Fit, evaluate, plot, log, register."""

from kedro.pipeline import Node, Pipeline, node

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
    score_groups,
    score_inputs,
    score_intervals,
    show_groups,
)

CONTRACT = {"contract": "params:contract"}
PARAMETERS = {"parameters": "params:data_science"}
ROWS = {"train": "train", "holdout": "holdout"}
FIGURES = {
    "predicted_vs_actual": "predicted_vs_actual_plot",
    "residuals": "residuals_plot",
    "fitted_curve": "fitted_curve_plot",
    "coverage": "coverage_plot",
    "pay_gaps": "pay_gaps_plot",
    "importance": "importance_plot",
}
UNSEEN = {"out_of_fold": "out_of_fold", "split": "split"}


def create_pipeline() -> Pipeline:
    """Build the pipeline."""
    return Pipeline([*_train(), *_evaluate(), *_examine(), *_show(), *_record()])


def _train() -> list[Node]:
    """Fit the model, and learn from models that have not seen a row how sure it is."""
    return [
        node(
            fit_model,
            inputs={"train": "train", **CONTRACT, **PARAMETERS},
            outputs="model",
            name="fit_model",
        ),
        node(
            cross_validate,
            inputs={"model": "model", "train": "train", "split": "split", **CONTRACT, **PARAMETERS},
            outputs="out_of_fold",
            name="cross_validate",
        ),
        node(
            calibrate_intervals,
            inputs={"train": "train", **UNSEEN, **CONTRACT, **PARAMETERS},
            outputs="calibration",
            name="calibrate_intervals",
        ),
    ]


def _evaluate() -> list[Node]:
    """Score the model, and its intervals, on rows that it has not seen."""
    return [
        node(
            score_intervals,
            inputs={
                "model": "model",
                "holdout": "holdout",
                "split": "split",
                "calibration": "calibration",
                **CONTRACT,
            },
            outputs="interval_scores",
            name="score_intervals",
        ),
        node(
            evaluate_model,
            inputs={
                "model": "model",
                "interval_scores": "interval_scores",
                **UNSEEN,
                **ROWS,
                **CONTRACT,
            },
            outputs="metrics",
            name="evaluate_model",
        ),
    ]


def _examine() -> list[Node]:
    """Score the same by group of people, and by what each input tells."""
    return [
        node(
            score_groups,
            inputs={
                "model": "model",
                "calibration": "calibration",
                **UNSEEN,
                **ROWS,
                **CONTRACT,
                **PARAMETERS,
            },
            outputs="group_scores",
            name="score_groups",
        ),
        node(
            score_inputs,
            inputs={"model": "model", "holdout": "holdout", **CONTRACT, **PARAMETERS},
            outputs=["input_scores", "importances", "importance_plot"],
            name="score_inputs",
        ),
    ]


def _show() -> list[Node]:
    """Put what was found into a report, tables and plots."""
    return [
        node(
            report_model,
            inputs={
                "metrics": "metrics",
                "train": "train",
                "interval_scores": "interval_scores",
                "group_scores": "group_scores",
                "input_scores": "input_scores",
                **CONTRACT,
            },
            outputs="report",
            name="report_model",
        ),
        node(
            show_groups,
            inputs={"group_scores": "group_scores", **CONTRACT},
            outputs=["group_metrics", "pay_gaps_plot"],
            name="show_groups",
        ),
        node(
            plot_model,
            inputs={
                "model": "model",
                "calibration": "calibration",
                "interval_scores": "interval_scores",
                "input_scores": "input_scores",
                **ROWS,
                **CONTRACT,
            },
            outputs=[
                "predicted_vs_actual_plot",
                "residuals_plot",
                "fitted_curve_plot",
                "coverage_plot",
            ],
            name="plot_model",
        ),
    ]


def _record() -> list[Node]:
    """Log the run, and register the version."""
    return [
        node(
            log_run,
            inputs={
                "model": "model",
                "metrics": "metrics",
                "group_metrics": "group_metrics",
                "importances": "importances",
                "rejected_rows": "rejected_rows",
                "code_lineage": "code_lineage",
                **UNSEEN,
                "row_keys": "row_keys",
                "row_secret": "row_secret",
                "calibration": "calibration",
                "report": "report",
                **FIGURES,
                **ROWS,
                **CONTRACT,
                **PARAMETERS,
            },
            outputs="logged_model",
            name="log_run",
        ),
        node(
            archive_model,
            inputs={"model": "model", "logged_model": "logged_model", **PARAMETERS},
            outputs="model_archive",
            name="archive_model",
        ),
        node(
            register_version,
            inputs={"logged_model": "logged_model", "registry": "registry", **PARAMETERS},
            outputs="registered_version",
            name="register_version",
        ),
    ]
