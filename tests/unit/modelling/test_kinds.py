"""Preprocessing of every kind of column, by every estimator."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.pipeline import Pipeline

from salary_kedro.bundle.model_file import read_model
from salary_kedro.bundle.runtime.agreement import make_runtime
from salary_kedro.bundle.runtime.form import Plain
from salary_kedro.contract import Contract
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import predict_out_of_fold
from salary_kedro.modelling.folding import Splitting, fold_rows
from salary_kedro.modelling.names import MODEL_NAMES, ModelName
from salary_kedro.tables.frames import encode_frame, encoded_columns, learn_domain
from samples import QUICK, TARGET, category, column, contract_of

SITES = ["No", "1e3", "${x}", 'a "b"\nc']
MANY = [f"job {number}" for number in range(25)]
GRADES = ["low", "mid", "high"]
COLUMNS = (
    column("age"),
    column("bonus", required=False),
    column("score", required=False, missing="indicate"),
    column("level", kind="integer"),
    category("grade", GRADES, ordered=True, required=False),
    category("site", SITES, required=False),
    category("team", {"min_count": 5}, required=False),
    category("job", {"min_count": 1}, required=False),
    category("only", ["one"]),
    column("remote", kind="boolean", unit="", example=True, required=False, missing="indicate"),
    column("hired", kind="date", unit="", example="2020-01-01", required=False),
    column("no_number", required=False, missing="indicate"),
    category("no_text", {"min_count": 1}, required=False),
    category("no_grade", GRADES, ordered=True, required=False),
    column("no_truth", kind="boolean", unit="", example=True, required=False),
    column("no_day", kind="date", unit="", example="2020-01-01", required=False),
)
CONTRACT = contract_of(*COLUMNS)


def rows(count: int = 80) -> pd.DataFrame:
    """Clean rows of all kinds; every fourth value of what is optional is missing."""
    rng = np.random.default_rng(234)
    gaps = np.arange(count) % 4 == 3
    texts = {
        "grade": rng.choice(GRADES, count),
        "site": rng.choice(SITES, count),
        "team": np.where(np.arange(count) < 3, "rare", rng.choice(["red", "blue"], count)),
        "job": np.resize(MANY, count),
    }
    hired = pd.Series(pd.date_range("2019-01-01", periods=count)).astype("datetime64[ms]")
    table: dict[str, Any] = {
        "age": rng.uniform(20, 60, count),
        "bonus": np.where(gaps, np.nan, rng.uniform(0, 9, count)),
        "score": np.where(gaps, np.nan, rng.uniform(0, 9, count)),
        "level": rng.integers(1, 9, count).astype(float),
        **{name: pd.Categorical(np.where(gaps, None, text)) for name, text in texts.items()},
        "only": pd.Categorical(["one"] * count),
        "remote": pd.array(np.where(gaps, None, rng.integers(0, 2, count) == 1), dtype="boolean"),
        "hired": hired.mask(gaps),
        "no_number": np.nan,
        "no_text": pd.Categorical([None] * count),
        "no_grade": pd.Categorical([None] * count),
        "no_truth": pd.array([None] * count, dtype="boolean"),
        "no_day": pd.Series([pd.NaT] * count, dtype="datetime64[ms]"),
    }
    found = pd.DataFrame(table)
    return found.assign(salary=20_000 + 1_000 * found["age"] + 500 * found["level"])


def fit(contract: Contract, table: pd.DataFrame, model: ModelName = "decision_tree") -> Pipeline:
    domain = learn_domain(table, contract)
    pipeline = build_pipeline(contract, model, QUICK.get(model, {}), 234, domain)
    return pipeline.fit(encode_frame(table, contract), table["salary"])


def strange_rows() -> pd.DataFrame:
    """Encoded rows with categories that no training row has, and values where none had one."""
    encoded = encode_frame(rows(8), CONTRACT)
    new = {"team": "new", "job": "new", "no_text": "new", "no_grade": "mid"}
    return encoded.assign(**new, no_number=5.0, no_truth=1.0, no_day=18_000.0)


# --- Every estimator, all kinds at once ----------------------------------------------


@pytest.fixture(scope="module", params=MODEL_NAMES)
def fitted(request: pytest.FixtureRequest) -> Pipeline:
    """Each of the estimators, fitted on all kinds."""
    return fit(CONTRACT, rows(), request.param)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_pipeline_when_rows_come_as_an_array_then_predicts_what_it_does_for_a_frame(
    fitted: Pipeline,
) -> None:
    for encoded in (encode_frame(rows(), CONTRACT), strange_rows()):
        array = encoded.to_numpy(dtype=object)
        np.testing.assert_array_equal(fitted.predict(array), fitted.predict(encoded))


def test_pipeline_when_made_into_arrays_then_they_predict_the_same(fitted: Pipeline) -> None:
    files = make_runtime(fitted, CONTRACT, encoded_columns(strange_rows(), CONTRACT))

    form = Plain.parse(files["runtime.json"], files.get("runtime.npz"), CONTRACT).form
    assert form.reason == ""
    assert form.agreement is not None
    assert form.agreement.rows > 100
    assert form.agreement.thresholds == form.agreement.of


def test_pipeline_when_restored_from_its_file_then_predicts_the_same(fitted: Pipeline) -> None:
    restored = read_model(skops.io.dumps(fitted))

    np.testing.assert_array_equal(restored.predict(strange_rows()), fitted.predict(strange_rows()))


def test_pipeline_when_values_are_strange_or_missing_then_predicts_a_number(
    fitted: Pipeline,
) -> None:
    assert np.isfinite(fitted.predict(strange_rows())).all()


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_pipeline_when_all_kinds_are_fitted_twice_then_predicts_the_same(model: ModelName) -> None:
    first, second = (fit(CONTRACT, rows(), model).predict(strange_rows()) for _ in range(2))

    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_pipeline_when_the_target_is_fitted_on_a_log_scale_then_is_restored_and_above_zero(
    model: ModelName,
) -> None:
    contract = contract_of(*COLUMNS, target={**TARGET, "log_scale": True})
    pipeline = fit(contract, rows(), model)

    predicted = pipeline.predict(strange_rows())

    assert (predicted > 0).all()
    restored = read_model(skops.io.dumps(pipeline))
    np.testing.assert_array_equal(restored.predict(strange_rows()), predicted)
    assert b'"reason": ""' in make_runtime(pipeline, contract)["runtime.json"]


def test_pipeline_when_the_target_grows_by_a_factor_then_a_line_on_the_log_scale_finds_it() -> None:
    contract = contract_of(column("age"), target={**TARGET, "log_scale": True})
    table = pd.DataFrame({"age": [0.0, 1, 2], "salary": [100.0, 200, 400]})

    found = fit(contract, table, "linear_regression").predict(pd.DataFrame({"age": [3.0]}))

    np.testing.assert_allclose(found, [800])


# --- One kind at a time ---------------------------------------------------------------


def predictions(contract: Contract, table: pd.DataFrame, *values: object) -> list[float]:
    """What a decision tree, which knows its training rows by heart, says of single values."""
    asked = pd.DataFrame({contract.inputs[0].name: pd.Series(values, dtype=object)})
    found: list[float] = fit(contract, table).predict(asked).tolist()
    return found


def table_of(name: str, values: Any, salaries: list[float]) -> pd.DataFrame:
    return pd.DataFrame({name: values, "salary": salaries})


def test_ordered_category_when_listed_in_order_then_the_model_sees_its_place() -> None:
    contract = contract_of(category("grade", ["low", "mid", "high"], ordered=True))
    table = table_of("grade", pd.Categorical(["low", "high", "low", "high"]), [10, 30, 10, 30])

    found = fit(contract, table, "linear_regression").predict(pd.DataFrame({"grade": ["mid"]}))

    np.testing.assert_allclose(found, [20])  # half-way, though no training row has it


@pytest.mark.parametrize("ordered", [True, False])
def test_category_when_it_is_missing_then_is_a_category_of_its_own(ordered: bool) -> None:
    contract = contract_of(category("grade", ["low", "mid"], ordered=ordered, required=False))
    table = table_of("grade", pd.Categorical(["low", "mid", "mid", None]), [10, 20, 20, 70])

    assert predictions(contract, table, "low", "mid", np.nan) == [10, 20, 70]


def test_ordered_category_when_it_is_missing_then_a_linear_model_sees_no_place() -> None:
    contract = contract_of(category("grade", ["low", "mid"], ordered=True, required=False))
    table = table_of("grade", pd.Categorical(["low", "mid", "mid", None]), [10, 20, 20, 70])
    model = fit(contract, table, "linear_regression")

    found = model.predict(pd.DataFrame({"grade": ["low", "mid", np.nan]}))

    np.testing.assert_allclose(found, [10, 20, 70])


def test_learned_category_when_it_is_rare_or_new_then_counts_as_other() -> None:
    contract = contract_of(category("team", {"min_count": 2}))
    teams = pd.Categorical(["red", "red", "blue", "blue", "odd", "even"])
    table = table_of("team", teams, [10, 10, 20, 20, 50, 70])

    assert predictions(contract, table, "red", "odd", "even", "new") == [10, 60, 60, 60]


def test_learned_category_when_all_are_rare_then_the_model_says_the_mean() -> None:
    contract = contract_of(category("name", {"min_count": 2}))
    table = table_of("name", pd.Categorical(["Ann", "Bo"]), [10, 20])

    assert predictions(contract, table, "Ann", "new") == [15, 15]


@pytest.mark.parametrize("frequent", [2, 30])
def test_learned_category_when_it_is_rare_then_is_not_in_the_model(frequent: int) -> None:
    contract = contract_of(category("name", {"min_count": 2}))
    names = [f"team {number}" for number in range(frequent)] * 2 + ["Ann Onymous"]
    table = table_of("name", pd.Categorical(names), [float(number) for number in range(len(names))])

    assert b"Ann Onymous" not in skops.io.dumps(fit(contract, table))


def test_category_when_there_are_many_then_a_column_stands_for_their_mean_target() -> None:
    contract = contract_of(category("job", {"min_count": 1}))
    table = table_of("job", pd.Categorical(MANY * 4), [float(n) for n in range(25)] * 4)
    pipeline = fit(contract, table)

    encoded = pipeline[:-1].transform(encode_frame(table, contract))

    assert encoded.shape == (100, 1)
    assert np.corrcoef(encoded[:, 0], table["salary"])[0, 1] > 0.99


@pytest.mark.parametrize(("missing", "expected"), [("impute", [30.0]), ("indicate", [70.0])])
def test_number_when_its_absence_tells_then_only_indicate_lets_the_model_know(
    missing: str, expected: list[float]
) -> None:
    contract = contract_of(column("bonus", required=False, missing=missing))
    # The median is 2: imputed, the last row looks like the second, and 30 is their mean.
    table = table_of("bonus", [1.0, 2.0, 3.0, np.nan], [10, -10, 30, 70])

    assert predictions(contract, table, np.nan) == expected


def test_boolean_when_it_is_missing_then_takes_the_training_median() -> None:
    remote = column("remote", kind="boolean", unit="", example=True, required=False)
    truth = pd.array([True, True, False, None], dtype="boolean")

    found = predictions(contract_of(remote), table_of("remote", truth, [10, 10, 0, 10]), np.nan)

    assert found == [10]


def test_date_when_it_is_a_day_later_then_a_line_gives_a_days_worth_more() -> None:
    contract = contract_of(column("hired", kind="date", unit="", example="2020-01-01"))
    days = pd.Series(["2020-01-01", "2020-01-03"]).astype("datetime64[ms]")
    model = fit(contract, table_of("hired", days, [100, 104]), "linear_regression")

    later = table_of("hired", pd.Series(["2020-01-04"]).astype("datetime64[ms]"), [0])

    np.testing.assert_allclose(model.predict(encode_frame(later, contract)), [106])


# --- Few rows ---------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODEL_NAMES)
@pytest.mark.parametrize(("count", "folds"), [(10, 5), (40, 2)])
def test_cross_validation_when_rows_are_few_and_of_all_kinds_then_gives_a_number(
    count: int, folds: int, model: ModelName
) -> None:
    table = rows(count)  # 40 rows have more jobs than are encoded by a column each
    pipeline = build_pipeline(
        CONTRACT, model, QUICK.get(model, {}), 234, learn_domain(table, CONTRACT)
    )

    split = Splitting(train_size=0.7, random_state=234)
    folding = fold_rows(table, split, folds=folds, repeats=1, random_state=234)
    found = predict_out_of_fold(pipeline, table, CONTRACT, folding)

    assert sorted(found["place"]) == list(range(count))
    assert np.isfinite(found["predicted"]).all()
