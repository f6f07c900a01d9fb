"""For whom a model predicts well, and whom it says to be paid less than others who are alike.

All figures rest on predictions of models that had not seen the row, nor any row's group: audit
columns never reach a model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import assert_never

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.report import ColumnScores, GroupReport, GroupScores
from salary_kedro.contract import Boolean, Category, Contract, Date, Feature, Integer, Number
from salary_kedro.modelling.clusters import clusters_of
from salary_kedro.modelling.evaluation import features_and_target, weights_of
from salary_kedro.modelling.folding import Splitting

#: A smaller group is withheld, if nothing else is asked for: its scores would tell of single
#: persons.
MIN_GROUP_ROWS = 5
#: Of a column with more groups, the largest are told.
MAX_GROUPS = 50
GROUP_COLUMNS = ("column", *GroupScores.model_fields, "reference")
QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
NOT_STATED = "not stated"
CONFIDENCE = 0.95
RESAMPLES, SEED, FOLDS, LEAF_ROWS = 999, 234, 5, 20
#: Of more rows, the standard error is that of the normal limit, and resampling slow.
MAX_RESAMPLED_ROWS = 5_000
#: Where inputs tell more of a group than this share, nothing of it is left to compare.
MAX_TOLD = 0.95

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]
Members = dict[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class UnseenRows:
    """Rows with the predictions of models that had not seen them.

    Attributes:
        rows: Clean rows.
        inputs: What the estimator takes of them, encoded, shape (rows, columns).
        actual: Actual target, in its unit, shape (rows,).
        predicted: Predicted target.
        weights: How many people each row stands for, 1 on average.
        linear: Whether the estimator is a linear one.
        units: Of what person, household or employer each row is, numbered from 0; each by itself
            where that is not known.
    """

    rows: pd.DataFrame
    inputs: Numbers
    actual: Numbers
    predicted: Numbers
    weights: Numbers
    linear: bool
    units: Places

    @property
    def residuals(self) -> Numbers:
        """Actual minus predicted: how much more people earn than their inputs say."""
        return self.actual - self.predicted


def unseen_rows(
    model: Pipeline,
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    out_of_fold: pd.DataFrame,
    contract: Contract,
    splitting: Splitting,
) -> UnseenRows:
    """Put the training rows, as cross-validation first predicted them, beside the holdout.

    Args:
        model: The Pipeline, fitted on the training rows.
        train: The training rows.
        holdout: The holdout rows.
        out_of_fold: As `evaluation.predict_out_of_fold` gives it.
        contract: Names the columns.
        splitting: How the rows were split.
    """
    first = out_of_fold[out_of_fold["repeat"] == 0]
    rows = pd.concat([train.iloc[first["place"]], holdout], ignore_index=True)
    features, actual = features_and_target(rows, contract)
    predicted = model.predict(features.iloc[len(first) :])
    weights, units = weights_of(rows, contract), clusters_of(rows, contract, splitting)
    return UnseenRows(
        rows=rows,
        inputs=np.asarray(model[:-1].transform(features), dtype=np.float64),
        actual=actual.to_numpy(dtype=np.float64),
        predicted=np.concatenate([first["predicted"], predicted]),
        weights=np.ones(len(rows)) if weights is None else weights / weights.mean(),
        linear=_is_linear(model),
        units=np.arange(len(rows)) if units is None else units,
    )


def _is_linear(model: Pipeline) -> bool:
    from sklearn.linear_model import LinearRegression, Ridge

    regressor = getattr(model[-1], "regressor", model[-1])  # of a logarithmic target
    last = regressor[-1] if isinstance(regressor, Pipeline) else regressor
    return isinstance(last, LinearRegression | Ridge)


def score_groups(
    unseen: UnseenRows, contract: Contract, calibration: Calibration, min_rows: int
) -> GroupReport:
    """Score each group that the contract's audit columns make, and compare it with the largest.

    A category or a boolean is a group, and so are rows without a value; numbers and dates make
    quarters, by their rank.

    Args:
        unseen: The rows, and what models predicted that had not seen them.
        contract: Names the audit columns.
        calibration: How sure the model is.
        min_rows: A group of fewer rows, or of fewer units, is withheld.
    """
    groups = {column.name: _members(unseen.rows[column.name], column) for column in contract.audits}
    shown = _told_groups(groups, unseen.units, min_rows)
    gaps = sum(max(0, len(members) - 1) for members in shown.values())
    covered = _covered(unseen, calibration)
    return GroupReport(
        rows=len(unseen.rows),
        min_rows=min_rows,
        confidence=CONFIDENCE,
        columns=tuple(
            ColumnScores(
                column=name,
                withheld=len(groups[name]) - len(members),
                reference=_largest(members),
                groups=_scores(unseen, members, covered, gaps),
            )
            for name, members in shown.items()
        ),
    )


def _members(values: pd.Series, column: Feature) -> Members:
    """Which rows each group of a column has, in the column's own order."""
    match column:
        case Category():
            texts = values.astype(object)
        case Boolean():
            texts = values.map({True: "true", False: "false"}).astype(object)
        case Number() | Integer() | Date():
            texts = _quarters(values).astype(object)
        case _:
            assert_never(column)
    named = texts.where(values.notna(), NOT_STATED)
    order = (column.listed or ()) if isinstance(column, Category) else QUARTERS
    known = [*dict.fromkeys(order), *sorted(set(named) - set(order) - {NOT_STATED}), NOT_STATED]
    found = {name: (named == name).to_numpy(dtype=bool) for name in known}
    return {name: rows for name, rows in found.items() if rows.any()}


def _quarters(values: pd.Series) -> pd.Series:
    quarters = (values.rank(pct=True) * len(QUARTERS)).apply(np.ceil)  # equal values share one
    return quarters.map(dict(enumerate(QUARTERS, start=1)))


def _told_groups(groups: Mapping[str, Members], units: Places, min_rows: int) -> dict[str, Members]:
    """Withhold by units: several rows of one person are no group."""
    by_unit = {
        column: {name: np.bincount(units, rows) > 0 for name, rows in members.items()}
        for column, members in groups.items()
    }
    told = withhold(by_unit, min_rows)
    return {
        column: {name: rows for name, rows in members.items() if name in told[column]}
        for column, members in groups.items()
    }


def withhold(groups: Mapping[str, Members], min_rows: int) -> dict[str, Members]:
    """Leave out small groups, and others by which their figures could be had by subtraction.

    Of each column, what is left out is at least two groups and `min_rows` rows, or nothing: else
    it were the difference of the whole table and the groups that are told. A group that is all but
    fewer than `min_rows` rows of another column's is left out too, for these would be the
    difference of both. (Hundepool et al. 2012, Statistical Disclosure Control, chapter 4.)

    Args:
        groups: By column, which rows each group has; or which persons, who may be in several.
        min_rows: Fewest rows that a figure may rest on.
    """
    shown = {name: _complement(members, members, min_rows) for name, members in groups.items()}
    while nested := _nested(shown, min_rows):
        column, group = nested
        del shown[column][group]
        shown[column] = _complement(shown[column], groups[column], min_rows)
    return shown


def _complement(shown: Members, groups: Members, min_rows: int) -> Members:
    """Leave out the smallest groups until what is left out is large enough, or nothing."""
    by_size = sorted(shown, key=lambda name: int(groups[name].sum()))
    keep = [name for name in by_size if groups[name].sum() >= min_rows][-MAX_GROUPS:]
    while keep:
        hidden = [rows for name, rows in groups.items() if name not in keep]
        if not hidden or (len(hidden) > 1 and np.any(hidden, axis=0).sum() >= min_rows):
            break
        del keep[0]
    return {name: shown[name] for name in shown if name in keep}


def _nested(shown: Mapping[str, Members], min_rows: int) -> tuple[str, str] | None:
    """A group that another column's holds but for a few rows; None if there is none."""
    for one, other in permutations(shown, 2):
        for name, rows in shown[one].items():
            for larger in shown[other].values():
                beyond = int(larger.sum() - rows.sum())
                if 0 < beyond < min_rows and not (rows & ~larger).any():
                    return one, name
    return None


def _largest(members: Members) -> str | None:
    """The group that others are compared with: the largest that is stated."""
    stated = [name for name in members if name != NOT_STATED]
    return max(stated, key=lambda name: int(members[name].sum()), default=None)


def _covered(unseen: UnseenRows, calibration: Calibration) -> Numbers | None:
    """Whether each row lies within its interval, as 1 and 0; None if there are no intervals."""
    found = calibration.intervals(unseen.predicted)
    if found is None:
        return None
    return found.hold(unseen.actual).astype(np.float64)


def _scores(
    unseen: UnseenRows, members: Members, covered: Numbers | None, gaps: int
) -> tuple[GroupScores, ...]:
    """The scores of the groups of one column."""
    compared = _compare(unseen, members, gaps)
    return tuple(
        GroupScores(
            group=name,
            rows=int(rows.sum()),
            **_errors(unseen.residuals[rows], unseen.weights[rows], unseen.units[rows]),
            coverage=None
            if covered is None
            else float(np.average(covered[rows], weights=unseen.weights[rows])),
            **compared.get(name, {}),
        )
        for name, rows in members.items()
    )


def _errors(residuals: Numbers, weights: Numbers, units: Places) -> dict[str, float]:
    """Errors of one group, and the interval of the mean residual."""
    mean = float(np.average(residuals, weights=weights))
    ones = np.ones((len(residuals), 1))
    error = _standard_errors(ones, ones, residuals, weights, units)[0]
    half = error * _quantile(CONFIDENCE, len(np.unique(units)))
    return {
        "mean_residual": mean,
        "low": mean - half,
        "high": mean + half,
        "rmse": float(np.sqrt(np.average(residuals**2, weights=weights))),
        "mae": float(np.average(np.abs(residuals), weights=weights)),
    }


def _compare(unseen: UnseenRows, members: Members, gaps: int) -> dict[str, dict[str, float]]:
    """The unexplained gap of each group to the largest one.

    Residuals are regressed on membership; what the inputs do not tell of that is its instrument
    (Robinson 1988, Econometrica 56(4); Chernozhukov et al. 2018, The Econometrics Journal 21(1),
    section 4.1). That is the coefficient of the group in a regression of pay on inputs and group.
    Where inputs tell nothing of the group, it is the difference of the mean residuals. Where they
    do, a model without the group explains part of the gap by them, and the difference is too small.
    """
    reference = _largest(members)
    others = [name for name in members if name != reference]
    if reference is None or not others:
        return {}
    rows = np.any([*members.values()], axis=0)
    belongs = np.column_stack([members[name][rows] for name in others]).astype(np.float64)
    weights, residuals = unseen.weights[rows], unseen.residuals[rows]
    units = unseen.units[rows]
    rest = belongs - _told(unseen.inputs[rows], belongs, weights, units, linear=unseen.linear)
    told = 1 - np.average(rest**2, axis=0, weights=weights) / _variance(belongs, weights)
    sides = _centred(rest, weights), _centred(belongs, weights), _centred(residuals, weights)
    values = _coefficients(*sides, weights)
    errors = _standard_errors(*sides, weights, units)
    found = {}
    for place, name in enumerate(others):
        smaller = min(len(np.unique(unseen.units[members[side]])) for side in (name, reference))
        half = errors[place] * _quantile(1 - (1 - CONFIDENCE) / gaps, smaller)
        share = float(np.clip(told[place], 0, 1))
        gap, low, high = (float(values[place] + side) for side in (0, -half, half))
        found[name] = {"told": share} | (
            {"gap": gap, "gap_low": low, "gap_high": high} if share <= MAX_TOLD else {}
        )
    return found


def _told(
    inputs: Numbers, belongs: Numbers, weights: Numbers, units: Places, *, linear: bool
) -> Numbers:
    """What inputs tell of the membership of a row, learned from rows of other units.

    It is learned as the pay is: by a line, or else by a tree of large leaves. Unlike the pay's,
    its details would only add noise.
    """
    from sklearn.linear_model import Ridge
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor(min_samples_leaf=LEAF_ROWS, random_state=SEED)
    learner = Pipeline([("scale", StandardScaler()), ("learn", Ridge() if linear else tree)])
    told = np.empty_like(belongs)
    known = np.unique(units)
    folds = KFold(min(FOLDS, len(known)), shuffle=True, random_state=SEED)
    for parts in folds.split(known):
        fitted, scored = (np.flatnonzero(np.isin(units, known[part])) for part in parts)
        learner.fit(inputs[fitted], belongs[fitted], learn__sample_weight=weights[fitted])
        told[scored] = learner.predict(inputs[scored]).reshape(len(scored), -1)
    return told


def _centred(values: Numbers, weights: Numbers) -> Numbers:
    found: Numbers = values - np.average(values, axis=0, weights=weights)
    return found


def _variance(values: Numbers, weights: Numbers) -> Numbers:
    found: Numbers = np.average(_centred(values, weights) ** 2, axis=0, weights=weights)
    return found


def _coefficients(
    instruments: Numbers, regressors: Numbers, values: Numbers, weights: Numbers
) -> Numbers:
    """Weighted regression by instruments: shape (columns,)."""
    weighted = (weights[:, None] * instruments).T
    found: Numbers = np.linalg.pinv(weighted @ regressors) @ (weighted @ values)
    return found


def _resampled(
    instruments: Numbers, regressors: Numbers, values: Numbers, weights: Numbers
) -> Numbers:
    """The coefficients for each row of weights: shape (sets, columns)."""
    columns = regressors.shape[1]
    products = (instruments[:, :, None] * regressors[:, None, :]).reshape(len(values), -1)
    inverse = np.linalg.pinv((weights @ products).reshape(-1, columns, columns))
    found: Numbers = np.einsum("bij,bj->bi", inverse, weights @ (instruments * values[:, None]))
    return found


def _standard_errors(
    instruments: Numbers, regressors: Numbers, values: Numbers, weights: Numbers, units: Places
) -> Numbers:
    """Standard errors of the coefficients: of 999 resamples of the rows, a row with its weight.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 6 and 9; above 5,000
    rows their limit (White 1982, Econometrica 50(2)). Rows of one unit are drawn together
    (Cameron, Gelbach and Miller 2008, The Review of Economics and Statistics 90(3); for the limit
    Liang and Zeger 1986, Biometrika 73(1)).
    """
    rows, numbers = len(values), np.unique(units, return_inverse=True)[1]
    count = int(numbers.max()) + 1
    if rows > MAX_RESAMPLED_ROWS:
        fitted = _coefficients(instruments, regressors, values, weights)
        inverse = np.linalg.pinv((weights[:, None] * instruments).T @ regressors)
        scores = instruments * (weights * (values - regressors @ fitted))[:, None]
        totals = np.zeros((count, scores.shape[1]))
        np.add.at(totals, numbers, scores)
        limit: Numbers = np.sqrt(np.diag(inverse @ (totals.T @ totals) @ inverse.T))
        return limit
    random = np.random.default_rng(SEED)
    drawn = random.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)[:, numbers]
    resampled = _resampled(instruments, regressors, values, drawn * weights)
    error: Numbers = resampled.std(axis=0, ddof=1)
    return error


def _quantile(confidence: float, rows: int) -> float:
    """Student's quantile for a mean of few rows, whose resamples scatter too little."""
    return float(stats.t.ppf((1 + confidence) / 2, rows - 1) * np.sqrt(rows / (rows - 1)))


NO_GROUPS = GroupReport(rows=0, min_rows=MIN_GROUP_ROWS, confidence=CONFIDENCE, columns=())


def group_table(report: GroupReport) -> pd.DataFrame:
    """The groups of a report, a row each, as it is logged."""
    rows = [
        {"column": column.column, **scores.model_dump(), "reference": column.reference}
        for column in report.columns
        for scores in column.groups
    ]
    return pd.DataFrame(rows, columns=[*GROUP_COLUMNS]).astype({"rows": "int64"})
