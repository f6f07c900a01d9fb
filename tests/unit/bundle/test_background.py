"""The rows that predictions are explained against, and what their file may hold."""

import json
from typing import Any

import numpy as np
import pytest

from salary_kedro.bundle.background import Background, CommonValues
from salary_kedro.bundle.files import FileError
from samples import category, column, contract_of

CONTRACT = contract_of(column("age", required=False), category("sex", ["f", "m"]))
GOOD: dict[str, Any] = {
    "age": {"values": [20.0, 40.0, None], "shares": [0.25, 0.5, 0.25]},
    "sex": {"values": ["f", "m"], "shares": [0.5, 0.5]},
}


def parse(inputs: dict[str, Any]) -> Background:
    return Background.parse(json.dumps({"inputs": inputs}).encode(), CONTRACT)


def test_draw_when_shares_are_known_then_each_value_comes_as_often() -> None:
    drawn = CommonValues(values=("f", "m", None), shares=(0.25, 0.5, 0.25))

    found = [str(value) for value in drawn.draw(8, np.random.default_rng(1))]

    assert sorted(found) == ["f", "f", "m", "m", "m", "m", "nan", "nan"]


def test_rows_when_they_are_drawn_twice_then_are_the_same() -> None:
    first, second = parse(GOOD).rows(8, CONTRACT), parse(GOOD).rows(8, CONTRACT)

    assert first.shape == (8, 2)
    assert first.astype(str).tolist() == second.astype(str).tolist()


def test_rows_when_all_inputs_are_numbers_then_are_floats() -> None:
    found = Background.model_validate({"inputs": {"a": {"values": [1.0], "shares": [1.0]}}})

    rows = found.rows(2, contract_of(column("a")))

    assert rows.dtype == np.float64
    assert rows.tolist() == [[1.0], [1.0]]


def test_parse_when_there_is_nothing_then_explains_nothing() -> None:
    assert Background.parse(b"{}", CONTRACT) == Background()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"age": {"values": ["old"], "shares": [1.0]}}, "age holds what no number is"),
        ({"sex": {"values": [1.0], "shares": [1.0]}}, "sex holds what no category is"),
        ({"sex": {"values": [None], "shares": [1.0]}}, "sex holds what no category is"),
        ({"pay": {"values": [1.0], "shares": [1.0]}}, "does not hold the inputs of the contract"),
        ({"sex": {"values": ["f"], "shares": []}}, "there must be a share for each value"),
        ({"sex": {"values": [], "shares": []}}, "is not what an export writes"),
        ({"sex": {"values": ["f"], "shares": [0.0]}}, "is not what an export writes"),
        ({"age": {"values": [1e999], "shares": [1.0]}}, "is not what an export writes"),
        ({"sex": {"values": ["x" * 201], "shares": [1.0]}}, "is not what an export writes"),
    ],
)
def test_parse_when_it_is_not_of_the_contract_then_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(FileError, match=message):
        parse({**GOOD, **changes})


def test_parse_when_an_input_is_left_out_then_is_refused() -> None:
    with pytest.raises(FileError, match="does not hold the inputs of the contract"):
        parse({"age": GOOD["age"]})
