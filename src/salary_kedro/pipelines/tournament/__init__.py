"""The `tournament` pipeline."""

from salary_kedro.pipelines.tournament.pipeline import create_pipeline

__all__ = ["create_pipeline"]
