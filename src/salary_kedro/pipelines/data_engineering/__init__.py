"""The `data_engineering` pipeline."""

from salary_kedro.pipelines.data_engineering.pipeline import create_pipeline

__all__ = ["create_pipeline"]
