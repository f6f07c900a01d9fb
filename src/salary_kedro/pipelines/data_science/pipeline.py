"""Fit, evaluate, plot, log, register."""

from collections.abc import Mapping
from types import MappingProxyType

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
    score_fit,
    score_groups,
    score_inputs,
    score_intervals,
    show_groups,
)
from salary_kedro.pipelines.parted import in_memory

CONTRACT = {"contract": "params:contract"}
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


def create_pipeline(
    parameters: str = "params:data_science", figures: Mapping[str, str] = MappingProxyType({})
) -> Pipeline:
    """Build the pipeline.

    Args:
        parameters: The dataset that holds which model is trained, and how.
        figures: Plots to log beside those of the model, by name: their datasets.
    """
    by = {"parameters": parameters}
    return Pipeline(
        [*_train(by), *_evaluate(), *_examine(by), *_show(by), *_record(by, {**FIGURES, **figures})]
    )


def _train(by: dict[str, str]) -> list[Node]:
    """Fit the model, and learn from models that have not seen a row how sure it is."""
    return [
        node(
            fit_model,
            inputs={"train": "train", **CONTRACT, **by},
            outputs="model",
            name="fit_model",
        ),
        node(
            cross_validate,
            inputs={"model": "model", "train": "train", "split": "split", **CONTRACT, **by},
            outputs="out_of_fold",
            name="cross_validate",
        ),
        node(
            calibrate_intervals,
            inputs={"train": "train", **UNSEEN, **CONTRACT, **by},
            outputs="calibration",
            name="calibrate_intervals",
        ),
    ]


def _evaluate() -> list[Node]:
    """Score the model, and its intervals, on rows that it has not seen."""
    return [
        node(
            in_memory(score_intervals),
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
            in_memory(evaluate_model),
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


def _examine(by: dict[str, str]) -> list[Node]:
    """Score the same by group of people, and by what each input tells."""
    return [
        node(
            in_memory(score_groups),
            inputs={
                "model": "model",
                "calibration": "calibration",
                **UNSEEN,
                **ROWS,
                **CONTRACT,
                **by,
            },
            outputs="group_scores",
            name="score_groups",
        ),
        node(
            in_memory(score_inputs),
            inputs={"model": "model", "holdout": "holdout", **CONTRACT, **by},
            outputs=["input_scores", "importances"],
            name="score_inputs",
        ),
        node(
            in_memory(score_fit),
            inputs={
                "model": "model",
                "holdout": "holdout",
                "split": "split",
                **CONTRACT,
                **by,
            },
            outputs="fit_scores",
            name="score_fit",
        ),
    ]


def _show(by: dict[str, str]) -> list[Node]:
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
                "fit_scores": "fit_scores",
                **CONTRACT,
            },
            outputs="report",
            name="report_model",
        ),
        node(
            show_groups,
            inputs={"group_scores": "group_scores"},
            outputs="group_metrics",
            name="show_groups",
        ),
        node(
            in_memory(plot_model),
            inputs={
                "model": "model",
                "split": "split",
                "calibration": "calibration",
                "report": "report",
                "metrics": "metrics",
                **ROWS,
                **CONTRACT,
                **by,
            },
            outputs=[*FIGURES.values()],
            name="plot_model",
        ),
    ]


def _record(by: dict[str, str], figures: dict[str, str]) -> list[Node]:
    """Log the run, and register the version."""
    return [
        node(
            in_memory(log_run),
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
                **figures,
                **ROWS,
                **CONTRACT,
                **by,
            },
            outputs="logged_model",
            name="log_run",
        ),
        node(
            archive_model,
            inputs={"model": "model", "logged_model": "logged_model", **by},
            outputs="model_archive",
            name="archive_model",
        ),
        node(
            register_version,
            inputs={"logged_model": "logged_model", "registry": "registry", **by},
            outputs="registered_version",
            name="register_version",
        ),
    ]
