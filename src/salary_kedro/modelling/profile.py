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
Places = NDArray[np.intp]
Flags = NDArray[np.bool_]
#: Digits that an edge may have beyond that of a tenth of the spread.
DIGITS = 12
#: Of so many rows, fewer than five are a hundredth at most: they may be counted with the others.
MANY_ROWS = 400


def learn_profile(
    train: pd.DataFrame,
    out_of_fold: pd.DataFrame,
    contract: Contract,
    unseen: Numbers | None = None,
    clusters: tuple[Places | None, Places | None] = (None, None),
) -> Profile:
    """Learn how inputs, predictions and errors are distributed.

    Rows are counted, not people: weights have no part in it.

    Args:
        train: Clean training rows.
        out_of_fold: Their predictions, as `evaluation.predict_out_of_fold` gives them.
        contract: Names the inputs.
        unseen: The model's predictions of holdout rows. Those of training rows would not do: a
            model predicts what it has seen otherwise; nor would those out of fold, by other models.
        clusters: Whose the training rows are, and the holdout rows, by `clusters.clusters_of`.
    """
    encoded = encode_frame(train, contract)
    whose = _whose(len(train), clusters[0])
    found = {item.name: _profile(encoded[item.name], item, whose) for item in contract.inputs}
    first = out_of_fold[out_of_fold["repeat"] == 0]
    predicted, actual = (first[name].to_numpy(np.float64) for name in ("predicted", "actual"))
    errors = measure_errors(predicted, actual)
    return Profile(
        fields={name: profile for name, profile in found.items() if profile is not None},
        holdout_predictions=None if unseen is None else profile_numbers(unseen, clusters[1]),
        errors=None if errors is None else _coarse(errors),
    )


def as_texts(values: pd.Series, column: Feature) -> pd.Series:
    """Encoded values of a category as they are; of yes and no, as `true` and `false`."""
    if isinstance(column, Boolean):
        return values.map({1.0: "true", 0.0: "false"}).astype(object)
    return values


def _profile(
    values: pd.Series, column: Feature, whose: Places
) -> NumberProfile | CategoryProfile | None:
    if isinstance(column, Category | Boolean):
        return profile_texts(as_texts(values, column), whose)
    return profile_numbers(values.to_numpy(np.float64), whose)


def _whose(rows: int, clusters: Places | None) -> Places:
    return np.arange(rows) if clusters is None else clusters


def _is_few(whose: Places, least: int = MIN_GROUP_ROWS) -> bool:
    """Whether rows are of fewer than five people, or so many, but of some."""
    if len(np.unique(whose[:MANY_ROWS])) >= least:  # of many rows the first ones tell
        return False
    return 0 < len(np.unique(whose)) < least


def profile_numbers(values: Numbers, clusters: Places | None = None) -> NumberProfile | None:
    """Count numbers in up to ten bins that hold about equally many, of five people and more.

    Args:
        values: The numbers, NaN for a missing one.
        clusters: Whose each is; None if each is somebody else's.

    Returns:
        None if they are of fewer than five, or too large to be squared.
    """
    is_known, whose = np.isfinite(values), _whose(len(values), clusters)
    known = values[is_known]
    if not len(known) or _is_few(whose[is_known]):
        return None
    with np.errstate(over="ignore"):
        spread = float(known.std())
    if not math.isfinite(spread):
        return None
    edges, counts = _bins(known, spread, whose[is_known])
    missing: int | None = len(values) - len(known)
    if _is_few(whose[~is_known]):
        counts[counts.argmax()] += missing  # or subtraction would tell how many
        missing = 0 if len(values) >= MANY_ROWS else None
    return NumberProfile(edges=edges, counts=tuple(counts.tolist()), missing=missing)


def _bins(
    known: Numbers, spread: float, whose: Places
) -> tuple[tuple[float, ...], NDArray[np.int64]]:
    """Edges, and rows in each bin; of one value that (nearly) all have, below, at and above it."""
    edges = enough_edges(known, whose)
    if edges:
        return edges, count_numbers(known, edges)
    distinct, counts = np.unique(known, return_counts=True)
    common = distinct[counts.argmax()]
    is_told = not _is_few(whose[known == common]) and _is_few(whose[known != common])
    if len(distinct) > 1 and not (is_told and len(known) >= MANY_ROWS):
        return (), np.array([len(known)])
    ends = (float(np.nextafter(common, -np.inf)), float(common))
    return ends, np.array([0, len(known), 0])


def enough_edges(known: Numbers, whose: Places) -> tuple[float, ...]:
    """Edges of bins that hold about equally many numbers, of five people and more.

    Args:
        known: Finite numbers.
        whose: Whose each is.
    """
    return of_enough(known, tuple(_edges(known, float(known.std()))), whose)


def places_of(numbers: Numbers, edges: tuple[float, ...]) -> Places:
    """The bin that each number lies in; an edge belongs to the bin below it, NaN to the last."""
    return np.searchsorted(edges, numbers, side="left")


def count_numbers(known: Numbers, edges: tuple[float, ...]) -> NDArray[np.int64]:
    """Count numbers by the bin they lie in."""
    return np.bincount(places_of(known, edges), minlength=len(edges) + 1).astype(np.int64)


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
            edge = _between(float(distinct[place]), float(distinct[place + 1]), spread)
            if edge is not None:
                held = 0
                yield edge


def _between(low: float, high: float, spread: float) -> float | None:
    """A number between two others, with few digits if one is there; None if none is."""
    middle = low + (high - low) / 2
    tried: list[float] = []
    if spread > 0:  # else values are too near for it
        digits = 1 - math.floor(math.log10(spread))
        tried = [round(middle, digits + more) for more in range(DIGITS)]
    return next((edge for edge in (*tried, middle) if low < edge < high), None)


def of_enough(
    known: Numbers, edges: tuple[float, ...], whose: Places, least: int = MIN_GROUP_ROWS
) -> tuple[float, ...]:
    """The edges without those beside bins of fewer than five people, or so many."""
    places = places_of(known, edges)
    few = [place for place in range(len(edges) + 1) if _is_few(whose[places == place], least)]
    if not few or not edges:
        return edges
    gone = min(few[0], len(edges) - 1)
    return of_enough(known, (*edges[:gone], *edges[gone + 1 :]), whose, least)


def profile_texts(values: pd.Series, clusters: Places | None = None) -> CategoryProfile | None:
    """Count texts; those of fewer than five people only together, and never of fewer than five.

    Args:
        values: The texts, or what pandas takes for missing.
        clusters: Whose each is; None if each is somebody else's.

    Returns:
        None if they are of fewer than five people.
    """
    whose = _whose(len(values), clusters)
    if values.empty or _is_few(whose):
        return None
    is_missing = values.isna().to_numpy()
    common = _common(values, clusters)
    is_told = not _is_few(whose[is_missing])

    def others() -> Flags:
        return ~values.isin(common.index).to_numpy() & ~(is_missing & is_told)

    while len(common) and _is_few(whose[others()]):  # or subtraction would tell of them
        if len(common) == 1 and len(values) >= MANY_ROWS:
            return _nearly_all(common, int(others().sum()), len(values))
        common = common[:-1]
    if _is_few(whose[others()]) and is_missing.any():
        is_told = False
    return CategoryProfile(
        categories={str(text): int(count) for text, count in common.items()},
        missing=int(is_missing.sum()) if is_told else None,
        others=int(others().sum()),
    )


def _common(values: pd.Series, clusters: Places | None) -> pd.Series:
    """Rows of each text that five people and more have, the commonest first."""
    counts = values.value_counts().sort_index(kind="stable")
    people = counts
    if clusters is not None:
        people = pd.Series(clusters).groupby(values.to_numpy()).nunique()
    enough = counts[people.reindex(counts.index) >= MIN_GROUP_ROWS]
    return enough.sort_values(ascending=False, kind="stable")[:MAX_CATEGORIES]


def _nearly_all(common: pd.Series, few: int, rows: int) -> CategoryProfile:
    """Of one text that nearly all rows have: the few others are counted with it."""
    counted = int(common.iloc[0]) + few
    return CategoryProfile(
        categories={str(common.index[0]): counted}, missing=rows - counted, others=0
    )


def _coarse(errors: Errors) -> Errors:
    """Four digits, so that no two versions tell of the one row that they differ by."""
    rounded = {name: float(f"{getattr(errors, name):.4g}") for name in ("mean_square", "spread")}
    return errors.model_copy(update=rounded)


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
