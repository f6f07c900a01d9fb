"""Fit, evaluate, plot, log, register."""

from kedro.pipeline import Pipeline, node

from salary_kedro.pipelines.data_science.nodes import (
    archive_model,
    evaluate_model,
    fit_model,
    log_run,
    plot_model,
    register_version,
)


def create_pipeline() -> Pipeline:
    """Build the pipeline."""
    return Pipeline(
        [
            node(
                fit_model,
                inputs={
                    "train": "train",
                    "contract": "params:contract",
                    "parameters": "params:data_science",
                },
                outputs="model",
                name="fit_model",
            ),
            node(
                evaluate_model,
                inputs={
                    "model": "model",
                    "train": "train",
                    "holdout": "holdout",
                    "contract": "params:contract",
                    "parameters": "params:data_science",
                },
                outputs="metrics",
                name="evaluate_model",
            ),
            node(
                plot_model,
                inputs={
                    "model": "model",
                    "train": "train",
                    "holdout": "holdout",
                    "contract": "params:contract",
                },
                outputs=["predicted_vs_actual_plot", "residuals_plot", "fitted_curve_plot"],
                name="plot_model",
            ),
            node(
                log_run,
                inputs={
                    "model": "model",
                    "contract": "params:contract",
                    "metrics": "metrics",
                    "rejected_rows": "rejected_rows",
                    "code_lineage": "code_lineage",
                    "train": "train",
                    "holdout": "holdout",
                    "predicted_vs_actual": "predicted_vs_actual_plot",
                    "residuals": "residuals_plot",
                    "fitted_curve": "fitted_curve_plot",
                },
                outputs="logged_model",
                name="log_run",
            ),
            node(
                archive_model,
                inputs={
                    "model": "model",
                    "logged_model": "logged_model",
                    "parameters": "params:data_science",
                },
                outputs="model_archive",
                name="archive_model",
            ),
            node(
                register_version,
                inputs={
                    "logged_model": "logged_model",
                    "parameters": "params:data_science",
                    "registry": "params:registry",
                },
                outputs="registered_version",
                name="register_version",
            ),
        ]
    )
