"""The pipelines by name. Explicit: discovery breaks composed pipelines."""

from kedro.pipeline import Pipeline

from salary_kedro.pipelines import (
    batch_scoring,
    data_engineering,
    data_science,
    monitoring,
    packaging,
    promotion,
    tournament,
)
from salary_kedro.pipelines.tournament.pipeline import FIGURES, WINNING


def register_pipelines() -> dict[str, Pipeline]:
    """Give every pipeline; `__default__` is the whole loop in order.

    A tournament is the whole loop too, which trains what has won.
    """
    parts = {
        "data_engineering": data_engineering.create_pipeline(),
        "data_science": data_science.create_pipeline(),
        "promotion": promotion.create_pipeline(),
        "packaging": packaging.create_pipeline(),
    }
    winner = {"data_science": data_science.create_pipeline(WINNING, FIGURES)}
    return {
        **parts,
        "tournament": sum({**parts, **winner}.values(), tournament.create_pipeline()),
        "batch_scoring": batch_scoring.create_pipeline(),
        "monitoring": monitoring.create_pipeline(),
        "__default__": sum(parts.values(), Pipeline([])),
    }
