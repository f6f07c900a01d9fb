"""The peer: the bare script's work as three steps of a ZenML pipeline, on its local stack.

ZenML hands tables and model from step to step, and keeps them and its records in `data/zenml/`.
Several results must be returned as a tuple that is written as one, for ZenML reads the source.
"""

import os
from typing import Annotated

import bare_script
import pandas as pd
from sklearn.pipeline import Pipeline

os.environ["ZENML_CONFIG_PATH"] = str(bare_script.DATA / "zenml")
os.environ["ZENML_ANALYTICS_OPT_IN"] = "false"
from zenml import pipeline, step  # reads these variables when it is imported

Table = pd.DataFrame


@step
def prepare() -> tuple[
    Annotated[Table, "train"], Annotated[Table, "holdout"], Annotated[Table, "rejected"]
]:
    """Read, validate and split the raw table."""
    train, holdout, rejected = bare_script.prepare()
    return train, holdout, rejected


@step
def train_model(
    train: Table, holdout: Table, rejected: Table
) -> tuple[Annotated[Pipeline, "model"], Annotated[int, "number"]]:
    """Fit, evaluate, log and register a model."""
    model, number = bare_script.train_model(train, holdout, rejected)
    return model, number


@step
def promote(number: int, model: Pipeline, holdout: Table) -> str:
    """Let the version contest production."""
    return bare_script.contest(number, model, holdout)


@pipeline(enable_cache=False)
def salaries() -> None:
    """Do it all."""
    train, holdout, rejected = prepare()
    model, number = train_model(train, holdout, rejected)
    promote(number, model, holdout)


if __name__ == "__main__":
    salaries()
