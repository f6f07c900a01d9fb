"""Learns from out-of-fold predictions how sure the model is.

Residuals of rows that a model has not seen are scaled by how their spread grows with the
prediction (Lei et al., 2018, JASA 113, section 5.2), about how far they are off on average there;
on top comes the finite-sample quantile of split conformal prediction. Shift and spread of a fold
are those of the other folds' rows, or the scores would be too small.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.bundle.calibration import MOST, TINY, Calibration, are_apart
from salary_kedro.contract import Contract
from salary_kedro.modelling.clusters import effective_rows

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]

#: Confidences whose width is kept, beside the one that is asked for.
LEVELS = (*(round(0.01 * step, 2) for step in range(1, 100)), 0.995, 0.999)
#: Quantiles of the scores that are kept.
MAX_SCORES = 199
#: Knots of shift and spread, and residuals behind each; of fewer rows than two knots take, the
#: residuals stay as they are.
MAX_KNOTS = 10
KNOT_ROWS = 40
#: No spread is less than this share of the overall one: few rows may agree by chance.
LEAST_SPREAD = 0.1
#: Rows whose prediction or residual is larger take no part in shift and spread.
FARTHEST = 1e90
#: What sums of weights may be off.
ROUNDING = 1e-12


@dataclass(frozen=True)
class _Lines:
    """How shift and spread depend on the prediction; see `Calibration`."""

    knots: Numbers
    shifts: Numbers
    spreads: Numbers

    def scores(self, predicted: Numbers, actual: Numbers) -> Numbers:
        shift, spread = (np.interp(predicted, self.knots, y) for y in (self.shifts, self.spreads))
        with np.errstate(over="ignore"):
            found = (actual - predicted - shift) / spread
        return np.where(np.isnan(found), np.inf, found)


UNCHANGED = _Lines(np.zeros(1), np.zeros(1), np.ones(1))


def calibrate(
    out_of_fold: pd.DataFrame,
    contract: Contract,
    confidence: float,
    clusters: Places | None = None,
) -> Calibration:
    """Learn from the first repeat of a cross-validation, which holds each row at most once.

    Args:
        out_of_fold: As `evaluation.predict_out_of_fold` gives it; a column `weight` weighs the
            rows: a new row is taken to have their mean weight (Tibshirani et al., 2019,
            NeurIPS 32).
        contract: Says what the target can be, and whether its logarithm was fitted.
        confidence: Share of cases that the intervals should cover, between 0 and 1.
        clusters: Which training rows belong together, `clusters.clusters_of`; they widen the
            margin of percentiles.
    """
    first = out_of_fold[out_of_fold["repeat"] == 0]
    target = contract.target
    actual, predicted = (first[name].to_numpy() for name in ("actual", "predicted"))
    if target.log_scale:
        with np.errstate(divide="ignore"):
            actual, predicted = np.log(actual), np.log(predicted)
    weights = first["weight"].to_numpy() if "weight" in first else np.ones(len(first))
    weights = weights / weights.max()  # so that equal ones are exactly 1
    whose = None if clusters is None else clusters[first["place"].to_numpy()]
    lines = _draw_lines(predicted, actual, weights)
    scores = _cross_fit(predicted, actual, weights, first["fold"].to_numpy())
    levels, widths = _widths(np.abs(scores), weights, confidence)
    return Calibration(
        confidence=confidence,
        reason=_reason(len(first), levels, confidence),
        rows=len(first),
        effective_rows=max(1.0, effective_rows(actual - predicted, weights, whose)),
        log_scale=target.log_scale,
        minimum=target.interval.low,
        maximum=target.interval.high,
        knots=tuple(lines.knots.tolist()),
        shifts=tuple(lines.shifts.tolist()),
        spreads=tuple(lines.spreads.tolist()),
        levels=levels,
        widths=widths,
        scores=_quantiles(scores, weights),
    )


def _cross_fit(predicted: Numbers, actual: Numbers, weights: Numbers, folds: Numbers) -> Numbers:
    """The score of each row by lines that were drawn without its fold."""
    scores = np.empty(len(actual))
    for fold in np.unique(folds):
        scored, rest = folds == fold, folds != fold
        lines = _draw_lines(predicted[rest], actual[rest], weights[rest])
        scores[scored] = lines.scores(predicted[scored], actual[scored])
    return scores


def _draw_lines(predicted: Numbers, actual: Numbers, weights: Numbers) -> _Lines:
    """Mean residual, and mean absolute one about it, of equally many rows around each knot."""
    usable = np.maximum(np.abs(predicted), np.abs(actual - predicted)) <= FARTHEST
    predicted, actual, weights = predicted[usable], actual[usable], weights[usable]
    rows = len(predicted)
    count = min(MAX_KNOTS, rows // KNOT_ROWS)
    if count < 2:
        return UNCHANGED
    parts = np.empty(rows, dtype=np.intp)
    parts[np.argsort(predicted, kind="stable")] = np.arange(rows) * count // rows
    # Rows that are predicted alike can fill several parts.
    apart = [are_apart(*pair) for pair in pairwise(_means(predicted, weights, parts))]
    parts = np.cumsum([False, *apart])[parts]
    knots, residuals = _means(predicted, weights, parts), actual - predicted
    shifts = _shrunken(residuals, weights, parts, 0.0)
    sizes = np.abs(residuals - np.interp(predicted, knots, shifts))
    overall = float(np.average(sizes, weights=weights))
    spreads = _shrunken(sizes, weights, parts, overall)
    least = LEAST_SPREAD * overall
    return _Lines(knots, shifts, np.maximum(spreads, least)) if least > 1 / MOST else UNCHANGED


def _shrunken(values: Numbers, weights: Numbers, parts: Places, centre: float) -> Numbers:
    """Means by part, drawn to a centre by as much as chance alone would scatter them about it.

    That is the positive-part estimator of James and Stein for a known centre (Efron and Morris,
    1973, JASA 68); one or two means stay as they are. Theirs for a centre from the same values
    draws less, as if there were one mean fewer; intervals were up to 0.1 % wider with it.
    """
    means = _means(values, weights, parts)
    rows = np.bincount(parts, weights) ** 2 / np.bincount(parts, weights**2)
    variances = _means((values - means[parts]) ** 2, weights, parts) / rows
    with np.errstate(over="ignore"):
        distance = float(np.sum((means - centre) ** 2 / np.maximum(variances, TINY)))
    kept = max(0.0, 1 - max(0, len(means) - 2) / distance) if distance > 0 else 0.0
    shrunken: Numbers = centre + kept * (means - centre)
    return shrunken


def _means(values: Numbers, weights: Numbers, parts: Places) -> Numbers:
    return np.bincount(parts, weights * values) / np.bincount(parts, weights)


def _shares(weights: Numbers) -> Numbers:
    """Of rows in order, which share of the weights is reached; a new row has its part in all."""
    found: Numbers = np.cumsum(weights) / (weights.sum() + weights.mean())
    return found


def _widths(
    sizes: Numbers, weights: Numbers, confidence: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The levels that so many rows can vouch for, and what the scores' sizes are at most there."""
    order = np.argsort(sizes, kind="stable")
    levels = sorted({*LEVELS, confidence})
    places = np.searchsorted(_shares(weights[order]), np.array(levels) - ROUNDING)
    found = int(np.searchsorted(places, np.count_nonzero(sizes <= MOST)))
    return tuple(levels[:found]), tuple(sizes[order[places[:found]]].tolist())


def _quantiles(scores: Numbers, weights: Numbers) -> tuple[float, ...]:
    """The scores, or quantiles of them if they are many, at evenly spaced shares."""
    most = np.max(np.abs(scores), where=np.abs(scores) <= MOST, initial=0.0)
    order, scores = np.argsort(scores, kind="stable"), np.clip(scores, -most, most)
    count = min(len(scores), MAX_SCORES)
    wanted = np.arange(1, count + 1) / (count + 1)
    found = np.interp(wanted, _shares(weights[order]), scores[order])
    return tuple(np.maximum.accumulate(found).tolist())


def _reason(rows: int, levels: tuple[float, ...], confidence: float) -> str:
    if confidence in levels:
        return ""
    needed = math.ceil(round(confidence / (1 - confidence), 6))
    if rows >= needed:
        return (
            f"too many of {rows:,} training rows were predicted so far off out of fold that an "
            f"interval at {100 * confidence:.15g} % would have no ends"
        )
    return (
        f"{rows} training rows were predicted out of fold; an interval at "
        f"{100 * confidence:.15g} % takes {needed:,}"
    )
