"""What means and medians alone would give."""

import math

import numpy as np
import pandas as pd
import pytest

from salary_kedro.modelling.baseline import (
    baseline_metrics,
    strongest_category,
    weighted_median,
)
from samples import boolean, category, column, contract_of

CONTRACT = contract_of(column("age"), category("city", ["Oslo", "Rome", "Bern"]), boolean("remote"))
WEIGHED = contract_of(
    column("age"),
    category("city", ["Oslo", "Rome", "Bern"]),
    boolean("remote"),
    column("persons", use="weight", exclusive_minimum=0),
)
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
    holdout = TRAIN.iloc[[0, 5]].assign(salary=[22.0, 25.0], persons=[3.0, 1.0])

    found = baseline_metrics(TRAIN.assign(persons=1.0), holdout, WEIGHED)

    assert found["baseline_mean_rmse"] == pytest.approx(math.sqrt((3 * 1 + 4) / 4))


def test_baseline_when_training_rows_are_weighted_then_mean_and_medians_are() -> None:
    train = TRAIN.assign(persons=[1.0, 1, 3, 1, 1, 1])
    holdout = TRAIN.iloc[[0, 3]].assign(salary=[20.0, 33.0], persons=1.0)

    found = baseline_metrics(train, holdout, WEIGHED)

    # The mean is 178 / 8 = 22.25; of Oslo, 3 of 5 people have 20; of Rome, the median is 33.
    assert found["baseline_mean_rmse"] == pytest.approx(math.sqrt((2.25**2 + 10.75**2) / 2))
    assert found["baseline_median_rmse"] == 0


@pytest.mark.parametrize(
    ("weights", "median"),
    [([1, 1, 1, 1], 2.5), ([0.1] * 4, 2.5), ([1, 1, 1, 4], 4), ([3, 1, 1, 1], 1.5)],
)
def test_weighted_median_when_weights_are_given_then_half_of_them_lie_below(
    weights: list[float], median: float
) -> None:
    assert weighted_median(np.array([3.0, 1, 2, 4])[[1, 2, 0, 3]], np.array(weights)) == median


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
