"""Tables against the contract: every broken row, its line and all of its reasons."""

import io
import math
import re

import numpy as np
import pandas as pd
import pandera.config
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from salary_kedro.contract import Contract, ContractError
from salary_kedro.contract.table import check_header, find_problems, line_numbers, read_columns
from samples import column, contract_of
from support import ROOT

YEARS = "Experience Years: must be a number from 0 to 60 (years)"
SALARY = "Salary: must be a number above 0 (a year, gross)"


def load_args() -> dict[str, object]:
    """How the catalog reads the raw file."""
    catalog = yaml.safe_load((ROOT / "conf" / "base" / "catalog.yml").read_text())
    found: dict[str, object] = catalog["raw_salaries"]["dataset"]["load_args"]
    return found


def read(text: str, **changes: object) -> pd.DataFrame:
    """Read a raw file's content."""
    return pd.read_csv(io.BytesIO(text.encode()), **{**load_args(), **changes})  # type: ignore[call-overload]


def problems(text: str, contract: Contract) -> dict[int, str]:
    raw = read(text)
    found: dict[int, str] = find_problems(raw, read_columns(raw, contract), contract).to_dict()
    return found


# --- The header -----------------------------------------------------------------


def test_check_header_when_columns_are_extra_and_in_another_order_then_says_nothing(
    contract: Contract,
) -> None:
    check_header(["Salary", "Name", "Experience Years"], contract)


def header_error(header: list[str], contract: Contract) -> str:
    with pytest.raises(ContractError) as caught:
        check_header(header, contract)
    return str(caught.value)


def test_check_header_when_a_column_is_missing_then_names_it_and_those_found(
    contract: Contract,
) -> None:
    assert header_error(["experience years", "Salary"], contract) == (
        "the table has no column 'Experience Years'; it has 'experience years', 'Salary': "
        "correct the file's header, or `column` in contract.yml"
    )


def test_check_header_when_all_columns_are_missing_then_names_each(contract: Contract) -> None:
    assert header_error(["Age"], contract) == (
        "the table has no column 'Experience Years', 'Salary'; it has 'Age': "
        "correct the file's header, or `column` in contract.yml"
    )


@pytest.mark.parametrize("delimiter", [";", "|"])
def test_check_header_when_the_delimiter_is_another_then_names_the_setting(
    delimiter: str, contract: Contract
) -> None:
    assert header_error([f"Experience Years{delimiter}Salary"], contract) == (
        f"the table has no column 'Experience Years', 'Salary'; "
        f"it has 'Experience Years{delimiter}Salary': its delimiter seems to be '{delimiter}': "
        f"set `load_args: {{sep: '{delimiter}'}}` in catalog.yml"
    )


@pytest.mark.parametrize("delimiter", [";", "|", "\t"])
def test_check_header_when_its_advice_on_the_delimiter_is_followed_then_the_table_is_read(
    delimiter: str, contract: Contract
) -> None:
    text = f"Experience Years{delimiter}Salary\n1.5{delimiter}40000\n"
    message = header_error(list(read(text).columns), contract)
    advice = re.search(r"`(load_args: .*)`", message)
    assert advice is not None

    table = read(text, **yaml.safe_load(advice[1])["load_args"])

    expected = pd.DataFrame({"Experience Years": [1.5], "Salary": [40000]})
    pd.testing.assert_frame_equal(table, expected)


def test_check_header_when_a_column_is_there_twice_then_says_so(contract: Contract) -> None:
    header = list(read("Experience Years,Salary,Salary\n1,2,3\n").columns)

    assert header_error(header, contract) == (
        "the table has more than one column 'Salary': give each a name of its own"
    )


# --- Reading the columns -----------------------------------------------------------


def test_read_columns_when_the_table_holds_more_then_takes_the_contracts_as_floats(
    contract: Contract,
) -> None:
    raw = read("Salary,Name,Experience Years\n40000,Ada,1.5\n50000,Bo, 2\n")

    expected = pd.DataFrame({"experience_years": [1.5, 2.0], "salary": [40000.0, 50000.0]})
    pd.testing.assert_frame_equal(read_columns(raw, contract), expected)


def test_read_columns_when_a_cell_is_no_number_then_is_nan_there(contract: Contract) -> None:
    raw = read("Experience Years,Salary\nfive,40000\n2,\n1e1,1_000\n")

    expected = pd.DataFrame(
        {"experience_years": [math.nan, 2.0, 10.0], "salary": [40000.0, math.nan, math.nan]}
    )
    pd.testing.assert_frame_equal(read_columns(raw, contract), expected)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([True, False]),
        pd.Series([True, None]),
        pd.Series([True, math.nan], dtype="object"),
        pd.Series([True, None], dtype="boolean"),
    ],
    ids=["bool", "object", "object with nan", "nullable"],
)
def test_read_columns_when_cells_are_booleans_then_they_are_no_numbers(
    values: pd.Series, contract: Contract
) -> None:
    raw = pd.DataFrame({"Experience Years": values, "Salary": [40000, 50000]})

    expected = pd.DataFrame({"experience_years": [math.nan] * 2, "salary": [40000.0, 50000.0]})
    pd.testing.assert_frame_equal(read_columns(raw, contract), expected)


def test_read_columns_when_cells_are_dates_then_they_are_no_numbers(contract: Contract) -> None:
    dates = pd.to_datetime(["2020-01-01", "2021-01-01"])
    raw = pd.DataFrame({"Experience Years": dates, "Salary": [40000, 50000]})

    expected = pd.DataFrame({"experience_years": [math.nan] * 2, "salary": [40000.0, 50000.0]})
    pd.testing.assert_frame_equal(read_columns(raw, contract), expected)


def test_read_columns_when_called_then_leaves_the_raw_table_as_it_was(contract: Contract) -> None:
    raw = read("Experience Years,Salary\nfive,40000\n")
    before = raw.copy(deep=True)

    read_columns(raw, contract)

    pd.testing.assert_frame_equal(raw, before)


# --- Broken rows ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        ("1.5,", "Salary: missing"),
        (",40000", "Experience Years: missing"),
        (",", "Experience Years: missing; Salary: missing"),
        ("", "Experience Years: missing; Salary: missing"),
        ("five,40000", "Experience Years: not a number"),
        ("five,", "Experience Years: not a number; Salary: missing"),
        ("5 years,40000", "Experience Years: not a number"),
        ("60.001,40000", YEARS),
        ("-0.001,40000", YEARS),
        ("inf,40000", YEARS),
        ("-inf,40000", YEARS),
        ("1.5,inf", SALARY),
        ("1.5,1e999", SALARY),
        ("1.5,0", SALARY),
        ("61,-1", f"{YEARS}; {SALARY}"),
        ("61,many", f"{YEARS}; Salary: not a number"),
        ("True,40000", "Experience Years: not a number"),
    ],
)
def test_find_problems_when_a_row_is_broken_then_gives_all_of_its_reasons(
    row: str, reasons: str, contract: Contract
) -> None:
    text = f"Experience Years,Salary\n1,40000\n{row}\n2,50000\n"

    assert problems(text, contract) == {1: reasons}


@pytest.mark.parametrize("row", ["0,0.001", "60,40000", "1e1,4e4", " 5 , 40000 ", "-0,1"])
def test_find_problems_when_a_row_is_at_the_edge_of_what_is_allowed_then_passes_it(
    row: str, contract: Contract
) -> None:
    assert problems(f"Experience Years,Salary\n{row}\n", contract) == {}


def test_find_problems_when_a_whole_column_is_boolean_then_refuses_every_row(
    contract: Contract,
) -> None:
    assert problems("Experience Years,Salary\nTrue,40000\nFalse,50000\n", contract) == {
        0: "Experience Years: not a number",
        1: "Experience Years: not a number",
    }


def test_find_problems_when_booleans_have_gaps_then_refuses_every_row(contract: Contract) -> None:
    assert problems("Experience Years,Salary\nTrue,40000\n,50000\nFalse,60000\n", contract) == {
        0: "Experience Years: not a number",
        1: "Experience Years: missing",
        2: "Experience Years: not a number",
    }


def test_find_problems_when_a_column_wants_whole_numbers_then_refuses_fractions() -> None:
    contract = contract_of(column("age", kind="integer"))

    assert problems("Age,Salary\n4,40000\n4.5,40000\n5.0,40000\n", contract) == {
        1: "Age: must be a whole number (units)"
    }


def test_find_problems_when_an_optional_value_is_missing_then_passes_the_row() -> None:
    contract = contract_of(column("age", required=False))

    assert problems("Age,Salary\n,40000\n4,50000\n", contract) == {}


def test_find_problems_when_an_optional_value_is_text_then_refuses_the_row() -> None:
    contract = contract_of(column("age", required=False))

    assert problems("Age,Salary\nold,40000\n4,50000\n", contract) == {0: "Age: not a number"}


def test_find_problems_when_there_is_a_header_only_then_gives_an_empty_series(
    contract: Contract,
) -> None:
    raw = read("Experience Years,Salary\n")

    found = find_problems(raw, read_columns(raw, contract), contract)

    assert (found.tolist(), found.index.tolist()) == ([], [])


def test_find_problems_when_the_table_is_indexed_anew_then_uses_its_index(
    contract: Contract,
) -> None:
    raw = read("Experience Years,Salary\n1,40000\n99,40000\n").set_index(pd.Index([7, 8]))

    assert find_problems(raw, read_columns(raw, contract), contract).to_dict() == {8: YEARS}


def test_find_problems_when_the_environment_switches_checks_off_then_checks_all_the_same(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pandera.config.CONFIG, "validation_enabled", False)

    assert problems("Experience Years,Salary\n99,40000\n", contract) == {0: YEARS}


def test_find_problems_when_values_are_broken_then_never_tells_them(contract: Contract) -> None:
    text = "Experience Years,Salary\n98765,-12345\nsecret,secret\n"

    assert not re.search("98765|12345|secret", str(problems(text, contract)))


numbers = st.floats() | st.sampled_from([0.0, 60.0, -0.0, 5e-324, math.inf, math.nan])
tables = st.lists(st.tuples(numbers, numbers), max_size=5).map(
    lambda rows: pd.DataFrame(rows, columns=["Age", "Salary"], dtype="float64")
)
bounded = contract_of(column("age", minimum=0, exclusive_maximum=60, required=False))


@settings(deadline=None, max_examples=30)
@given(tables)
def test_find_problems_when_cells_are_any_floats_then_refuses_what_the_column_does_not_allow(
    raw: pd.DataFrame,
) -> None:
    age, salary = bounded.columns
    expected = [
        index
        for index, row in raw.iterrows()
        if not ((np.isnan(row["Age"]) or age.allows(row["Age"])) and salary.allows(row["Salary"]))
    ]

    found = find_problems(raw, read_columns(raw, bounded), bounded)

    assert found.index.tolist() == expected


@settings(deadline=None, max_examples=10)
@given(tables)
def test_find_problems_when_a_table_comes_row_by_row_then_finds_the_same(raw: pd.DataFrame) -> None:
    whole = find_problems(raw, read_columns(raw, bounded), bounded)
    rows = (raw.loc[[index]] for index in raw.index)
    parts = [find_problems(row, read_columns(row, bounded), bounded) for row in rows]

    assert {key: text for part in parts for key, text in part.items()} == whole.to_dict()


# --- Line numbers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Age,Note\n1,a\n2,b\n3,c\n", [2, 3, 4]),
        ("Age,Note\n", []),
        ('Age,Note\n1,"two\nlines"\n2,b\n3,c\n', [2, 4, 5]),
        ('Age,Note\n1,"three\n\nlines"\n2,"and\ntwo"\n3,c\n', [2, 5, 7]),
        ('Age,Note\n1,"two\r\nlines"\n2,b\n', [2, 4]),
        ('Age,"A\nnote"\n1,a\n2,b\n', [3, 4]),
        ("Age,Note\n1,a\n\n3,c\n", [2, 3, 4]),
        ('Age,Note,More\n1,"a\nb","c\nd"\n2,,\n', [2, 5]),
    ],
    ids=["plain", "header only", "one", "several", "crlf", "header", "blank line", "two cells"],
)
def test_line_numbers_when_cells_hold_line_breaks_then_count_them(
    text: str, lines: list[int]
) -> None:
    assert line_numbers(read(text)).tolist() == lines
