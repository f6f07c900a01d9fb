"""What a table would be rejected for, counted column by column."""

import json
from typing import Any

import pandas as pd
import pytest

from salary_kedro.contract import ContractError
from salary_kedro.tables.tally import tally
from samples import column, contract_of

CONTRACT = contract_of(
    column("age", kind="integer", minimum=18, maximum=70, example=30),
    column("level", kind="category", categories=["a", "b"], example="a", required=False),
    column("note", use="ignore"),
    table={"max_rejected_share": 0.5, "primary_key": ["Id"]},
)
RAW = pd.DataFrame(
    {
        "Id": ["1", "2", "2", "4"],
        "Age": ["30", "many", None, "99"],
        "Level": ["a", None, "c", "b"],
        "Note": ["x", "y", "z", "w"],
        "Salary": [1.0, 2.0, 3.0, 4.0],
        "Extra": [0, 0, 0, 0],
    }
)


def test_tally_when_rows_break_the_contract_then_counts_them_by_reason() -> None:
    report = tally(RAW, CONTRACT)

    age, level, salary = report["columns"]
    assert age["reasons"] == [
        {"reason": "Age: not a number", "rows": 1, "first_lines": [3]},
        {"reason": "Age: missing", "rows": 1, "first_lines": [4]},
        {
            "reason": "Age: must be a whole number from 18 to 70 (units)",
            "rows": 1,
            "first_lines": [5],
        },
    ]
    assert (age["rejected"], age["missing_share"]) == (3, 0.25)
    assert (level["rejected"], level["missing_share"]) == (1, 0.25)
    assert salary["rejected"] == 0


def test_tally_when_rows_break_the_contract_then_counts_each_row_once() -> None:
    report = tally(RAW, CONTRACT)

    assert (report["rows"], report["rejected"], report["rejected_share"]) == (4, 3, 0.75)
    assert report["accepted"] is False


def test_tally_when_a_key_is_there_twice_then_says_so_beside_the_columns() -> None:
    assert tally(RAW, CONTRACT)["table"] == [
        {"reason": "Id: the key of an earlier row", "rows": 1, "first_lines": [4]}
    ]


def test_tally_when_the_file_has_further_columns_then_names_them() -> None:
    report = tally(RAW, CONTRACT)

    assert (report["ignored"], report["unnamed"]) == (["Note"], ["Extra"])


def test_tally_when_all_is_well_then_accepts() -> None:
    report = tally(RAW.head(1), CONTRACT)

    assert (report["accepted"], report["rejected"]) == (True, 0)


def test_tally_when_there_are_no_rows_then_does_not_accept() -> None:
    assert tally(RAW.head(0), CONTRACT)["accepted"] is False


def test_tally_when_a_column_is_missing_then_says_which() -> None:
    with pytest.raises(ContractError, match="the table has no column 'Age'"):
        tally(RAW.drop(columns="Age"), CONTRACT)


def test_tally_when_it_is_reported_then_is_json_without_any_value() -> None:
    text = json.dumps(tally(RAW, CONTRACT))

    assert "many" not in text
    assert "99" not in text


def test_tally_when_given_several_sheets_then_says_what_to_correct() -> None:
    sheets: Any = {"2025": RAW, "2026": RAW}

    with pytest.raises(ContractError, match=r"gives a dict, not one pandas table: .* one sheet"):
        tally(sheets, CONTRACT)


def test_tally_when_the_last_line_is_the_sum_of_the_others_then_says_so_as_a_run_does() -> None:
    raw = pd.DataFrame({"Age": [1.0] * 6, "Salary": [4.0, 5.0, 6.0, 4.5, 7.0, 26.5]})

    with pytest.raises(ContractError, match="line 7 holds the sum of 'Salary'"):
        tally(raw, contract_of(column("age")))


def test_tally_when_a_valid_number_is_far_beyond_the_others_then_names_its_line() -> None:
    raw = pd.DataFrame({"Years": [*range(1, 9), 5_000], "Salary": [*range(5, 13), 9e4]})
    years = column("years", kind="number", minimum=0, maximum=10_000, example=1)

    report = tally(raw, contract_of(years))

    remedy = "(line 10): if that is a slip, correct it, or set `maximum` to reject its row."
    assert report["far_off"] == [
        f"Years: 1 value is 1,000 times the median {remedy}",
        f"Salary: 1 value is 10,000 times the median {remedy}",
    ]
    assert report["accepted"] is True


def test_tally_when_a_number_far_beyond_the_others_is_rejected_then_says_no_more_of_it() -> None:
    raw = pd.DataFrame({"Years": [*range(1, 9), 5_000], "Salary": range(5, 14)})
    years = column("years", kind="number", minimum=0, maximum=60, example=1)

    assert tally(raw, contract_of(years))["far_off"] == []


@pytest.mark.parametrize(("unit", "count"), [("USD", 1), ("logarithm of USD", 0)])
def test_tally_when_pay_is_far_below_the_others_then_names_its_line_but_no_logarithm(
    unit: str, count: int
) -> None:
    raw = pd.DataFrame({"Years": [*range(1, 10)], "Salary": [*range(500, 508), 4.5]})
    contract = contract_of(column("years", kind="number", minimum=0, maximum=60, example=1))
    target = contract.target.model_copy(update={"unit": unit})

    report = tally(raw, contract.model_copy(update={"target": target}))

    remark = (
        "Salary: 1 value is below a hundredth of the median (line 10): if that is a slip, correct "
        "it, or set `minimum` to reject its row."
    )
    assert report["far_off"] == [remark] * count
