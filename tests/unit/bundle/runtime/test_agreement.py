"""Arrays serve only where they predict what scikit-learn does; what is odd is not guessed."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import Lasso, LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from salary_kedro.bundle.runtime import agreement
from salary_kedro.bundle.runtime.agreement import compare, make_runtime
from salary_kedro.bundle.runtime.compile import UncompilableError, compile_model, widened
from salary_kedro.bundle.runtime.evaluate import Evaluator
from salary_kedro.bundle.runtime.form import Plain
from salary_kedro.contract import Contract
from salary_kedro.contract.encoding import Encoded
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.names import ModelName
from samples import TARGET, category, column, contract_of

AGE = contract_of(column("age"))
PAIR = contract_of(column("age"), column("level", required=False, missing="indicate"))
GRADE = contract_of(category("grade", ["low", "high"]))
AGES = np.array([1.0, 2, 3, 4, 5, 6, 7, 8] * 5)
PAY = AGES**2 + 100
ROWS = pd.DataFrame({"age": AGES, "level": np.where(AGES == 3, np.nan, AGES % 4)})


def told(model: Pipeline, contract: Contract) -> dict[str, Any]:
    """What `runtime.json` holds."""
    found: dict[str, Any] = json.loads(make_runtime(model, contract)["runtime.json"])
    return found


def plain_steps(estimator: Any, step: Any = "passthrough") -> Pipeline:
    preprocess = ColumnTransformer([("all", step, [0])])
    return Pipeline([("preprocess", preprocess), ("model", estimator)])


# --- What is understood ---------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize(
    ("model", "hyperparameters"),
    [
        ("linear_regression", {"fit_intercept": False}),
        ("linear_regression", {"positive": True}),
        ("ridge", {"fit_intercept": False}),
        ("ridge", {"solver": "lsqr"}),
        ("spline_ridge", {}),
        ("spline_ridge", {"n_knots": 2}),
        ("spline_ridge", {"n_knots": 12, "fit_intercept": False}),
        ("decision_tree", {"criterion": "absolute_error"}),
        ("decision_tree", {"criterion": "poisson"}),
        ("decision_tree", {"monotonic_cst": [1, 0, 0]}),
        ("decision_tree", {"max_depth": 1}),
        ("random_forest", {"n_estimators": 3, "criterion": "absolute_error"}),
        ("random_forest", {"n_estimators": 3, "n_jobs": 2}),
        ("hist_gradient_boosting", {"loss": "poisson", "max_iter": 5}),
        ("hist_gradient_boosting", {"loss": "gamma", "max_iter": 5}),
        ("hist_gradient_boosting", {"loss": "quantile", "quantile": 0.8, "max_iter": 5}),
        ("hist_gradient_boosting", {"loss": "absolute_error", "max_iter": 5}),
        ("hist_gradient_boosting", {"max_iter": 5, "early_stopping": True}),
    ],
)
def test_make_runtime_when_hyperparameters_are_others_then_has_arrays(
    model: ModelName, hyperparameters: dict[str, Any]
) -> None:
    fitted = build_pipeline(PAIR, model, hyperparameters, 234).fit(ROWS, PAY)

    assert told(fitted, PAIR)["reason"] == ""


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize("model", ["decision_tree", "random_forest", "hist_gradient_boosting"])
def test_make_runtime_when_trees_were_fitted_on_missing_values_then_send_them_the_same_way(
    model: ModelName,
) -> None:
    """As the contract imputes, these come from elsewhere; their thresholds may be infinite."""
    estimator = build_pipeline(AGE, model, {}, 234).steps[-1][1]
    ages = np.where(AGES == 3, np.nan, AGES)[:, None]
    fitted = plain_steps(estimator).fit(ages, np.where(np.isnan(ages[:, 0]), 9000, PAY))
    files = make_runtime(fitted, AGE)
    evaluator = Evaluator(Plain.parse(files["runtime.json"], files["runtime.npz"], AGE), AGE)

    asked = np.array([np.nan, -1e30, 2.5, 3.5, 1e30])

    np.testing.assert_array_equal(
        evaluator.predict_columns([asked]), fitted.predict(asked[:, None])
    )
    assert evaluator.predict_row([None]) == evaluator.predict_columns([asked])[0]


def test_make_runtime_when_a_log_scale_has_no_finite_answer_then_agrees_on_that() -> None:
    contract = contract_of(column("age"), target={**TARGET, "log_scale": True})
    fitted = build_pipeline(contract, "linear_regression", {}, 234).fit(ROWS[["age"]], PAY)

    assert told(fitted, contract)["reason"] == ""


# --- What is not ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (plain_steps(Lasso()), "a Lasso is not known"),
        (plain_steps(ExtraTreesRegressor(n_estimators=2)), "a ExtraTreesRegressor is not known"),
        (
            plain_steps(LinearRegression(), StandardScaler()),
            "the step StandardScaler is not known",
        ),
        (plain_steps(LinearRegression(), KNNImputer()), "the step KNNImputer is not known"),
        (
            plain_steps(LinearRegression(), SimpleImputer(strategy="mean")),
            "a SimpleImputer does not put the median in the place of NaN",
        ),
        (
            plain_steps(TransformedTargetRegressor(LinearRegression(), func=np.sqrt,
                                                   inverse_func=np.square)),
            "the target is transformed by something else than a logarithm",
        ),
        (
            plain_steps(HistGradientBoostingRegressor(categorical_features=[0], max_iter=2,
                                                      min_samples_leaf=1)),
            "its trees tell categories apart by themselves",
        ),
        (Pipeline([("model", LinearRegression())]), "its steps are LinearRegression"),
        (
            plain_steps(Pipeline([("scale", StandardScaler()), ("line", Lasso())])),
            "a Lasso predicts by scaled columns",
        ),
    ],
)  # fmt: skip
def test_make_runtime_when_a_part_is_odd_then_says_so_and_makes_no_arrays(
    model: Pipeline, reason: str
) -> None:
    files = make_runtime(model.fit(AGES[:, None], PAY), AGE)

    assert [*files] == ["runtime.json"]
    assert json.loads(files["runtime.json"])["reason"] == reason


@pytest.mark.parametrize(
    "step",
    [
        OneHotEncoder(sparse_output=False),
        OneHotEncoder(handle_unknown="ignore"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False, drop="first"),
        OneHotEncoder(handle_unknown="infrequent_if_exist", sparse_output=False, min_frequency=2),
        OrdinalEncoder(),
    ],
)
def test_make_runtime_when_an_encoder_does_something_else_then_makes_no_arrays(step: Any) -> None:
    grades = np.array([["low"], ["high"]] * 5, dtype=object)

    found = told(plain_steps(LinearRegression(), step).fit(grades, [1.0, 2] * 5), GRADE)

    assert found["reason"]
    assert found["model"] is None


def line() -> Pipeline:
    return build_pipeline(AGE, "linear_regression", {}, 234).fit(ROWS[["age"]], PAY)


def tree() -> Pipeline:
    return build_pipeline(AGE, "decision_tree", {}, 234).fit(ROWS[["age"]], PAY)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize(("model", "factor"), [(line(), 1 + 1e-8), (tree(), 1 + 1e-15)])
def test_make_runtime_when_predictions_differ_then_makes_no_arrays(
    model: Pipeline, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Evaluator.predict_columns

    def lie(self: Evaluator, columns: list[Encoded]) -> Any:
        return honest(self, columns) * factor

    monkeypatch.setattr(Evaluator, "predict_columns", lie)

    assert " where the model predicts " in told(model, AGE)["reason"]


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_make_runtime_when_a_row_by_itself_differs_then_makes_no_arrays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = agreement.Evaluator

    class Liar(honest):  # type: ignore[misg, valid-type]
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            self.predict_row = lambda row: 1.0

    monkeypatch.setattr(agreement, "Evaluator", Liar)

    assert told(tree(), AGE)["reason"] == (
        "the arrays predict a row by itself otherwise than among others"
    )


@pytest.fixture(scope="module")
def forest() -> Pipeline:
    """Thirty trees, whose values have no short sum: their order shows in its last bits."""
    random = np.random.default_rng(234)
    ages = pd.DataFrame({"age": random.uniform(1, 60, 200)})
    made = build_pipeline(AGE, "random_forest", {"n_estimators": 30, "n_jobs": 1}, 234)
    return made.fit(ages, random.uniform(1e3, 1e5, 200))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize(("n_jobs", "tolerance"), [(None, 0), (1, 0), (2, 1e-9), (-1, 1e-9)])
def test_make_runtime_when_a_forest_has_several_threads_then_its_sums_may_differ_in_their_order(
    forest: Pipeline, n_jobs: int | None, tolerance: float
) -> None:
    forest.steps[-1][1].set_params(n_jobs=n_jobs)

    found = told(forest, AGE)

    assert (found["reason"], found["agreement"]["tolerance"]) == ("", tolerance)


@pytest.mark.parametrize("of", ["all", "some"])
def test_make_runtime_when_a_tree_has_thresholds_then_looks_at_as_many_as_it_tells(
    of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if of == "some":
        monkeypatch.setattr(agreement, "MAX_THRESHOLDS", 3)

    found = told(tree(), AGE)["agreement"]

    # eight ages have seven thresholds between them
    assert (found["thresholds"], found["of"]) == (7 if of == "all" else 3, 7)


def test_make_runtime_when_many_rows_were_seen_then_looks_at_2000_of_them() -> None:
    few, many = (
        json.loads(make_runtime(tree(), AGE, [np.linspace(1, 60, count)])["runtime.json"])
        for count in (1_000, 5_000)
    )

    assert many["agreement"]["rows"] == few["agreement"]["rows"] + 1_000


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_make_runtime_when_one_threshold_by_itself_gives_something_else_then_makes_no_arrays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = agreement.Evaluator

    class Liar(honest):  # type: ignore[misc, valid-type]
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            known = self.predict_row
            self.predict_row = lambda row: known(row) + (row[0] == 7.5)

    monkeypatch.setattr(agreement, "Evaluator", Liar)

    assert told(tree(), AGE)["reason"].startswith("the arrays predict a row by itself otherwise")


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize("place", range(7))
@pytest.mark.parametrize("end", [-np.inf, np.inf])
def test_compare_when_one_threshold_is_off_by_a_float32_then_is_refused(
    place: int, end: float
) -> None:
    model = tree()
    plain = compile_model(model, AGE)
    assert plain.nodes is not None
    inner = np.flatnonzero(plain.nodes.features >= 0)[place]
    moved = np.nextafter(np.float32(plain.nodes.numbers[inner]), np.float32(end))
    plain.nodes.numbers[inner] = widened(np.array([float(moved)]))[0]

    with pytest.raises(UncompilableError, match="the arrays predict"):
        compare(model, plain, AGE)


# --- float32 -----------------------------------------------------------------------------


EDGES = st.one_of(
    st.floats(allow_nan=False, width=32).map(float),
    st.floats(-1e39, 1e39),
    st.sampled_from([0.0, 1.0, -1.0, 3.4028234663852886e38, 1.401298464324817e-45]),
)


@settings(max_examples=300)
@given(EDGES, st.integers(-3, 3), st.integers(-3, 3))
def test_widened_when_a_number_is_near_a_threshold_then_goes_where_its_float32_does(
    threshold: float, narrow_steps: int, wide_steps: int
) -> None:
    near = np.float32(min(max(threshold, -3.4e38), 3.4e38))
    for _ in range(abs(narrow_steps)):
        near = np.nextafter(near, np.float32(np.sign(narrow_steps) * np.inf))
    wide = widened(np.array([threshold]))[0]
    for base in (float(near), float(wide)):
        value = base
        for _ in range(abs(wide_steps)):
            value = float(np.nextafter(value, np.sign(wide_steps) * np.inf))
        with np.errstate(over="ignore"):
            narrow = np.float32(value)
        if np.isfinite(narrow):  # others are refused
            assert (value <= wide) == bool(np.float64(narrow) <= threshold)
