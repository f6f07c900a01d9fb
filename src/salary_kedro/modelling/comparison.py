"""Compares the errors of two models on the same rows."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

RESAMPLES = 9_999
SEED = 234
#: Above this many rows the sampling distribution is normal for all purposes, and resampling slow.
MAX_RESAMPLED_ROWS = 5_000

Errors = NDArray[np.float64]


def rmse(errors: Errors, axis: int = -1, weights: Errors | None = None) -> Errors:
    """Root mean squared error along an axis, in the errors' unit; weights are of their shape."""
    squares = errors**2
    if weights is None:
        value: Errors = np.sqrt(np.mean(squares, axis=axis))
    else:
        value = np.sqrt(np.sum(weights * squares, axis=axis) / np.sum(weights, axis=axis))
    return value


def gain_interval(
    champion: Errors,
    challenger: Errors,
    confidence: float,
    weights: Errors | None = None,
    clusters: NDArray[np.intp] | None = None,
) -> tuple[float, float] | None:
    """Interval of the gain, champion RMSE minus challenger RMSE, in the errors' unit.

    Percentile interval of the paired bootstrap, 9,999 resamples of the rows, seed 234
    (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). Above
    5,000 rows its normal limit by the delta method (the same, chapter 5). A row is drawn
    together with its weight, so that weights that differ much widen the interval; and rows that
    belong together are drawn together.

    Args:
        champion: Actual minus predicted of the champion, shape (rows,).
        challenger: The challenger's, on the same rows in the same order.
        confidence: Above 0, below 1.
        weights: How many people each row stands for, above 0; None if all are one.
        clusters: Which rows belong together, numbered from 0; None if none do.

    Returns:
        Lower and upper end, not finite where squares overflow; None on fewer than two rows or
        clusters, which say nothing about chance.
    """
    if clusters is not None:
        champion, challenger, weights = _as_clusters(champion, challenger, weights, clusters)
    if len(champion) < 2:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # then the ends are no finite numbers
        if len(champion) > MAX_RESAMPLED_ROWS:
            return _normal_interval(champion, challenger, confidence, weights)
        samples = (champion, challenger) if weights is None else (champion, challenger, weights)
        result = stats.bootstrap(
            samples,
            _gain,
            paired=True,
            vectorized=True,
            method="percentile",
            n_resamples=RESAMPLES,
            batch=max(1, 2_000_000 // len(champion)),
            confidence_level=confidence,
            rng=np.random.default_rng(SEED),
        )
    low, high = result.confidence_interval
    return float(low), float(high)


def _as_clusters(
    champion: Errors, challenger: Errors, weights: Errors | None, clusters: NDArray[np.intp]
) -> tuple[Errors, Errors, Errors]:
    """A row for each cluster, with its RMSEs and its total weight: those of all are the same."""
    known = np.ones(len(champion)) if weights is None else weights
    numbers = np.unique(clusters, return_inverse=True)[1]
    totals: Errors = np.bincount(numbers, known).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        roots = (
            np.sqrt(np.bincount(numbers, known * x**2) / totals) for x in (champion, challenger)
        )
        return next(roots), next(roots), totals


def _gain(
    champion: Errors, challenger: Errors, weights: Errors | None = None, axis: int = -1
) -> Errors:
    return rmse(champion, axis, weights) - rmse(challenger, axis, weights)


def _normal_interval(
    champion: Errors, challenger: Errors, confidence: float, weights: Errors | None
) -> tuple[float, float]:
    gain = float(_gain(champion, challenger, weights))
    slopes = [2 * float(rmse(errors, -1, weights)) or np.inf for errors in (champion, challenger)]
    influence = champion**2 / slopes[0] - challenger**2 / slopes[1]
    if weights is not None:
        centred = influence - np.average(influence, weights=weights)
        influence = centred * weights / weights.mean()
    half = float(stats.norm.ppf((1 + confidence) / 2) * stats.sem(influence))
    return gain - half, gain + half
