"""Scores of a fitted model: on the holdout rows, and by repeated cross-validation."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.metrics import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    median_absolute_error,
    r2_score,
    root_mean_squared_error,
)
from sklearn.pipeline import Pipeline

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.modelling.folding import Fold
from salary_kedro.tables.frames import encode_frame

Metrics = dict[str, float]
Weights = NDArray[np.float64]


def features_and_target(rows: pd.DataFrame, contract: Contract) -> tuple[pd.DataFrame, pd.Series]:
    """Split clean rows into the features, encoded in the model's input order, and the target."""
    return encode_frame(rows, contract), rows[contract.target.name]


def weights_of(rows: pd.DataFrame, contract: Contract) -> Weights | None:
    """How many people each clean row stands for, shape (rows,); None if all are one.

    Raises:
        UserError: If the rows were split before the contract named a weight.
    """
    if contract.weight is None:
        return None
    if contract.weight.name not in rows:
        raise UserError(
            f"the rows have no weight '{contract.weight.name}', which contract.yml names: run the "
            f"pipeline data_engineering again"
        )
    return rows[contract.weight.name].to_numpy(dtype=np.float64)


def fit_weighted(
    model: Pipeline, features: pd.DataFrame, target: pd.Series, weights: Weights | None
) -> Pipeline:
    """Fit a Pipeline of `build_pipeline`; weights reach the estimator, not the preprocessing.

    They are divided by their mean, so that penalties keep their strength.
    """
    if weights is None:
        return model.fit(features, target)
    name, estimator = model.steps[-1]
    regressor = getattr(estimator, "regressor", estimator)  # of a logarithmic target
    steps = regressor.named_steps if isinstance(regressor, Pipeline) else {}
    names = [f"{step}__sample_weight" for step in steps] or ["sample_weight"]
    return model.fit(
        features, target, **{f"{name}__{inner}": weights / weights.mean() for inner in names}
    )


def holdout_metrics(model: Pipeline, holdout: pd.DataFrame, contract: Contract) -> Metrics:
    """Score a fitted model on rows it has not seen.

    Returns:
        `rmse`, `mae`, `median_absolute_error` in the target's unit, `r2` (at most 1;
        NaN on fewer than two rows) and `mape` (a share: 0.1 is 10 %); of people, where the
        contract has weights.
    """
    features, actual = features_and_target(holdout, contract)
    scored = (actual, model.predict(features))
    weights = weights_of(holdout, contract)
    r2 = r2_score(*scored, sample_weight=weights) if len(actual) > 1 else math.nan
    return {
        "rmse": float(root_mean_squared_error(*scored, sample_weight=weights)),
        "mae": float(mean_absolute_error(*scored, sample_weight=weights)),
        "median_absolute_error": float(median_absolute_error(*scored, sample_weight=weights)),
        "r2": float(r2),
        "mape": float(mean_absolute_percentage_error(*scored, sample_weight=weights)),
    }


def predict_out_of_fold(
    model: Pipeline, train: pd.DataFrame, contract: Contract, folding: Iterable[Fold]
) -> pd.DataFrame:
    """Predict the training rows by cross-validation.

    Args:
        model: The Pipeline; each fold fits a clone, the argument stays as it is.
        train: The training rows.
        contract: Names the features and the target.
        folding: The folds, as `folding.fold_rows` gives them.

    Returns:
        `repeat` and `fold`, from 0, `place` of a training row, from 0, and its `actual` and
        `predicted` target, in its unit; and its `weight`, where the contract has one.
    """
    rows = (*features_and_target(train, contract), weights_of(train, contract))
    return pd.concat([predict_fold(model, *rows, fold) for fold in folding], ignore_index=True)


def predict_fold(
    model: Pipeline, features: pd.DataFrame, target: pd.Series, weights: Weights | None, fold: Fold
) -> pd.DataFrame:
    """Predict the rows of one fold by a clone that is fitted on the others.

    Args:
        model: The Pipeline, which stays as it is.
        features: Of all training rows, encoded.
        target: Their target.
        weights: Their weights, see `weights_of`.
        fold: The places of the rows to fit and to predict.

    Returns:
        As `predict_out_of_fold`.
    """
    repeat, number, fitted, scored = fold
    known = None if weights is None else weights[fitted]
    fold_model = fit_weighted(clone(model), features.iloc[fitted], target.iloc[fitted], known)
    part = {
        "repeat": repeat,
        "fold": number,
        "place": scored,
        "actual": target.iloc[scored].to_numpy(dtype=np.float64),
        "predicted": fold_model.predict(features.iloc[scored]),
        **({} if weights is None else {"weight": weights[scored]}),
    }
    return pd.DataFrame(part)


def cross_validation_metrics(out_of_fold: pd.DataFrame) -> Metrics:
    """Estimate the RMSE from the out-of-fold predictions, `predict_out_of_fold`.

    Returns:
        `cv_rmse_mean` and `cv_rmse_sd` (ddof 1) of folds x repeats scores, in its unit.
    """
    scores = np.array([fold_rmse(fold) for _, fold in out_of_fold.groupby(["repeat", "fold"])])
    return {"cv_rmse_mean": float(scores.mean()), "cv_rmse_sd": float(np.std(scores, ddof=1))}


def fold_rmse(predicted: pd.DataFrame) -> float:
    """RMSE of the predictions of one fold, see `predict_fold`, in the target's unit."""
    weights = predicted.get("weight")
    rmse = root_mean_squared_error(
        predicted["actual"], predicted["predicted"], sample_weight=weights
    )
    return float(rmse)
