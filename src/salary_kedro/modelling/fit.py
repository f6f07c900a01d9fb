"""Predicted against actual target, in cells that tell of no single person."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.bundle.report import Fit, FitBand, FitCell
from salary_kedro.contract import Contract
from salary_kedro.modelling.evaluation import weights_of
from salary_kedro.modelling.groups import MIN_GROUP_ROWS
from salary_kedro.modelling.plane import Band, Cell, bin_plane

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]
#: Of more rows of a public table, a sample is drawn: more dots hide each other.
MAX_POINTS = 1_000
SEED = 234


def learn_fit(
    predicted: Numbers,
    holdout: pd.DataFrame,
    contract: Contract,
    clusters: Places | None = None,
    *,
    min_rows: int = MIN_GROUP_ROWS,
    is_public: bool = False,
) -> Fit:
    """Count the holdout rows by predicted and actual target.

    Args:
        predicted: The model's predictions of them, in the target's unit, shape (rows,).
        holdout: Clean rows that it has not seen.
        contract: Names target and weight.
        clusters: Whose each row is, by `clusters.clusters_of`; None if each is somebody else's.
        min_rows: Fewest people that a cell or band may rest on; five, if it is less.
        is_public: Whether single rows may be told.
    """
    actual = holdout[contract.target.name].to_numpy(dtype=np.float64)
    least, whose = max(min_rows, MIN_GROUP_ROWS), clusters
    whose = np.arange(len(actual)) if whose is None else whose
    plane = bin_plane(predicted, actual, whose, least)
    weights = weights_of(holdout, contract)
    weights = np.ones(len(actual)) if weights is None else weights
    return Fit(
        rows=len(actual),
        min_rows=least,
        withheld=0 if plane.cells else len(actual),
        cells=tuple(map(_cell, plane.cells)),
        bands=tuple(_band(band, actual - predicted, weights) for band in plane.bands),
        points=_points(predicted, actual) if is_public else (),
    )


def _cell(cell: Cell) -> FitCell:
    return FitCell(
        predicted_low=cell.low,
        predicted_high=cell.high,
        actual_low=cell.bottom,
        actual_high=cell.top,
        rows=cell.rows,
    )


def _band(band: Band, residuals: Numbers, weights: Numbers) -> FitBand:
    """Four digits, so that no two versions tell of the one row that they differ by."""
    found, counts = residuals[band.places], weights[band.places]
    mean = np.average(found, weights=counts)
    variance = np.average((found - mean) ** 2, weights=counts) * len(found) / (len(found) - 1)
    return FitBand(
        low=band.low,
        high=band.high,
        rows=len(found),
        mean_residual=float(f"{mean:.4g}"),
        spread=float(f"{np.sqrt(variance):.4g}"),
    )


def _points(predicted: Numbers, actual: Numbers) -> tuple[tuple[float, float], ...]:
    drawn = np.arange(len(actual))
    if len(drawn) > MAX_POINTS:
        random = np.random.default_rng(SEED)
        drawn = np.sort(random.choice(len(actual), MAX_POINTS, replace=False))
    return tuple(zip(predicted[drawn].tolist(), actual[drawn].tolist(), strict=True))
