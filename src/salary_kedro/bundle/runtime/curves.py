"""Turns fitted splines, and the line that adds up their parts, into one curve for each column."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline, PPoly
from sklearn.linear_model import Ridge
from sklearn.preprocessing import SplineTransformer

from salary_kedro.bundle.runtime.form import Curve, Curves

Numbers = NDArray[np.float64]
#: How far outside the lines are looked at, in widths of what training covered.
NEAR, FAR = 1.0, 2.0**40


def curves_of(splines: SplineTransformer, line: Ridge) -> Curves:
    """What the parts of each column's spline add up to; beyond their ends they are lines.

    Args:
        splines: Fitted, with `extrapolation="linear"`.
        line: Fitted on what they make of the columns, column by column.
    """
    fitted = splines.bsplines_
    weights = np.reshape(line.coef_, (len(fitted), -1))
    low, high = np.array([(spline.t[spline.k], spline.t[-spline.k - 1]) for spline in fitted]).T
    width = np.where(high > low, high - low, 1.0)
    at = [low, low - FAR * width, low - NEAR * width, high + NEAR * width, high + FAR * width]
    parts = splines.transform(np.array(at)).reshape(len(at), *weights.shape)
    values = (parts * weights).sum(axis=2)
    columns = zip(fitted, weights, np.transpose(at), values.T, strict=True)
    return Curves(
        intercept=float(line.intercept_), curves=tuple(_curve(*column) for column in columns)
    )


def _curve(spline: BSpline, weights: Numbers, at: Numbers, values: Numbers) -> Curve:
    """The curve of a column.

    Args:
        spline: Its knots and degree.
        weights: What each part of the spline is multiplied by.
        at: Its lower end; far below and near below it, near and far above the upper end.
        values: What it adds there.
    """
    _, far_below, below, above, far_above = zip(at.tolist(), values.tolist(), strict=True)
    first, last = float(spline.t[spline.k]), float(spline.t[-spline.k - 1])
    inner = dict(_pieces(spline, weights)) or {first: (float(values[0]),)}
    end = float(np.nextafter(last, np.inf))  # the upper end itself is within
    return Curve(
        knots=(*inner, end),
        pieces=(_line(first, below, far_below), *inner.values(), _line(end, above, far_above)),
    )


def _line(start: float, near: tuple[float, float], far: tuple[float, float]) -> tuple[float, float]:
    """Value and slope at a number of the line through two points."""
    slope = (far[1] - near[1]) / (far[0] - near[0])
    return near[1] + slope * (start - near[0]), slope


def _pieces(spline: BSpline, weights: Numbers) -> Iterator[tuple[float, tuple[float, ...]]]:
    """The polynomials between knots that differ: where each begins, and its coefficients."""
    knots, degree = spline.t, spline.k
    within = np.arange(degree, len(knots) - degree - 1)
    wide = within[knots[within] < knots[within + 1]]
    if len(wide):  # else the column was constant, which SciPy takes for no spline
        found = PPoly.from_spline(BSpline(knots, weights, degree)).c[::-1]
        for place in wide:
            yield float(knots[place]), tuple(map(float, found[:, place]))
