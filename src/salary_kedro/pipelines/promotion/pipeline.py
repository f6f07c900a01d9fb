"""Compare the new version with production, and retag."""

from kedro.pipeline import Pipeline, node

from salary_kedro.pipelines.promotion.nodes import promote_if_better


def create_pipeline() -> Pipeline:
    """Build the pipeline."""
    return Pipeline(
        [
            node(
                promote_if_better,
                inputs={
                    "registered_version": "registered_version",
                    "holdout": "holdout",
                    "registry": "params:registry",
                },
                outputs="verdict",
                name="promote_if_better",
            )
        ]
    )
