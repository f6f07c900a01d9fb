"""Ingest, validate, clean, split."""

from kedro.pipeline import Pipeline, node

from salary_kedro.pipelines.data_engineering.nodes import (
    clean_salaries,
    split_salaries,
    validate_salaries,
)


def create_pipeline() -> Pipeline:
    """Build the pipeline."""
    return Pipeline(
        [
            node(
                validate_salaries,
                inputs={"raw_salaries": "raw_salaries", "contract": "params:contract"},
                outputs=[
                    "valid_salaries",
                    "rejected_rows",
                    "row_keys",
                    "data_fingerprint",
                    "row_counts",
                ],
                name="validate_salaries",
            ),
            node(
                clean_salaries,
                inputs={
                    "valid_salaries": "valid_salaries",
                    "rejected_rows": "rejected_rows",
                    "contract": "params:contract",
                },
                outputs="salaries",
                name="clean_salaries",
            ),
            node(
                split_salaries,
                inputs={
                    "salaries": "salaries",
                    "row_keys": "row_keys",
                    "data_fingerprint": "data_fingerprint",
                    "contract": "params:contract",
                    "parameters": "params:data_engineering",
                },
                outputs=["train", "holdout", "split"],
                name="split_salaries",
            ),
        ]
    )
