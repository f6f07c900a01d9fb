"""Permutation importance, against values worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from salary_kedro.contract import Contract
from salary_kedro.modelling import importance
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import features_and_target
from salary_kedro.modelling.importance import importance_table, measure_importance
from samples import category, column, contract_of

CONTRACT = contract_of(column("idle"), column("years"), category("level", ["a", "b"]))


def table(rows: int = 400) -> pd.DataFrame:
    """A salary of 1,000 a year and 500 for level b, to the cent."""
    rng = np.random.default_rng(234)
    idle, years = rng.uniform(0, 30, (2, rows))
    level = rng.choice(["a", "b"], rows)
    salary = 20_000 + 1000 * years + 500 * (level == "b")
    return pd.DataFrame(
        {"idle": idle, "years": years, "level": pd.Categorical(level), "salary": salary}
    )


def measured(rows: pd.DataFrame, contract: Contract = CONTRACT) -> importance.ImportanceReport:
    model = build_pipeline(contract, "linear_regression", {}, 234)
    model.fit(*features_and_target(rows, contract))
    return measure_importance(model, rows, contract, 234)


def test_measure_when_an_exact_line_is_shuffled_then_its_error_is_the_slope_times_the_shuffle() -> (
    None
):
    found = {item.input: item for item in measured(table()).inputs}

    # two independent values are the root of 2 standard deviations apart
    assert found["years"].importance == pytest.approx(1000 * 30 / np.sqrt(12) * np.sqrt(2), rel=0.1)
    assert found["level"].importance == pytest.approx(500 / 2 * np.sqrt(2), rel=0.1)
    assert found["idle"].importance == pytest.approx(0, abs=1e-6)
    assert 0 < found["years"].spread < 0.1 * found["years"].importance


def test_measure_when_done_then_the_most_important_input_is_first() -> None:
    assert [item.input for item in measured(table()).inputs] == ["years", "level", "idle"]


def test_measure_when_it_is_repeated_then_is_the_same() -> None:
    assert measured(table(50)) == measured(table(50))


def test_measure_when_there_are_many_rows_then_takes_a_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importance, "MAX_PREDICTIONS", 3 * 5 * 150)

    assert measured(table()).rows == 150
    assert measured(table(120)).rows == 120


def test_measure_when_rows_have_weights_then_the_error_is_of_the_people() -> None:
    weighted = contract_of(column("years"), column("w", use="weight", exclusive_minimum=0))
    rows = table(200)
    # all but ten rows, which are of one year of service, count for next to nothing
    rows["w"] = np.where(np.arange(200) < 10, 1.0, 1e-9)
    rows.loc[:9, "years"] = 15.0
    rows["salary"] = 20_000 + 1000 * rows["years"]

    heavy = measured(rows, weighted).inputs[0].importance
    plain = measured(rows.assign(w=1.0), weighted).inputs[0].importance

    assert heavy < plain  # shuffled values are at most 15 years off, not 30


def test_importance_table_when_there_are_inputs_then_has_a_row_each() -> None:
    found = importance_table(measured(table(50)))

    assert list(found.columns) == ["input", "importance", "spread"]
    assert found["input"].tolist() == ["years", "level", "idle"]
