"""Compare logged requests with the training rows, true salaries and a challenger."""

from kedro.pipeline import Pipeline, node

from salary_kedro.pipelines.batch_scoring.nodes import load_production
from salary_kedro.pipelines.monitoring.nodes import (
    measure_drift,
    measure_errors,
    report_monitoring,
    shadow_challenger,
)

PARAMETERS = {"parameters": "params:monitoring"}
COMPARED = {"requests": "requests", "production": "production"}


def create_pipeline() -> Pipeline:
    """Build the pipeline."""
    return Pipeline(
        [
            node(
                load_production,
                inputs={"bundles": "bundles", "registry": "registry"},
                outputs="production",
                name="load_production",
            ),
            node(
                measure_errors,
                inputs={**COMPARED, "true_salaries": "true_salaries", **PARAMETERS},
                outputs="errors_since",
                name="measure_errors",
            ),
            node(
                measure_drift,
                inputs={**COMPARED, "errors_since": "errors_since", **PARAMETERS},
                outputs="drift",
                name="measure_drift",
            ),
            node(
                shadow_challenger,
                inputs={**COMPARED, "registry": "registry", "drift": "drift", **PARAMETERS},
                outputs="shadow",
                name="shadow_challenger",
            ),
            node(
                report_monitoring,
                inputs={
                    "production": "production",
                    "drift": "drift",
                    "errors_since": "errors_since",
                    "shadow": "shadow",
                    **PARAMETERS,
                },
                outputs=["monitoring_report", "monitoring_page"],
                name="report_monitoring",
            ),
        ]
    )
