"""What predicting by nothing but means and medians would give."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import root_mean_squared_error

from salary_kedro.contract import Boolean, Category, Contract

#: Metrics: RMSE of the training mean, and of the median by the strongest category.
BASELINES = ("baseline_mean_rmse", "baseline_median_rmse")


def baseline_metrics(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    contract: Contract,
    weights: NDArray[np.float64] | None = None,
) -> dict[str, float]:
    """Score two predictions that need no model, on the holdout rows.

    Args:
        train: Training rows, of which means and medians are taken; they are not weighted.
        holdout: Holdout rows.
        contract: Names features and target.
        weights: How many people each holdout row stands for; None if all are one.

    Returns:
        `baseline_mean_rmse`, of the training mean, and `baseline_median_rmse`, of the training
        median of each group of the strongest category, or of all where there is none, in the
        target's unit.
    """
    actual, known = holdout[contract.target.name], train[contract.target.name]
    by = strongest_category(train, contract)
    medians = np.full(len(holdout), known.median())
    if by is not None:
        by_group = known.groupby(train[by].astype(object)).median()
        medians = holdout[by].astype(object).map(by_group).fillna(known.median()).to_numpy(float)
    predicted = (np.full(len(holdout), known.mean()), medians)
    return {
        name: float(root_mean_squared_error(actual, values, sample_weight=weights))
        for name, values in zip(BASELINES, predicted, strict=True)
    }


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
