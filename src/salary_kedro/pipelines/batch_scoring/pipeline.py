"""Score the rows of a file with the production model."""

from kedro.pipeline import Pipeline, node

from salary_kedro.pipelines.batch_scoring.nodes import load_production, score_rows
from salary_kedro.pipelines.batch_scoring.parts import score_parts
from salary_kedro.pipelines.parted import either


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
                either(score_rows, score_parts),
                inputs={
                    "rows_to_score": "rows_to_score",
                    "scored_rows": "scored_rows",
                    "production": "production",
                    "parameters": "params:batch_scoring",
                },
                outputs="scoring_report",
                name="score_rows",
            ),
        ]
    )
