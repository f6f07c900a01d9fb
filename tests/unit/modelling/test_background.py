"""What explanations are made against: common values of each input, none of few people alone."""

from typing import Any

import numpy as np
import pandas as pd

from salary_kedro.bundle.background import CommonValues
from salary_kedro.modelling.background import MAX_MEANS, learn_background
from samples import boolean, category, clean_column, column, contract_of, day


def common(feature: dict[str, Any], values: list[Any], **more: Any) -> CommonValues:
    """What is learned of one column."""
    contract = contract_of(feature, *more.pop("features", ()))
    rows = pd.DataFrame({feature["name"]: clean_column(values, contract.features[0]), **more})
    return learn_background(rows, contract).inputs[feature["name"]]


def test_learn_when_a_column_holds_numbers_then_keeps_means_of_five_and_more() -> None:
    found = common(column("age"), [9.0, 8, 7, 6, 5, 4, 3, 2, 1, 100, 10])

    assert found.values == (3.5, 26.8)  # of 1 to 6, and of 7 to 10 and 100
    assert found.shares == (0.545, 0.455)


def test_learn_when_rows_are_many_then_keeps_few_means_and_the_mean_of_all() -> None:
    ages = np.random.default_rng(1).uniform(18, 70, 3200)

    found = common(column("age"), ages.tolist())

    assert len(found.values) == MAX_MEANS
    assert np.isclose(np.mean(np.array(found.values, float)), ages.mean())


def test_learn_when_a_category_is_rare_then_it_is_left_out() -> None:
    found = common(category("title", {"min_count": 1}), ["a"] * 6 + ["b"] * 4 + ["c"] * 12)

    assert (found.values, found.shares) == (("a", "c"), (0.333, 0.667))


def test_learn_when_values_are_missing_then_that_is_common_or_left_out_too() -> None:
    optional = column("age", required=False)

    often, once = common(optional, [5.0] * 5 + [None] * 5), common(optional, [5.0] * 5 + [None])

    assert (often.values, often.shares) == ((None, 5.0), (0.5, 0.5))
    assert once.values == (5.0,)


def test_learn_when_a_column_holds_truths_then_keeps_both_if_both_are_common() -> None:
    assert common(boolean("remote"), [True] * 5 + [False] * 15).values == (0.0, 1.0)
    assert common(boolean("remote"), [True] * 4 + [False] * 15).values == (0.0,)


def test_learn_when_nothing_is_common_then_is_the_contracts_example() -> None:
    assert common(column("age"), [1.0, 2.0]).values == (5.0,)
    assert common(category("sex", ["f", "m"]), ["m"] * 4).values == ("f",)
    assert common(day("hired"), ["2001-01-01"]).values == (18321.0,)  # 2020-02-29


def test_learn_when_rows_have_weights_then_means_and_shares_are_of_the_people() -> None:
    weight = column("w", use="weight", exclusive_minimum=0)

    found = common(
        column("age"), [1.0] * 5 + [2.0] * 4 + [8.0], features=[weight], w=[1.0] * 9 + [11.0]
    )

    assert found.values == (1.0, (2 * 4 + 8 * 11) / 15)
    assert found.shares == (0.25, 0.75)
