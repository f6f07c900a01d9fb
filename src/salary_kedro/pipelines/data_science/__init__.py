"""The `data_science` pipeline."""

from salary_kedro.pipelines.data_science.pipeline import create_pipeline

__all__ = ["create_pipeline"]
