"""The `packaging` pipeline."""

from salary_kedro.pipelines.packaging.pipeline import create_pipeline

__all__ = ["create_pipeline"]
