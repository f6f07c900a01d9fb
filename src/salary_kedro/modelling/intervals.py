"""How intervals and percentiles did on rows that neither model nor calibration has seen."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betaincinv, kolmogorov

from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.report import (
    Coverage,
    IntervalScores,
    Level,
    PercentileScores,
    Report,
)
from salary_kedro.contract import Contract
from salary_kedro.modelling.clusters import effective_rows, kish
from salary_kedro.modelling.evaluation import Metrics, weights_of
from salary_kedro.modelling.groups import MIN_GROUP_ROWS

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]

#: Confidences at which the coverage is told.
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
THIRDS = 3
MAX_BINS = 10


def score_calibration(
    predicted: Numbers,
    holdout: pd.DataFrame,
    calibration: Calibration,
    contract: Contract,
    clusters: Places | None = None,
) -> Report:
    """Compare intervals and percentiles with the actual targets of holdout rows.

    Args:
        predicted: Predictions of the rows, in the target's unit.
        holdout: The rows.
        calibration: What gives the intervals.
        contract: Names target and weight.
        clusters: Which rows belong together, as `clusters.clusters_of` gives it.

    Returns:
        The sections `intervals` and `percentiles`; None where there are no intervals or rows.
    """
    if holdout.empty:
        return Report()
    actual = holdout[contract.target.name].to_numpy(dtype=np.float64)
    found, chances = calibration.intervals(predicted), calibration.chances(predicted, actual)
    weights = weights_of(holdout, contract)
    known = np.ones(len(actual)) if weights is None else weights
    residuals = actual - predicted
    rows = effective_rows(residuals, known, clusters)
    return Report(
        intervals=None
        if found is None
        else IntervalScores(
            confidence=found.confidence,
            coverage=coverage(found.hold(actual), known, rows),
            mean_width=float(np.average(found.high - found.low, weights=known)),
            thirds=tuple(_thirds(predicted, residuals, found.hold(actual), known, clusters)),
            levels=tuple(_by_level(predicted, actual, known, calibration)),
        ),
        percentiles=None
        if chances is None
        else score_chances(chances, known, calibration.effective_rows, rows),
    )


def calibration_metrics(report: Report) -> Metrics:
    """`interval_coverage`, `interval_mean_width` and `percentile_ks`, where they are known."""
    found = {}
    if report.intervals is not None:
        found["interval_coverage"] = report.intervals.coverage.share
        found["interval_mean_width"] = report.intervals.mean_width
    if report.percentiles is not None:
        found["percentile_ks"] = report.percentiles.ks
    return found


def coverage(
    is_within: NDArray[np.bool_], weights: Numbers, effective: float | None = None
) -> Coverage:
    """The share of rows within their intervals, and its 95 % interval.

    That is the exact one of Clopper and Pearson (1934, Biometrika 26); of rows that have weights
    or belong together, for as many as would tell as much (Korn and Graubard, 1998, Survey
    Methodology 24).

    Args:
        is_within: Whether each row lies within its interval.
        weights: How much each row counts.
        effective: As how many rows they count, `clusters.effective_rows`; None if none belong
            together.
    """
    rows = kish(weights) if effective is None else effective
    share = float(np.average(is_within, weights=weights))
    inside, outside = share * rows, (1 - share) * rows
    return Coverage(
        rows=len(is_within),
        effective_rows=rows,
        share=share,
        low=float(betaincinv(inside, outside + 1, 0.025)) if inside else 0.0,
        high=float(betaincinv(inside + 1, outside, 0.975)) if outside else 1.0,
    )


def score_chances(
    chances: Numbers, weights: Numbers, residuals: float, effective: float | None = None
) -> PercentileScores:
    """Compare shares below the actual target with even ones.

    The p-value is that of Smirnov's limit for two samples, rows and residuals, because the
    shares rest on a sample themselves, with the finite-sample factor of Stephens (1970, JRSS B 32).

    Args:
        chances: The shares of rows, between 0 and 1.
        weights: How much each row counts.
        residuals: How many residuals the shares rest on.
        effective: As how many rows these count; None if none belong together.
    """
    order = np.argsort(chances, kind="stable")
    parts = weights[order] / weights.sum()
    above = np.cumsum(parts) - chances[order]
    ks = float(np.max([above, parts - above]))
    rows = kish(weights) if effective is None else effective
    root = math.sqrt(rows * residuals / (rows + residuals))
    bins = min(MAX_BINS, len(chances) // MIN_GROUP_ROWS)
    counts, _ = np.histogram(chances, bins=max(1, bins), range=(0, 1), weights=weights)
    return PercentileScores(
        rows=len(chances),
        histogram=tuple(np.minimum(counts / weights.sum(), 1).tolist()) if bins > 1 else (),
        ks=ks,
        p_value=float(kolmogorov((root + 0.12 + 0.11 / root) * ks)),
    )


def _thirds(
    predicted: Numbers,
    residuals: Numbers,
    is_within: NDArray[np.bool_],
    weights: Numbers,
    clusters: Places | None,
) -> Iterator[Coverage]:
    if len(predicted) >= THIRDS * MIN_GROUP_ROWS:
        for places in np.array_split(np.argsort(predicted, kind="stable"), THIRDS):
            part = None if clusters is None else clusters[places]
            rows = effective_rows(residuals[places], weights[places], part)
            yield coverage(is_within[places], weights[places], rows)


def _by_level(
    predicted: Numbers, actual: Numbers, weights: Numbers, calibration: Calibration
) -> Iterator[Level]:
    for level in LEVELS:
        found = calibration.intervals(predicted, level)
        if found is not None:
            share = np.average(found.hold(actual), weights=weights)
            yield Level(confidence=level, share=float(share))
