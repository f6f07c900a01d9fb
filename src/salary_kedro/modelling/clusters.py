"""Rows that belong together, such as those of one person, and how much they tell together."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from salary_kedro.contract import Contract, Date
from salary_kedro.modelling.folding import ByGroup, ByTime, Splitting

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]


def clusters_of(rows: pd.DataFrame, contract: Contract, splitting: Splitting) -> Places | None:
    """Number the persons, households or employers to whom clean rows belong, whatever the split.

    That is by the field that the rows are split by, if by groups; else by the field of `use:
    split` with the most values that is neither a date nor what they are split by in time. A row
    without a value is one by itself.

    Returns:
        Numbers from 0, shape (rows,); None where no field tells, or all values differ.
    """
    field = cluster_field(rows, contract, splitting)
    if field is None or rows.empty:
        return None
    numbers = _numbered(rows[field])
    return None if numbers.max() + 1 == len(rows) else numbers


def cluster_field(rows: pd.DataFrame, contract: Contract, splitting: Splitting) -> str | None:
    """The field that tells which rows belong together; None if none does."""
    if isinstance(splitting.split, ByGroup):
        return splitting.split.group if splitting.split.group in rows else None
    time = splitting.split.time if isinstance(splitting.split, ByTime) else None
    fields = [
        column.name
        for column in contract.features
        if column.use == "split" and column.name != time and not isinstance(column, Date)
    ]
    known = [field for field in fields if field in rows]
    return max(known, key=lambda field: rows[field].nunique(), default=None)


def field_astride(
    train: pd.DataFrame, holdout: pd.DataFrame, contract: Contract, splitting: Splitting
) -> str | None:
    """The field that tells whose a row is, if it is not split by, and some are on both sides."""
    field = cluster_field(train, contract, splitting)
    if field is None or isinstance(splitting.split, ByGroup):
        return None
    return field if holdout[field].dropna().isin(train[field]).any() else None


def _numbered(values: pd.Series) -> Places:
    codes = np.asarray(pd.factorize(values)[0], dtype=np.intp)
    missing = codes < 0
    codes[missing] = codes.max() + 1 + np.arange(np.count_nonzero(missing))
    return codes


def kish(weights: Numbers) -> float:
    """How many rows of equal weight would tell as much (Kish, 1965, Survey Sampling)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def effective_rows(residuals: Numbers, weights: Numbers, clusters: Places | None) -> float:
    """How many independent rows of equal weight would tell as much of a share.

    Of rows in clusters that is the effective number of Korn and Graubard (1998, Survey
    Methodology 24): p (1 - p) over the variance by cluster totals (Kish, 1965, chapter 5), times
    the ratio of Student's quantiles of rows and clusters. The share is that of rows above the
    weighted median residual: it is near a half, so that its variance is known where nearly all
    rows lie within their intervals, and rows of a cluster are no more alike in lying within. Never
    are there fewer than if all rows of a cluster were alike, nor more than without clusters.

    Args:
        residuals: Actual minus predicted, shape (rows,).
        weights: How much each row counts, above 0.
        clusters: What each row belongs to, numbered from 0; None if all stand by themselves.
    """
    most = kish(weights)
    if clusters is None:
        return most
    numbers = np.unique(clusters, return_inverse=True)[1]
    totals: Numbers = np.bincount(numbers, weights).astype(np.float64)
    least = kish(totals)
    order = np.argsort(residuals, kind="stable")
    middle = order[np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)]
    above = residuals > residuals[middle]
    share = float(np.average(above, weights=weights))
    spread = float(np.sum(np.bincount(numbers, weights * (above - share)) ** 2))
    if len(totals) < 2 or spread == 0:
        return least
    found = share * (1 - share) * weights.sum() ** 2 / spread
    wide, wider = (stats.t.ppf(0.975, count - 1) for count in (len(weights), len(totals)))
    return float(np.clip(found * (wide / wider) ** 2, least, most))
