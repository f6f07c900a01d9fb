"""What predicting by nothing but means and medians would give."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import root_mean_squared_error

from salary_kedro.contract import Boolean, Category, Contract
from salary_kedro.modelling.evaluation import weights_of

Numbers = NDArray[np.float64]

#: Metrics: RMSE of the training mean, and of the median by the strongest category.
BASELINES = ("baseline_mean_rmse", "baseline_median_rmse")
#: What sums of weights may be off.
ROUNDING = 1e-12


def baseline_metrics(
    train: pd.DataFrame, holdout: pd.DataFrame, contract: Contract
) -> dict[str, float]:
    """Score two predictions that need no model, on the holdout rows.

    Args:
        train: Training rows, of which means and medians are taken.
        holdout: Holdout rows.
        contract: Names features, target and weight.

    Returns:
        `baseline_mean_rmse`, of the training mean, and `baseline_median_rmse`, of the training
        median of each group of the strongest category, or of all where there is none, in the
        target's unit.
    """
    actual, known = holdout[contract.target.name], train[contract.target.name].to_numpy()
    weights = weights_of(train, contract)
    counts = np.ones(len(known)) if weights is None else weights
    by, median = strongest_category(train, contract), weighted_median(known, counts)
    medians = np.full(len(holdout), median)
    if by is not None:
        groups = train.groupby(train[by].astype(object)).indices
        found = {name: weighted_median(known[at], counts[at]) for name, at in groups.items()}
        medians = holdout[by].astype(object).map(found).fillna(median).to_numpy(float)
    predicted = (np.full(len(holdout), np.average(known, weights=counts)), medians)
    scored = weights_of(holdout, contract)
    return {
        name: float(root_mean_squared_error(actual, values, sample_weight=scored))
        for name, values in zip(BASELINES, predicted, strict=True)
    }


def weighted_median(values: Numbers, weights: Numbers) -> float:
    """The value that half of the weights lie below; the middle of two if it lies between them."""
    order = np.argsort(values, kind="stable")
    shares = np.cumsum(weights[order]) / weights.sum()
    middle = np.searchsorted(shares, (0.5 - ROUNDING, 0.5 + ROUNDING))
    return float(values[order[middle]].mean())


def strongest_category(train: pd.DataFrame, contract: Contract) -> str | None:
    """The input of texts or truths that tells most of the target; None if none tells anything.

    By epsilon squared, the share of the variance between its groups, adjusted for their number
    (Kelley, An unbiased correlation ratio measure, 1935).
    """
    target = train[contract.target.name]
    strengths = {
        column.name: _epsilon_squared(target, train[column.name].astype(object))
        for column in contract.inputs
        if isinstance(column, Category | Boolean)
    }
    best = max(strengths, key=strengths.__getitem__, default=None)
    return best if best is not None and strengths[best] > 0 else None


def _epsilon_squared(target: pd.Series, groups: pd.Series) -> float:
    known = groups.notna()
    target, groups = target[known], groups[known]
    free = len(target) - groups.nunique()
    total = float(((target - target.mean()) ** 2).sum())
    if free <= 0 or total == 0:
        return 0.0
    within = float(((target - target.groupby(groups).transform("mean")) ** 2).sum())
    return 1 - (within / free) / (total / (len(target) - 1))
