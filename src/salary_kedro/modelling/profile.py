"""Learns what training rows are like, in counts that tell of no single person."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.bundle.profile import (
    MAX_BINS,
    MAX_CATEGORIES,
    CategoryProfile,
    Errors,
    NumberProfile,
    Profile,
)
from salary_kedro.contract import Boolean, Category, Contract, Feature
from salary_kedro.modelling.groups import MIN_GROUP_ROWS
from salary_kedro.tables.frames import encode_frame

Numbers = NDArray[np.float64]
#: Digits that an edge may have beyond that of a tenth of the spread.
DIGITS = 4


def learn_profile(train: pd.DataFrame, out_of_fold: pd.DataFrame, contract: Contract) -> Profile:
    """Learn how inputs, predictions and errors are distributed.

    Rows are counted, not people: weights have no part in it.

    Args:
        train: Clean training rows.
        out_of_fold: Their predictions, as `evaluation.predict_out_of_fold` gives them.
        contract: Names the inputs.
    """
    encoded = encode_frame(train, contract)
    found = {item.name: _profile(encoded[item.name], item) for item in contract.inputs}
    first = out_of_fold[out_of_fold["repeat"] == 0]
    predicted = first["predicted"].to_numpy(np.float64)
    return Profile(
        fields={name: profile for name, profile in found.items() if profile is not None},
        predictions=profile_numbers(predicted),
        errors=measure_errors(predicted, first["actual"].to_numpy(np.float64)),
    )


def as_texts(values: pd.Series, column: Feature) -> pd.Series:
    """Encoded values of a category as they are; of yes and no, as `true` and `false`."""
    if isinstance(column, Boolean):
        return values.map({1.0: "true", 0.0: "false"}).astype(object)
    return values


def _profile(values: pd.Series, column: Feature) -> NumberProfile | CategoryProfile | None:
    if isinstance(column, Category | Boolean):
        return profile_texts(as_texts(values, column))
    return profile_numbers(values.to_numpy(np.float64))


def profile_numbers(values: Numbers) -> NumberProfile | None:
    """Count numbers in up to ten bins that hold about equally many, five and more.

    Args:
        values: The numbers, NaN for a missing one.

    Returns:
        None if there are fewer than five, or they are too large to be squared.
    """
    known = values[np.isfinite(values)]
    if len(known) < MIN_GROUP_ROWS:
        return None
    missing = len(values) - len(known)
    with np.errstate(over="ignore"):
        spread = float(known.std(ddof=1))
    if not math.isfinite(spread):
        return None
    edges = [*_edges(known, spread)]
    return NumberProfile(
        edges=tuple(edges),
        counts=tuple(count_numbers(known, edges).tolist()),
        missing=missing if not 0 < missing < MIN_GROUP_ROWS else None,
        mean=float(known.mean()),
        spread=spread,
    )


def count_numbers(known: Numbers, edges: list[float] | tuple[float, ...]) -> NDArray[np.int64]:
    """Count numbers by the bin they lie in; an edge belongs to the bin below it."""
    places = np.searchsorted(edges, known, side="left")
    return np.bincount(places, minlength=len(edges) + 1).astype(np.int64)


def _edges(known: Numbers, spread: float) -> Iterator[float]:
    """Cut where enough rows have come together, between two different values.

    An edge is rounded where that parts the values alike, so that it tells of none of them.
    """
    distinct, counts = np.unique(known, return_counts=True)
    wanted = max(MIN_GROUP_ROWS, -(-len(known) // MAX_BINS))
    held, left = 0, len(known)
    for place in range(len(distinct) - 1):
        held, left = held + counts[place], left - counts[place]
        if left < MIN_GROUP_ROWS:
            return
        if held >= wanted:
            held = 0
            yield _between(float(distinct[place]), float(distinct[place + 1]), spread)


def _between(low: float, high: float, spread: float) -> float:
    """A number from one value up to the next, with few digits if there is such a one."""
    middle = low + (high - low) / 2
    if spread == 0:  # of values that are too near for it
        return middle
    digits = 1 - math.floor(math.log10(spread))
    tried = (round(middle, digits + more) for more in range(DIGITS))
    return next((rounded for rounded in tried if low <= rounded < high), middle)


def profile_texts(values: pd.Series) -> CategoryProfile | None:
    """Count texts; those of fewer than five rows only together, and never fewer than five.

    Args:
        values: The texts, or what pandas takes for missing.

    Returns:
        None if there are fewer than five rows.
    """
    if len(values) < MIN_GROUP_ROWS:
        return None
    counts = (
        values.value_counts().sort_index(kind="stable").sort_values(ascending=False, kind="stable")
    )
    common = counts[counts >= MIN_GROUP_ROWS][:MAX_CATEGORIES]
    missing = int(values.isna().sum())
    others, is_told = len(values) - int(common.sum()) - missing, True
    if 0 < missing < MIN_GROUP_ROWS:
        others, is_told = others + missing, False
    while 0 < others < MIN_GROUP_ROWS and len(common):  # or subtraction would tell of them
        others, common = others + int(common.iloc[-1]), common[:-1]
    if 0 < others < MIN_GROUP_ROWS and missing and is_told:
        others, is_told = others + missing, False
    counted = {str(text): int(count) for text, count in common.items()}
    told = missing if is_told else None
    return CategoryProfile(categories=counted, missing=told, others=others)


def measure_errors(predicted: Numbers, actual: Numbers) -> Errors | None:
    """Sum up squared errors; None of fewer than five rows, or where they are no numbers."""
    if len(predicted) < MIN_GROUP_ROWS:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        squares = (actual - predicted) ** 2
        mean, spread = float(squares.mean()), float(squares.std(ddof=1))
    if not (math.isfinite(mean) and math.isfinite(spread)):
        return None
    return Errors(rows=len(squares), mean_square=mean, spread=spread)
