"""How wrong a model has been since, once salaries are known, and how another one would differ."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import betabinom, f

from salary_kedro.bundle.calibration import Intervals
from salary_kedro.bundle.profile import Errors
from salary_kedro.bundle.report import Coverage
from salary_kedro.modelling.intervals import coverage
from salary_kedro.modelling.profile import measure_errors

Numbers = NDArray[np.float64]
Texts = NDArray[np.object_]
SEED, RESAMPLES = 234, 999
#: Of more rows, the standard error is that of the normal limit, and resampling slow.
MAX_RESAMPLED_ROWS = 5_000
CONFIDENCE = 0.95
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Cells of fewer rows are not told: their mean would be chance, or of single persons.
MIN_CELL_ROWS = 30


@dataclass(frozen=True)
class ErrorsSince:
    """How wrong predictions were; amounts in the target's unit.

    Attributes:
        rows: Rows whose target is known.
        rmse: Root mean squared error.
        rmse_low: Lower end of its 95 % interval.
        rmse_high: Upper end.
        training_rmse: That of models that had not seen a training row; None if not recorded.
        p_value: How often chance alone makes the RMSE so much larger than that; None likewise.
        coverage: How many rows lie within their intervals; None where there are none.
        p_coverage: How often so few lie within by chance alone; None likewise.
    """

    rows: int
    rmse: float
    rmse_low: float
    rmse_high: float
    training_rmse: float | None
    p_value: float | None
    coverage: Coverage | None
    p_coverage: float | None = None


def score_since(
    predicted: Numbers,
    actual: Numbers,
    intervals: Intervals | None,
    training: Errors | None,
    calibrated: float = math.inf,
) -> ErrorsSince | None:
    """Compare predictions with actual targets, and how wrong they are with how wrong they were.

    Args:
        predicted: Predictions, in the target's unit, shape (rows,).
        actual: What was true.
        intervals: The intervals of the predictions.
        training: How wrong models were on training rows that they had not seen.
        calibrated: As how many rows count those that the intervals rest on.

    Returns:
        None if there are fewer than five rows.
    """
    found = measure_errors(predicted, actual)
    if found is None:
        return None
    low, high = _rmse_interval((actual - predicted) ** 2)
    covered = p_coverage = None
    if intervals is not None:
        is_within = intervals.hold(actual)
        covered = coverage(is_within, np.ones(found.rows))
        p_coverage = _p_coverage(is_within, intervals.confidence, calibrated)
    return ErrorsSince(
        rows=found.rows,
        rmse=math.sqrt(found.mean_square),
        rmse_low=low,
        rmse_high=high,
        training_rmse=None if training is None else math.sqrt(training.mean_square),
        p_value=None if training is None else _p_value(found, training),
        coverage=covered,
        p_coverage=p_coverage,
    )


def _rmse_interval(squares: Numbers) -> tuple[float, float]:
    """By the percentile bootstrap (Efron 1979, Annals of Statistics 7), or the normal limit."""
    if len(squares) > MAX_RESAMPLED_ROWS:
        margin = -ndtri((1 - CONFIDENCE) / 2) * squares.std(ddof=1) / math.sqrt(len(squares))
        ends = np.array([squares.mean() - margin, squares.mean() + margin])
    else:
        random = np.random.default_rng(SEED)
        means = [random.choice(squares, len(squares)).mean() for _ in range(RESAMPLES)]
        ends = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    low, high = np.sqrt(np.maximum(ends, 0)).tolist()
    return low, high


def _p_value(found: Errors, training: Errors) -> float:
    """How often chance makes a mean square so much larger than that of training.

    That is the test of two variances with degrees of freedom for the kurtosis of the errors (Box,
    1953, Biometrika 40): a mean of n squares is taken for a chi-square of 2 n / c of them, where c
    is their squared coefficient of variation, 2 of normal errors. It is the larger one of both
    samples, and no less than that of normal errors, because a few rows often lack those far off.
    """
    if not (found.mean_square > 0 and training.mean_square > 0):
        return float(found.mean_square <= training.mean_square)
    both = (found, training)
    variation = max(2.0, *((errors.spread / errors.mean_square) ** 2 for errors in both))
    freedom = [2 * errors.rows / variation for errors in both]
    return float(f.sf(found.mean_square / training.mean_square, *freedom))


def _p_coverage(is_within: NDArray[np.bool_], confidence: float, calibrated: float) -> float:
    """How often chance leaves so few rows within intervals that rest on so many residuals.

    What split conformal intervals of n residuals cover is itself drawn from a beta distribution
    of n + 1 rows (Vovk, 2012, Conditional validity of inductive conformal predictors).
    """
    rows, inside = len(is_within), int(is_within.sum())
    counted = min(calibrated, 1e9) + 1
    return float(betabinom.cdf(inside, rows, confidence * counted, (1 - confidence) * counted))


@dataclass(frozen=True)
class Cell:
    """Rows with like values of one field, where two models differ most.

    Attributes:
        field: The field.
        cell: What its values have in common, for people.
        rows: How many there are.
        mean: Mean difference, in the target's unit.
    """

    field: str
    cell: str
    rows: int
    mean: float


@dataclass(frozen=True)
class Differences:
    """How a challenger's predictions differ: its own less those that were served.

    Attributes:
        rows: Rows that both have predicted.
        mean: Mean difference, in the target's unit.
        mean_low: Lower end of its 95 % interval.
        mean_high: Upper end.
        quantiles: Of the differences, by their shares.
        beyond: Share of rows that differ by more than a share of what was served.
        outside: Share of the challenger's predictions outside of the intervals that were served;
            None where there are none.
        wider: Median width of its intervals by that of those served, 1 for equal ones; None
            likewise.
        most: Of each field the cell that differs most on average, the largest first.
    """

    rows: int
    mean: float
    mean_low: float
    mean_high: float
    quantiles: Mapping[str, float]
    beyond: float
    outside: float | None
    wider: float | None
    most: tuple[Cell, ...]


def compare_predictions(
    served: Numbers,
    challenger: Numbers,
    intervals: tuple[Intervals | None, Intervals | None],
    cells: Mapping[str, Texts],
    beyond: float,
) -> Differences:
    """Say how a challenger's predictions of the same rows differ from those that were served.

    Args:
        served: Predictions that were served, in the target's unit, shape (rows,).
        challenger: Those of the challenger.
        intervals: What was served beside them, and what the challenger gives.
        cells: By field, the name of the cell that each row lies in.
        beyond: Differences larger than this share of what was served are counted.
    """
    gaps = challenger - served
    margin = -ndtri((1 - CONFIDENCE) / 2) * gaps.std(ddof=1) / math.sqrt(len(gaps))
    before, after = intervals
    outside = None if before is None else float((~before.hold(challenger)).mean())
    return Differences(
        rows=len(gaps),
        mean=float(gaps.mean()),
        mean_low=float(gaps.mean() - margin),
        mean_high=float(gaps.mean() + margin),
        quantiles={f"{q:g}": float(np.quantile(gaps, q)) for q in QUANTILES},
        beyond=float((np.abs(gaps) > beyond * np.abs(served)).mean()),
        outside=outside,
        wider=None if before is None or after is None else _median_width(after, before),
        most=_most(gaps, cells),
    )


def _median_width(after: Intervals, before: Intervals) -> float | None:
    width = float(np.median(before.high - before.low))
    return float(np.median(after.high - after.low)) / width if width > 0 else None


def _most(gaps: Numbers, cells: Mapping[str, Texts]) -> tuple[Cell, ...]:
    found = []
    for field, names in cells.items():
        told = [
            Cell(field, str(name), int(inside.sum()), float(gaps[inside].mean()))
            for name in np.unique(names.astype(str))
            if (inside := names == name).sum() >= MIN_CELL_ROWS
        ]
        found += [max(told, key=lambda cell: abs(cell.mean))] if told else []
    return tuple(sorted(found, key=lambda cell: -abs(cell.mean)))
