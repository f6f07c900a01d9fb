"""The `promotion` pipeline."""

from salary_kedro.pipelines.promotion.pipeline import create_pipeline

__all__ = ["create_pipeline"]
