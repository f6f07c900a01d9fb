"""Compare the new version with production, and retag."""

from kedro.pipeline import Pipeline, node

from salary_kedro.pipelines.promotion.nodes import bring_into_line, promote_if_better

REGISTERED = {"registered_version": "registered_version", "registry": "registry"}


def create_pipeline() -> Pipeline:
    """Build the pipeline."""
    return Pipeline(
        [
            node(
                bring_into_line,
                inputs={"bundles": "bundles", **REGISTERED},
                outputs="production_before",
                name="bring_into_line",
            ),
            node(
                promote_if_better,
                inputs={
                    "production_before": "production_before",
                    "holdout": "holdout",
                    "row_keys": "row_keys",
                    "row_secret": "row_secret",
                    "split": "split",
                    "policy": "params:promotion",
                    "contract": "params:contract",
                    **REGISTERED,
                },
                outputs=["verdict", "production_moves"],
                name="promote_if_better",
            ),
        ]
    )
