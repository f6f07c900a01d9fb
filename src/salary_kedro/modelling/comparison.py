"""Compares the errors of two models on the same rows."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

RESAMPLES = 9_999
SEED = 234
#: Above this many rows the sampling distribution is normal for all purposes, and resampling slow.
MAX_RESAMPLED_ROWS = 5_000

Errors = NDArray[np.float64]


def rmse(errors: Errors, axis: int = -1) -> Errors:
    """Root mean squared error along an axis, in the errors' unit."""
    value: Errors = np.sqrt(np.mean(errors**2, axis=axis))
    return value


def gain_interval(
    champion: Errors, challenger: Errors, confidence: float
) -> tuple[float, float] | None:
    """Interval of the gain, champion RMSE minus challenger RMSE, in the errors' unit.

    Percentile interval of the paired bootstrap, 9,999 resamples of the rows, seed 234
    (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). Above
    5,000 rows its normal limit by the delta method (the same, chapter 5).

    Args:
        champion: Actual minus predicted of the champion, shape (rows,).
        challenger: The challenger's, on the same rows in the same order.
        confidence: Above 0, below 1.

    Returns:
        Lower and upper end, not finite where squares overflow; None on fewer than two rows,
        which say nothing about chance.
    """
    if len(champion) < 2:
        return None
    if len(champion) > MAX_RESAMPLED_ROWS:
        return _normal_interval(champion, challenger, confidence)
    with np.errstate(over="ignore", invalid="ignore"):  # then the ends are no finite numbers
        result = stats.bootstrap(
            (champion, challenger),
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


def _gain(champion: Errors, challenger: Errors, axis: int = -1) -> Errors:
    return rmse(champion, axis) - rmse(challenger, axis)


def _normal_interval(
    champion: Errors, challenger: Errors, confidence: float
) -> tuple[float, float]:
    gain = float(_gain(champion, challenger))
    slopes = [2 * float(rmse(errors)) or np.inf for errors in (champion, challenger)]
    influence = champion**2 / slopes[0] - challenger**2 / slopes[1]
    half = float(stats.norm.ppf((1 + confidence) / 2) * stats.sem(influence))
    return gain - half, gain + half
