"""The estimators a run may choose, and the Pipeline around each."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeRegressor

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.modelling.estimators import ESTIMATORS, build_pipeline
from salary_kedro.modelling.names import MODEL_NAMES, ModelName
from samples import column, contract_of
from support import ROOT

ROWS = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0, 61.0], "rank": [1.0, 5.0, 2.0, 4.0, 3.0]})
SALARIES = [20.0, 50.0, 33.0, 61.0, 70.0]
TWO = contract_of(column("age"), column("rank"))


def last_step(pipeline: Pipeline) -> object:
    """The estimator itself, inside whatever Pipelines there are."""
    while isinstance(pipeline, Pipeline):
        pipeline = pipeline[-1]
    return pipeline


def test_estimators_when_listed_then_are_the_names_that_parameters_take() -> None:
    assert MODEL_NAMES == (
        "linear_regression",
        "decision_tree",
        "random_forest",
        "ridge",
        "spline_ridge",
        "hist_gradient_boosting",
    )
    assert tuple(ESTIMATORS) == MODEL_NAMES


@pytest.mark.parametrize("file", ["conf/base/parameters_data_science.yml", "docs/commands.md"])
@pytest.mark.parametrize("model", MODEL_NAMES)
def test_estimators_when_listed_then_people_read_their_names(model: str, file: str) -> None:
    assert model in (ROOT / file).read_text()


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("linear_regression", LinearRegression),
        ("decision_tree", DecisionTreeRegressor),
        ("random_forest", RandomForestRegressor),
        ("ridge", Ridge),
        ("spline_ridge", Ridge),
        ("hist_gradient_boosting", HistGradientBoostingRegressor),
    ],
)
def test_build_pipeline_when_a_model_is_named_then_ends_in_its_estimator(
    model: ModelName, kind: type
) -> None:
    assert type(last_step(build_pipeline(TWO, model, {}, 234))) is kind


@pytest.mark.parametrize(
    "model", ["decision_tree", "random_forest", "ridge", "spline_ridge", "hist_gradient_boosting"]
)
def test_build_pipeline_when_a_seed_is_given_then_the_estimator_has_it(model: ModelName) -> None:
    estimator = last_step(build_pipeline(TWO, model, {}, 99))

    assert estimator.random_state == 99  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("model", "setting", "value"),
    [
        ("linear_regression", "fit_intercept", False),
        ("decision_tree", "max_depth", 3),
        ("random_forest", "n_estimators", 7),
        ("ridge", "alpha", 0.5),
        ("spline_ridge", "alpha", 0.5),
        ("hist_gradient_boosting", "learning_rate", 0.2),
    ],
)
def test_build_pipeline_when_a_hyperparameter_is_given_then_the_estimator_has_it(
    model: ModelName, setting: str, value: object
) -> None:
    estimator = last_step(build_pipeline(TWO, model, {setting: value}, 234))

    assert getattr(estimator, setting) == value


def test_build_pipeline_when_a_hyperparameter_is_unknown_then_names_it() -> None:
    with pytest.raises(UserError) as caught:
        build_pipeline(TWO, "random_forest", {"n_trees": 5}, 234)

    message = str(caught.value)
    assert message.startswith(
        "data_science.hyperparameters.random_forest: random_forest has no setting 'n_trees'; "
        "it has bootstrap, ccp_alpha, criterion, max_depth, "
    )
    assert "random_state" not in message


def test_build_pipeline_when_a_hyperparameter_is_misspelt_then_guesses_the_right_one() -> None:
    with pytest.raises(UserError, match=r"'n_estimator': did you mean 'n_estimators'\?; it has "):
        build_pipeline(TWO, "random_forest", {"n_estimator": 5}, 234)


def test_build_pipeline_when_a_hyperparameter_is_another_models_then_lists_its_own() -> None:
    with pytest.raises(UserError, match=r"ridge: ridge has no setting 'max_depth'; it has alpha, "):
        build_pipeline(TWO, "ridge", {"max_depth": 5}, 234)


@pytest.mark.parametrize(
    ("model", "setting", "value"),
    [("random_forest", "n_estimators", -5), ("ridge", "alpha", "strong")],
)
def test_build_pipeline_when_a_hyperparameters_value_is_wrong_then_names_it(
    model: ModelName, setting: str, value: object
) -> None:
    with pytest.raises(UserError) as caught:
        build_pipeline(TWO, model, {setting: value}, 234)

    message = str(caught.value)
    assert message.startswith(f"data_science.hyperparameters.{model}: The '{setting}' parameter ")
    assert f"Got {value!r} instead" in message


def test_build_pipeline_when_boosting_is_told_of_categories_then_refers_to_the_contract() -> None:
    with pytest.raises(UserError, match="the contract says what is a category"):
        build_pipeline(TWO, "hist_gradient_boosting", {"categorical_features": [0]}, 234)


def test_build_pipeline_when_the_seed_is_a_hyperparameter_too_then_is_refused() -> None:
    with pytest.raises(UserError, match=r"hyperparameters\.decision_tree: .*'random_state'"):
        build_pipeline(TWO, "decision_tree", {"random_state": 1}, 234)


@pytest.mark.parametrize("model", ["decision_tree", "random_forest"])
def test_pipeline_when_fitted_twice_with_one_seed_then_predicts_the_same(model: ModelName) -> None:
    first, second = (
        build_pipeline(TWO, model, {}, 234).fit(ROWS, SALARIES).predict(ROWS) for _ in range(2)
    )

    np.testing.assert_array_equal(first, second)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_pipeline_when_rows_come_as_an_array_then_takes_the_contracts_order() -> None:
    contract = contract_of(column("age", required=False), column("rank"))
    model = build_pipeline(contract, "linear_regression", {}, 234).fit(ROWS, SALARIES)

    np.testing.assert_allclose(model.predict(ROWS.to_numpy()), model.predict(ROWS), rtol=1e-12)


def test_pipeline_when_an_optional_value_is_missing_then_takes_the_training_median() -> None:
    contract = contract_of(column("age"), column("rank", required=False))
    gaps = ROWS.assign(rank=[1.0, 9.0, 2.0, math.nan, math.nan])  # median of 1, 2 and 9: 2
    model = build_pipeline(contract, "decision_tree", {}, 234).fit(gaps, SALARIES)

    missing, median = (
        model.predict(pd.DataFrame({"age": [33.0], "rank": [rank]})) for rank in (math.nan, 2.0)
    )

    assert missing.tolist() == median.tolist()


def test_pipeline_when_a_required_value_is_missing_then_is_not_made_up(contract: Contract) -> None:
    rows = pd.DataFrame({"experience_years": [1.0, 2.0]})
    model = build_pipeline(contract, "linear_regression", {}, 234).fit(rows, [1.0, 2.0])

    with pytest.raises(ValueError, match="contains NaN"):
        model.predict(pd.DataFrame({"experience_years": [math.nan]}))


def test_ridge_when_a_feature_changes_its_unit_then_predicts_the_same() -> None:
    in_days = ROWS.assign(rank=ROWS["rank"] * 365)
    plain, scaled = (
        build_pipeline(TWO, "ridge", {}, 234).fit(rows, SALARIES).predict(rows)
        for rows in (ROWS, in_days)
    )

    np.testing.assert_allclose(plain, scaled, rtol=1e-12)
