"""Ingest, validate, clean, split."""

from kedro.pipeline import Pipeline, node

from salary_kedro.pipelines.data_engineering.nodes import (
    clean_salaries,
    split_salaries,
    validate_salaries,
)
from salary_kedro.pipelines.data_engineering.parted_split import split_parts
from salary_kedro.pipelines.data_engineering.parts import clean_parts, validate_parts
from salary_kedro.pipelines.parted import either


def create_pipeline() -> Pipeline:
    """Build the pipeline."""
    return Pipeline(
        [
            node(
                either(validate_salaries, validate_parts),
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
                either(clean_salaries, clean_parts),
                inputs={
                    "valid_salaries": "valid_salaries",
                    "rejected_rows": "rejected_rows",
                    "contract": "params:contract",
                },
                outputs="salaries",
                name="clean_salaries",
            ),
            node(
                either(split_salaries, split_parts),
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
