"""Checked tables: the valid rows, and the others with their lines and all of their reasons."""

import pandas as pd
import pytest

from salary_kedro.contract import ContractError
from salary_kedro.tables.checked import CheckedTable, check
from samples import column, contract_of

CONTRACT = contract_of(
    column("age", kind="integer", minimum=18, maximum=70, example=30),
    table={"primary_key": ["Id"], "duplicates": "reject"},
)
AGE = "Age: must be a whole number from 18 to 70 (units)"
AGAIN = "Id: the key of an earlier row"


def checked() -> CheckedTable:
    """A table with labels of its own: a good row on two lines, and one of each kind of bad ones."""
    raw = pd.DataFrame(
        {
            "reasons": ["two\nlines", "b", "c", "d"],
            "Id": ["1", "1", "3", "4"],
            "Age": [30, 99, 30, 17],
            "Salary": [1.0, 2.0, 3.0, 4.0],
        },
        index=[7, 7, 8, 9],
    )
    return check(raw, CONTRACT)


def test_valid_when_rows_are_broken_then_holds_the_others_typed_under_their_field_names() -> None:
    expected = pd.DataFrame({"age": [30.0, 30.0], "salary": [1.0, 3.0]}, index=[0, 2])

    pd.testing.assert_frame_equal(checked().valid, expected)


def test_reasons_when_a_row_breaks_column_and_table_then_joins_both() -> None:
    assert checked().reasons.to_dict() == {1: f"{AGE}; {AGAIN}", 3: AGE}


def test_by_column_when_rows_are_broken_then_holds_what_is_about_each_column_alone() -> None:
    by_column = {name: found.to_dict() for name, found in checked().by_column.items()}

    assert by_column == {"age": {1: AGE, 3: AGE}, "salary": {}}
    assert checked().repeats.to_dict() == {1: AGAIN}


def test_lines_when_a_cell_holds_a_line_break_then_are_those_of_the_file() -> None:
    assert checked().lines.to_dict() == {1: 4, 3: 6}


def test_rejected_when_a_raw_column_bears_the_name_of_ours_then_stands_beside_it() -> None:
    expected = pd.DataFrame(
        {
            "line": [4, 6],
            "reasons": [f"{AGE}; {AGAIN}", AGE],
            "reasons (raw)": ["b", "d"],
            "Id": ["1", "4"],
            "Age": [99, 17],
            "Salary": [2.0, 4.0],
        },
        index=[1, 3],
    )

    pd.testing.assert_frame_equal(checked().rejected, expected)


def test_check_when_it_is_no_table_then_says_what_it_is() -> None:
    with pytest.raises(ContractError, match="raw_salaries gives a dict, not one pandas table"):
        check({}, CONTRACT)


def test_check_when_a_column_is_missing_then_names_it() -> None:
    with pytest.raises(ContractError, match="the table has no column 'Age'"):
        check(pd.DataFrame({"Id": ["1"], "Salary": [1.0]}), CONTRACT)
