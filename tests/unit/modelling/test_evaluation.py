"""Scores, against values worked out by hand."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import Pipeline

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import (
    Metrics,
    cross_validation_metrics,
    features_and_target,
    fit_weighted,
    holdout_metrics,
    predict_out_of_fold,
    weights_of,
)
from salary_kedro.modelling.names import MODEL_NAMES, ModelName
from samples import QUICK, TARGET, column, constant, contract_of


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
    return predict_out_of_fold(mean_model(), train, contract, **settings)


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


def test_cross_validation_when_equal_rows_stay_together_then_none_is_asked_for_what_was_learned(
    contract: Contract,
) -> None:
    train = pd.DataFrame({"experience_years": [1.0, 1, 2, 2], "salary": [0.0, 0, 6, 6]})

    # Each pair is asked for by a model of the other one alone, and is 6 away.
    found = cross_validate(train, contract, folds=2, together=True)

    assert found == {"cv_rmse_mean": 6.0, "cv_rmse_sd": 0.0}


def test_cross_validation_when_no_row_repeats_then_is_the_same_whether_equal_ones_stay_together(
    contract: Contract,
) -> None:
    train = rows(0, 3, 9, 4, 8, 11)

    assert cross_validate(train, contract, together=True) == cross_validate(train, contract)


def test_cross_validation_when_it_is_done_then_leaves_the_model_as_it_was(
    contract: Contract,
) -> None:
    model = constant(200)

    predict_out_of_fold(model, rows(0, 3, 9), contract, folds=3, repeats=1, random_state=234)

    assert model.predict([[0.0]]).tolist() == [200.0]


def test_cross_validation_when_rows_are_fewer_than_folds_then_says_so(contract: Contract) -> None:
    with pytest.raises(UserError) as caught:
        cross_validate(rows(0, 3, 9), contract, folds=4)

    assert str(caught.value) == (
        "data_science.cross_validation.folds: 4 folds need at least 4 training rows, there are 3: "
        "lower the folds, or bring more rows"
    )


# --- Weights ---------------------------------------------------------------------------

WEIGHT = column("w", use="weight", exclusive_minimum=0)
WEIGHTED = contract_of(column("age"), WEIGHT)
LOG_WEIGHTED = contract_of(column("age"), WEIGHT, target={**TARGET, "log_scale": True})


def weighted_rows(repeats: list[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with weights, and the same people as rows of weight 1."""
    rng = np.random.default_rng(234)
    ages = rng.uniform(20, 60, len(repeats))
    salaries = 1000 * ages + rng.normal(0, 5000, len(repeats))
    table = pd.DataFrame({"age": ages, "w": np.array(repeats, float), "salary": salaries})
    people = table.loc[table.index.repeat(repeats)].assign(w=1.0).reset_index(drop=True)
    return table, people


def fitted(model: ModelName, table: pd.DataFrame, contract: Contract, scale: float = 1) -> Pipeline:
    weights = weights_of(table, contract)
    assert weights is not None
    unfitted = build_pipeline(contract, model, QUICK.get(model, {}), 234)
    return fit_weighted(unfitted, *features_and_target(table, contract), weights * scale)


@pytest.mark.parametrize("contract", [WEIGHTED, LOG_WEIGHTED])
@pytest.mark.parametrize("model", ["linear_regression", "decision_tree"])
def test_fit_weighted_when_a_row_is_two_people_then_is_as_if_it_stood_twice(
    model: ModelName, contract: Contract
) -> None:
    table, people = weighted_rows([1, 2, 3, 1, 4, 1, 2, 1])

    found = fitted(model, table, contract).predict([[25.0], [50.0]])

    assert found == pytest.approx(fitted(model, people, contract).predict([[25.0], [50.0]]))


@pytest.mark.parametrize("contract", [WEIGHTED, LOG_WEIGHTED])
@pytest.mark.parametrize("model", MODEL_NAMES)
def test_fit_weighted_when_weights_are_of_another_unit_then_the_model_is_the_same(
    model: ModelName, contract: Contract
) -> None:
    table, _ = weighted_rows([1, 2, 3, 1, 4, 1, 2, 1] * 5)

    found = fitted(model, table, contract, 1500.0).predict([[25.0], [50.0]])

    assert found == pytest.approx(fitted(model, table, contract).predict([[25.0], [50.0]]))


def test_fit_weighted_when_weights_differ_then_the_ridge_is_another() -> None:
    table, _ = weighted_rows([1, 2, 3, 1, 4, 1, 2, 1])
    even = table.assign(w=1.0)

    found = fitted("ridge", table, WEIGHTED).predict([[25.0]])

    assert found != pytest.approx(fitted("ridge", even, WEIGHTED).predict([[25.0]]))


def test_holdout_metrics_when_a_row_is_many_people_then_are_those_of_the_people() -> None:
    table, people = weighted_rows([1, 2, 3, 1, 5])

    found = holdout_metrics(constant(40_000), table, WEIGHTED)

    assert found == pytest.approx(holdout_metrics(constant(40_000), people, WEIGHTED))


def test_predict_out_of_fold_when_rows_have_weights_then_holds_and_scores_by_them() -> None:
    table = pd.DataFrame({"age": [1.0, 2, 3, 4], "w": [1.0, 1, 1, 3], "salary": [0.0, 0, 6, 6]})

    found = predict_out_of_fold(
        mean_model(), table, WEIGHTED, folds=2, repeats=1, random_state=234
    ).sort_values("place")

    assert found["weight"].tolist() == [1, 1, 1, 3]
    scores = []
    for number in (0, 1):
        scored = (found["fold"] == number).to_numpy()
        mean = np.average(table["salary"][~scored], weights=table["w"][~scored])
        errors = table["salary"][scored] - mean
        scores.append(np.sqrt(np.average(errors**2, weights=table["w"][scored])))
    assert cross_validation_metrics(found)["cv_rmse_mean"] == pytest.approx(np.mean(scores))


def test_weights_of_when_rows_were_split_without_them_then_says_what_to_run() -> None:
    with pytest.raises(UserError, match="run the pipeline data_engineering again"):
        weights_of(rows(1.0), WEIGHTED)
