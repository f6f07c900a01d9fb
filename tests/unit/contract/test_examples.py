"""Example rows made from the contract alone."""

import json
import math
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings

from salary_kedro.contract import Contract, Date
from salary_kedro.contract.examples import example_rows
from samples import boolean, category, column, contract_of, contracts, day


@pytest.mark.parametrize(
    ("feature", "values"),
    [
        (column("a", minimum=0, maximum=60), [0.0, 15.0, 30.0, 45.0, 60.0]),
        (column("a"), [5.0] * 5),
        (column("a", minimum=1), [1.0, 2.0, 3.0, 4.0, 5.0]),
        (column("a", exclusive_minimum=1, exclusive_maximum=9), [5.0, 3.0, 5.0, 7.0, 5.0]),
        (column("a", kind="integer", minimum=0, maximum=6), [0.0, 2.0, 3.0, 4.0, 6.0]),
        (column("a", kind="integer", minimum=4.5), [5.0, 5.0, 5.0, 5.0, 5.0]),
        (category("a", ["x", "y"]), ["x", "y", "x", "y", "x"]),
        (category("a", {}, example="clerk"), ["clerk"] * 5),
        (boolean("a", example=True), [True, False, True, False, True]),
        (
            day("a", minimum="2020-02-28", maximum="2020-03-03"),
            ["2020-02-28", "2020-02-29", "2020-03-01", "2020-03-02", "2020-03-03"],
        ),
        (day("a", exclusive_minimum="2020-02-28"), ["2020-02-29"] * 5),
    ],
)
def test_example_rows_when_there_is_one_feature_then_go_from_end_to_end(
    feature: dict[str, Any], values: list[Any]
) -> None:
    assert example_rows(contract_of(feature)) == [[value] for value in values]


def test_example_rows_when_bounds_are_beyond_what_trees_hold_then_keep_to_that() -> None:
    rows = example_rows(contract_of(column("a", minimum=-1e308, maximum=1e308)))

    assert (rows[0], rows[-1]) == ([-3.4e38], [3.4e38])


def test_example_rows_when_columns_are_no_features_then_leave_them_out() -> None:
    contract = contract_of(
        column("a", use="audit"), category("b", ["x"]), column("c", use="ignore"), boolean("d")
    )

    assert example_rows(contract)[0] == ["x", True]


@settings(max_examples=100)
@given(contracts())
def test_example_rows_when_the_contract_is_any_then_are_allowed_and_json(
    contract: Contract,
) -> None:
    rows = example_rows(contract)

    assert json.loads(json.dumps(rows)) == rows
    assert len(rows) == 5
    for row in rows:
        for value, feature in zip(row, contract.inputs, strict=True):
            held = date.fromisoformat(value) if isinstance(feature, Date) else value
            assert feature.allows(held)
            assert not (isinstance(value, float) and math.isnan(value))
