"""Scores, against values worked out by hand."""

import math
from typing import Any

import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import Pipeline

from salary_kedro.contract import Contract
from salary_kedro.modelling.evaluation import (
    Metrics,
    cross_validation_metrics,
    features_and_target,
    holdout_metrics,
    predict_out_of_fold,
)
from salary_kedro.modelling.folding import Splitting, fold_rows
from samples import column, constant, contract_of

SPLIT = Splitting(train_size=0.7, random_state=234)


def rows(*salaries: float) -> pd.DataFrame:
    return pd.DataFrame({"experience_years": range(len(salaries)), "salary": salaries}, dtype=float)


def mean_model() -> Pipeline:
    """Predicts the mean of what it was fitted on."""
    return Pipeline([("model", DummyRegressor())])


# --- Features and target --------------------------------------------------------


def test_features_and_target_when_the_table_is_in_another_order_then_take_the_contracts() -> None:
    contract = contract_of(column("b"), column("a"))
    table = pd.DataFrame({"a": [1.0], "salary": [3.0], "b": [2.0]})

    features, target = features_and_target(table, contract)

    pd.testing.assert_frame_equal(features, pd.DataFrame({"b": [2.0], "a": [1.0]}))
    pd.testing.assert_series_equal(target, pd.Series([3.0], name="salary"))


# --- Holdout ---------------------------------------------------------------------


def test_holdout_metrics_when_errors_are_known_then_are_what_the_formulas_give(
    contract: Contract,
) -> None:
    found = holdout_metrics(constant(200), rows(100, 200, 300), contract)

    assert found == pytest.approx(
        {
            "rmse": math.sqrt(20000 / 3),  # errors -100, 0 and 100
            "mae": 200 / 3,
            "median_absolute_error": 100.0,
            "r2": 0.0,  # no better than the mean
            "mape": (1 + 0 + 1 / 3) / 3,
        },
        rel=1e-12,
    )


def test_holdout_metrics_when_predictions_are_exact_then_has_no_error(contract: Contract) -> None:
    assert holdout_metrics(constant(7), rows(7, 7), contract) == {
        "rmse": 0.0,
        "mae": 0.0,
        "median_absolute_error": 0.0,
        "r2": 1.0,
        "mape": 0.0,
    }


def test_holdout_metrics_when_there_is_one_row_then_r2_is_nan(contract: Contract) -> None:
    found = holdout_metrics(constant(90), rows(100), contract)

    assert found == pytest.approx(
        {"rmse": 10, "mae": 10, "median_absolute_error": 10, "r2": math.nan, "mape": 0.1},
        nan_ok=True,
    )


# --- Cross-validation ----------------------------------------------------------------


def cross_validate(train: pd.DataFrame, contract: Contract, **changes: Any) -> Metrics:
    return cross_validation_metrics(out_of_fold(train, contract, **changes))


def out_of_fold(train: pd.DataFrame, contract: Contract, **changes: Any) -> pd.DataFrame:
    settings: dict[str, Any] = {"folds": 3, "repeats": 1, "random_state": 234, **changes}
    return predict_out_of_fold(mean_model(), train, contract, fold_rows(train, SPLIT, **settings))


def test_out_of_fold_when_each_row_is_a_fold_then_each_is_predicted_by_the_others(
    contract: Contract,
) -> None:
    found = out_of_fold(rows(0, 3, 9), contract, repeats=2)

    assert [list(found[name]) for name in ("repeat", "fold")] == [
        [0, 0, 0, 1, 1, 1],
        [0, 1, 2, 0, 1, 2],
    ]
    by_place = found.sort_values(["repeat", "place"], ignore_index=True)
    assert [list(by_place[name]) for name in ("place", "actual", "predicted")] == [
        [0, 1, 2, 0, 1, 2],
        [0, 3, 9, 0, 3, 9],
        [6, 4.5, 1.5, 6, 4.5, 1.5],
    ]


def test_out_of_fold_when_rows_have_weights_then_models_count_by_them_and_rows_keep_theirs() -> (
    None
):
    contract = contract_of(
        column("experience_years"), column("persons", use="weight", exclusive_minimum=0)
    )

    found = out_of_fold(rows(0, 3, 9).assign(persons=[1.0, 2, 3]), contract)

    by_place = found.sort_values("place", ignore_index=True)
    assert by_place["weight"].tolist() == [1, 2, 3]
    # Row 0 by 3 twice and 9 three times; row 1 by 0 once and 9 three times; row 2 by 0 and 3 twice.
    assert by_place["predicted"].tolist() == pytest.approx([33 / 5, 27 / 4, 6 / 3])


def test_cross_validation_when_each_row_is_a_fold_then_is_the_mean_and_sample_deviation(
    contract: Contract,
) -> None:
    # Left out one by one: 0 against 6 gives 6, 3 against 4.5 gives 1.5, 9 against 1.5 gives 7.5.
    assert cross_validate(rows(0, 3, 9), contract) == pytest.approx(
        {"cv_rmse_mean": 5.0, "cv_rmse_sd": math.sqrt(19.5 / 2)}, rel=1e-12
    )


def test_cross_validation_when_repeated_then_takes_all_scores_together(contract: Contract) -> None:
    assert cross_validate(rows(0, 3, 9), contract, repeats=2) == pytest.approx(
        {"cv_rmse_mean": 5.0, "cv_rmse_sd": math.sqrt(39 / 5)}, rel=1e-12
    )


def test_cross_validation_when_the_seed_is_the_same_then_folds_the_same(contract: Contract) -> None:
    train = rows(0, 3, 9, 4, 8, 11)

    assert cross_validate(train, contract) == cross_validate(train, contract)
    assert cross_validate(train, contract) != cross_validate(train, contract, random_state=5)


def test_cross_validation_when_it_is_done_then_leaves_the_model_as_it_was(
    contract: Contract,
) -> None:
    model = constant(200)

    train = rows(0, 3, 9)
    folding = fold_rows(train, SPLIT, folds=3, repeats=1, random_state=234)
    predict_out_of_fold(model, train, contract, folding)

    assert model.predict([[0.0]]).tolist() == [200.0]
