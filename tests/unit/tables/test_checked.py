"""Checked tables: the valid rows, and the others with their lines and all of their reasons."""

import pandas as pd
import pytest

from salary_kedro.contract import ContractError
from salary_kedro.tables.checked import CheckedTable, check, refuse_weights
from salary_kedro.tables.left_out import FILTERED, NO_ROW, REPEATED
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


YEARS = column("experience_years", column="Experience Years", minimum=0)


def test_check_when_lines_are_no_rows_then_leaves_them_out_and_numbers_the_others_by_the_file() -> (
    None
):
    contract = contract_of(
        column("age", maximum=70), table={"csv": {"comment": "#", "footer": ["Total", "source:"]}}
    )
    raw = pd.DataFrame(
        {
            "Age": ["30", "# a remark", "99", " TOTAL", None],
            "Salary": ["1", "2", "3", "4", "Source: x"],
        }
    )

    found = check(raw, contract)

    assert found.left_out[NO_ROW].tolist() == [1, 3, 4]
    assert found.lines.to_dict() == {2: 4}
    assert found.valid["age"].tolist() == [30]


@pytest.mark.parametrize(
    ("first", "others", "left_out"),
    [
        ("Total", ["12"], True),
        ("TOTAL (n = 40)", ["12"], True),
        ("Total 2024", ["12"], True),
        ("Total:", ["12"], True),
        ("Total of all", [None], True),
        ("Total Rewards Manager", ["12"], False),
        ("Totals", [None], False),
        ("Subtotal", [None], False),
    ],
)
def test_check_when_a_row_begins_with_a_footers_word_then_is_left_out_only_if_it_is_no_persons(
    first: str, others: list[str | None], left_out: bool
) -> None:
    contract = contract_of(column("age"), table={"csv": {"footer": ["Total"]}})
    raw = pd.DataFrame({"Job": ["x", first], "Age": ["5", *others], "Salary": ["1", None]})

    assert (NO_ROW in check(raw, contract).left_out) is left_out


def test_check_when_rows_are_filtered_then_neither_rejects_nor_keeps_them() -> None:
    contract = contract_of(YEARS, table={"filter": {"Currency": ["USD", "usd "]}})
    raw = pd.DataFrame(
        {
            "Experience Years": [1.0, -1.0, 3.0, 4.0],
            "Salary": [1.0, 2.0, 3.0, 4.0],
            "Currency": ["USD ", "EUR", None, "usd"],
        }
    )

    found = check(raw, contract)

    assert found.left_out[FILTERED].tolist() == [1, 2]
    assert found.reasons.empty
    assert found.valid["salary"].tolist() == [1, 4]


def test_check_when_repeats_are_dropped_then_the_first_of_equal_valid_rows_stays() -> None:
    contract = contract_of(YEARS, table={"duplicates": "drop"})
    raw = pd.DataFrame({"Experience Years": [1.0, 1.0, -1.0, -1.0], "Salary": [5.0] * 4})

    found = check(raw, contract)

    assert found.left_out[REPEATED].tolist() == [1]
    assert found.valid.index.tolist() == [0]
    assert found.broken.tolist() == [2, 3]


def test_check_when_headers_are_padded_then_finds_the_columns() -> None:
    raw = pd.DataFrame({"\ufeffExperience Years ": [1.0], " Salary\u00a0": [2.0]})

    assert check(raw, contract_of(YEARS)).valid["salary"].tolist() == [2.0]


def test_check_when_a_column_that_tells_of_others_is_lacking_then_names_it() -> None:
    contract = contract_of(YEARS, table={"filter": {"Currency": ["USD"]}})

    with pytest.raises(ContractError, match="no column 'Currency'"):
        check(pd.DataFrame({"Experience Years": [1.0], "Salary": [2.0]}), contract)


# --- Weights ---------------------------------------------------------------------------

WEIGHTED = contract_of(column("age"), column("w", use="weight", exclusive_minimum=0))


@pytest.mark.parametrize("bad", ["0", "-3", "", "inf", "NaN", "many"])
def test_refuse_weights_when_some_are_not_above_0_then_says_how_many_where_and_what_to_do(
    bad: str,
) -> None:
    raw = pd.DataFrame(
        {"Age": ["1", "2", "3"], "W": ["1.5", bad, bad], "Salary": ["10", "20", "30"]}
    )

    with pytest.raises(ContractError) as caught:
        refuse_weights(check(raw, WEIGHTED), WEIGHTED)

    assert str(caught.value) == (
        "2 of 3 rows have no weight that is a number above 0 (units) in 'W' (first: line 3): "
        "correct them, remove these rows from the table, or leave the weights out with "
        "`use: ignore` in contract.yml"
    )


def test_refuse_weights_when_they_are_bad_in_several_ways_then_names_the_first_line() -> None:
    weights = ["1", "0", "1", "", "1", "x", "1", "-1"]
    raw = pd.DataFrame({"Age": "1", "W": weights, "Salary": "10"})

    with pytest.raises(ContractError, match=r"4 of 8 rows .* \(first: line 3\)"):
        refuse_weights(check(raw, WEIGHTED), WEIGHTED)


def test_refuse_weights_when_only_other_columns_are_broken_then_takes_the_table() -> None:
    raw = pd.DataFrame({"Age": ["1", ""], "W": ["1.5", "2"], "Salary": ["10", "20"]})

    refuse_weights(check(raw, WEIGHTED), WEIGHTED)
    refuse_weights(checked(), CONTRACT)
