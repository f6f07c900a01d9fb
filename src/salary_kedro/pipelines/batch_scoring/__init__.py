"""The `batch_scoring` pipeline."""

from salary_kedro.pipelines.batch_scoring.pipeline import create_pipeline

__all__ = ["create_pipeline"]
