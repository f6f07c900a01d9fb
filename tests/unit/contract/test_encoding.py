"""Rows as a fitted Pipeline takes them: every kind, missing values, and the same as for frames."""

import math
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from salary_kedro.contract import Contract
from salary_kedro.contract.encoding import encode_rows
from salary_kedro.tables.frames import encode_frame
from samples import (
    boolean,
    category,
    clean_column,
    column,
    contract_of,
    contracts_and_rows,
    day,
)


@pytest.mark.parametrize(
    ("feature", "value", "encoded"),
    [
        (column("a"), 2.5, 2.5),
        (column("a", kind="integer"), 2, 2.0),
        (boolean("a"), True, 1.0),
        (boolean("a"), False, 0.0),
        (day("a"), "1970-01-01", 0.0),
        (day("a"), "1970-01-03", 2.0),
        (day("a"), "1969-12-31", -1.0),
        (day("a"), date(2020, 2, 29), 18321.0),
    ],
)
def test_encode_rows_when_values_are_measured_then_they_are_numbers(
    feature: dict[str, Any], value: Any, encoded: float
) -> None:
    found = encode_rows([[value]], contract_of(feature))

    assert (found.dtype, found.tolist()) == (np.float64, [[encoded]])


def test_encode_rows_when_there_are_categories_then_they_stay_texts_among_objects() -> None:
    contract = contract_of(category("level", ["No", "1e3"]), boolean("remote"), day("hired"))

    found = encode_rows([["No", True, "1970-01-02"], ["1e3", False, "1970-01-01"]], contract)

    assert found.dtype == object
    assert found.tolist() == [["No", 1.0, 1.0], ["1e3", 0.0, 0.0]]


@pytest.mark.parametrize("make", [column, boolean, day])
def test_encode_rows_when_a_value_is_missing_then_it_is_nan(make: Any) -> None:
    contract = contract_of(make("a", required=False))

    assert math.isnan(encode_rows([[None]], contract)[0, 0])


def test_encode_rows_when_a_category_is_missing_then_it_is_nan() -> None:
    contract = contract_of(category("a", {}, required=False))

    assert math.isnan(encode_rows([[None]], contract)[0, 0])


def test_encode_rows_when_columns_are_for_audit_then_rows_do_not_hold_them() -> None:
    contract = contract_of(column("a"), category("sex", {}, use="audit"))

    assert encode_rows([[1]], contract).tolist() == [[1.0]]


@pytest.mark.parametrize("row", [[], [1, 2]])
def test_encode_rows_when_a_row_has_another_length_then_is_refused(row: list[float]) -> None:
    with pytest.raises(ValueError, match="zip"):
        encode_rows([row], contract_of(column("a")))


@settings(max_examples=50)
@given(contracts_and_rows())
def test_encode_rows_when_a_frame_holds_the_same_rows_then_gives_the_same(
    pair: tuple[Contract, list[list[Any]]],
) -> None:
    contract, rows = pair
    clean = pd.DataFrame(
        {
            feature.name: clean_column([row[place] for row in rows], feature)
            for place, feature in enumerate(contract.inputs)
        }
    )

    encoded = encode_frame(clean, contract)

    assert list(encoded.columns) == contract.feature_names
    by_row = pd.DataFrame(encode_rows(rows, contract), columns=contract.feature_names)
    pd.testing.assert_frame_equal(encoded.astype(by_row.dtypes), by_row)
