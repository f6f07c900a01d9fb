"""Learns common values of each input, which tell of no single person."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from salary_kedro.bundle.background import Background, CommonValues
from salary_kedro.contract import Boolean, Category, Contract, Feature
from salary_kedro.contract.encoding import encode
from salary_kedro.modelling.evaluation import Weights, weights_of
from salary_kedro.modelling.groups import MIN_GROUP_ROWS
from salary_kedro.tables.frames import encode_frame

#: The most means that stand for the numbers of a column.
MAX_MEANS = 32
Part = tuple[float | str | None, float]


def learn_background(train: pd.DataFrame, contract: Contract) -> Background:
    """Learn the common values of each input from clean training rows.

    A category counts if five rows have it. Numbers are sorted and parted into up to 32 runs of
    five rows and more, of which the means are kept, so that the mean of all stays as it is:
    microaggregation (Domingo-Ferrer and Mateo-Sanz 2002, IEEE Transactions on Knowledge and Data
    Engineering 14(1)). An input without five values is explained against the contract's example.
    """
    encoded, weights = encode_frame(train, contract), weights_of(train, contract)
    weights = np.ones(len(train)) if weights is None else weights
    return Background(
        inputs={
            feature.name: _common(encoded[feature.name], weights, feature)
            for feature in contract.inputs
        }
    )


def _common(values: pd.Series, weights: Weights, feature: Feature) -> CommonValues:
    parts = list(_parts(values.reset_index(drop=True), weights, feature))
    parts = parts or [(encode(feature.example, feature), 1.0)]
    total = sum(weight for _, weight in parts)
    return CommonValues(
        values=tuple(value for value, _ in parts),
        # Rounded, so that nobody can tell by subtraction how many rows are left out.
        shares=tuple(float(f"{weight / total:.3g}") for _, weight in parts),
    )


def _parts(values: pd.Series, weights: Weights, feature: Feature) -> Iterator[Part]:
    known = values[values.notna()]
    if len(values) - len(known) >= MIN_GROUP_ROWS and not feature.required:
        yield None, float(weights[values.isna()].sum())
    if isinstance(feature, Category | Boolean):
        for value, rows in known.groupby(known, sort=True):
            if len(rows) >= MIN_GROUP_ROWS:
                yield value, float(weights[rows.index].sum())
    elif len(known) >= MIN_GROUP_ROWS:
        runs = min(MAX_MEANS, len(known) // MIN_GROUP_ROWS)
        for run in np.array_split(known.sort_values(kind="stable").index.to_numpy(), runs):
            mean = np.average(known[run].to_numpy(dtype=np.float64), weights=weights[run])
            yield float(mean), float(weights[run].sum())
