"""Scores of a fitted model by group: for whom it predicts well."""

from collections.abc import Iterator
from typing import Any, assert_never

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from salary_kedro.contract import Boolean, Category, Contract, Date, Feature, Integer, Number
from salary_kedro.modelling.evaluation import features_and_target

Places = NDArray[np.intp]

#: A smaller group is left out: its scores would tell of single persons.
MIN_GROUP_ROWS = 5
QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
GROUP_COLUMNS = ("column", "group", "rows", "rmse", "mae", "mean_residual")


def score_by_group(model: Pipeline, holdout: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Score a fitted model on each group that the contract's audit columns make.

    A category or a boolean is a group; numbers and dates make quarters, by their
    rank among the holdout rows. Groups of fewer than five rows are left out.

    Returns:
        One row a group: `column` (the field), `group` (missing for rows without a
        value), `rows`, and `rmse`, `mae` and `mean_residual` (actual minus predicted)
        in the target's unit.
    """
    features, actual = features_and_target(holdout, contract)
    residuals = actual - model.predict(features) if contract.audits else actual
    tables = [
        _scores(residuals, _groups(holdout[column.name], column), column)
        for column in contract.audits
    ]
    found = pd.DataFrame([row for rows in tables for row in rows], columns=[*GROUP_COLUMNS])
    return found.astype({"rows": "int64"})


def shown_groups(rows: pd.DataFrame, contract: Contract) -> Iterator[tuple[str, Any, Places]]:
    """The groups of rows of which something may be told: by audit column, value and places.

    Those of fewer than five rows are left out; so is the smallest other one, if without it they
    would be fewer than five rows altogether, which a difference from the whole would tell of.
    """
    for column in contract.audits:
        codes, values = pd.factorize(_groups(rows[column.name], column), use_na_sentinel=False)
        labels: list[Any] = values.tolist()
        found = [np.flatnonzero(codes == code) for code in range(len(labels))]
        shown = sorted(range(len(found)), key=lambda code: len(found[code]))  # the smallest first
        withheld = 0
        while shown and (len(found[shown[0]]) < MIN_GROUP_ROWS or 0 < withheld < MIN_GROUP_ROWS):
            withheld += len(found[shown.pop(0)])
        for code in sorted(shown):
            yield column.name, None if pd.isna(labels[code]) else labels[code], found[code]


def _groups(values: pd.Series, column: Feature) -> pd.Series:
    """The group of each row; missing where the value is."""
    match column:
        case Category():
            return values
        case Boolean():
            return values.map({True: "true", False: "false"})
        case Number() | Integer() | Date():
            return _quarters(values)
    assert_never(column)


def _quarters(values: pd.Series) -> pd.Series:
    quarters = (values.rank(pct=True) * len(QUARTERS)).apply(np.ceil)  # equal values share one
    return quarters.map(dict(enumerate(QUARTERS, start=1)))


def _scores(
    residuals: pd.Series, groups: pd.Series, column: Feature
) -> Iterator[tuple[object, ...]]:
    for group, errors in residuals.groupby(groups, dropna=False, observed=True):
        if len(errors) >= MIN_GROUP_ROWS:
            rmse = float(np.sqrt((errors**2).mean()))
            yield column.name, group, len(errors), rmse, errors.abs().mean(), errors.mean()
