"""What means and medians alone would give."""

import math

import pandas as pd
import pytest

from salary_kedro.modelling.baseline import baseline_metrics, strongest_category
from samples import boolean, category, column, contract_of

CONTRACT = contract_of(column("age"), category("city", ["Oslo", "Rome", "Bern"]), boolean("remote"))
TRAIN = pd.DataFrame(
    {
        "age": [1.0] * 6,
        "city": pd.Categorical(["Oslo", "Oslo", "Oslo", "Rome", "Rome", "Rome"]),
        "remote": pd.array([True, False] * 3, dtype="boolean"),
        "salary": [10.0, 12, 20, 30, 33, 33],
    }
)


def test_baseline_when_a_category_tells_most_then_takes_its_medians() -> None:
    holdout = pd.DataFrame(
        {
            "age": [1.0] * 3,
            "city": pd.Categorical(["Oslo", "Rome", "Bern"]),
            "remote": pd.array([True] * 3, dtype="boolean"),
            "salary": [12.0, 30.0, 28.0],
        }
    )

    found = baseline_metrics(TRAIN, holdout, CONTRACT)

    # The mean is 23: errors -11, 7, 5. Medians 12 and 33, of all 25: errors 0, -3, 3.
    assert strongest_category(TRAIN, CONTRACT) == "city"
    assert found == pytest.approx(
        {"baseline_mean_rmse": math.sqrt(195 / 3), "baseline_median_rmse": math.sqrt(18 / 3)}
    )


def test_baseline_when_rows_are_weighted_then_the_scores_are() -> None:
    holdout = TRAIN.iloc[[0, 5]].assign(salary=[22.0, 25.0])

    found = baseline_metrics(TRAIN, holdout, CONTRACT, pd.Series([3.0, 1.0]).to_numpy())

    assert found["baseline_mean_rmse"] == pytest.approx(math.sqrt((3 * 1 + 4) / 4))


@pytest.mark.parametrize(
    "cities", [["Oslo"] * 6, ["Oslo", "Rome"] * 3, [None] * 6], ids=["one", "chance", "missing"]
)
def test_strongest_when_no_category_tells_more_than_chance_then_is_none(
    cities: list[str | None],
) -> None:
    contract = contract_of(column("age"), category("city", ["Oslo", "Rome"], required=False))
    train = TRAIN.assign(city=pd.Categorical(cities), salary=[1.0, 2, 3, 3, 2, 1])

    assert strongest_category(train, contract) is None


def test_strongest_when_each_row_is_a_group_of_its_own_then_that_tells_nothing() -> None:
    contract = contract_of(column("age"), category("name", {"min_count": 1}))

    assert strongest_category(TRAIN.assign(name=pd.Categorical(list("abcdef"))), contract) is None
