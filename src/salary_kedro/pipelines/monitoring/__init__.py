"""The `monitoring` pipeline."""

from salary_kedro.pipelines.monitoring.pipeline import create_pipeline

__all__ = ["create_pipeline"]
