"""Rows that break the contract, with all of their reasons, and rows that repeat others."""

import csv
import math
import re

import numpy as np
import pandas as pd
import pandera.config
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from salary_kedro.contract import Boolean, Category, Contract, Date
from salary_kedro.tables.checked import check
from salary_kedro.tables.columns import read_columns
from salary_kedro.tables.csv_arguments import KNOWN_MISSING
from samples import (
    boolean,
    category,
    clean_column,
    column,
    columns_of_every_kind,
    contract_of,
    contracts_and_rows,
    day,
    read_raw,
)

YEARS = "Experience Years: must be a number from 0 to 60 (years)"
SALARY = "Salary: must be a number above 0 (a year, gross)"


def clean(text: str, contract: Contract) -> pd.DataFrame:
    return read_columns(read_raw(text, contract), contract)


def problems(text: str, contract: Contract) -> dict[int, str]:
    found: dict[int, str] = check(read_raw(text, contract), contract).reasons.to_dict()
    return found


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
        ("1.5,inf", f"{SALARY}, and at most 3.4e+38"),
        ("1.5,1e999", f"{SALARY}, and at most 3.4e+38"),
        ("1.5,0", SALARY),
        ("61,-1", f"{YEARS}; {SALARY}"),
        ("61,many", f"{YEARS}; Salary: not a number"),
        ("True,40000", "Experience Years: not a number"),
    ],
)
def test_check_when_a_row_is_broken_then_gives_all_of_its_reasons(
    row: str, reasons: str, contract: Contract
) -> None:
    text = f"Experience Years,Salary\n1,40000\n{row}\n2,50000\n"

    assert problems(text, contract) == {1: reasons}


@pytest.mark.parametrize("row", ["0,0.001", "60,40000", "1e1,4e4", " 5 , 40000 ", "-0,1"])
def test_check_when_a_row_is_at_the_edge_of_what_is_allowed_then_passes_it(
    row: str, contract: Contract
) -> None:
    assert problems(f"Experience Years,Salary\n{row}\n", contract) == {}


def test_check_when_a_whole_column_is_boolean_then_refuses_every_row(
    contract: Contract,
) -> None:
    assert problems("Experience Years,Salary\nTrue,40000\nFalse,50000\n", contract) == {
        0: "Experience Years: not a number",
        1: "Experience Years: not a number",
    }


def test_check_when_booleans_have_gaps_then_refuses_every_row(contract: Contract) -> None:
    assert problems("Experience Years,Salary\nTrue,40000\n,50000\nFalse,60000\n", contract) == {
        0: "Experience Years: not a number",
        1: "Experience Years: missing",
        2: "Experience Years: not a number",
    }


def test_check_when_a_column_wants_whole_numbers_then_refuses_fractions() -> None:
    contract = contract_of(column("age", kind="integer"))

    assert problems("Age,Salary\n4,40000\n4.5,40000\n5.0,40000\n", contract) == {
        1: "Age: must be a whole number (units)"
    }


def test_check_when_an_optional_value_is_missing_then_passes_the_row() -> None:
    contract = contract_of(column("age", required=False))

    assert problems("Age,Salary\n,40000\n4,50000\n", contract) == {}


def test_check_when_an_optional_value_is_text_then_refuses_the_row() -> None:
    contract = contract_of(column("age", required=False))

    assert problems("Age,Salary\nold,40000\n4,50000\n", contract) == {0: "Age: not a number"}


def test_check_when_there_is_a_header_only_then_gives_an_empty_series(
    contract: Contract,
) -> None:
    raw = read_raw("Experience Years,Salary\n", contract)

    found = check(raw, contract).reasons

    assert (found.tolist(), found.index.tolist()) == ([], [])


def test_check_when_labels_of_the_rows_repeat_then_numbers_the_rows_from_0(
    contract: Contract,
) -> None:
    raw = read_raw("Experience Years,Salary\n1,40000\n99,40000\n", contract)
    raw = raw.set_index(pd.Index([7, 7]))

    assert check(raw, contract).reasons.to_dict() == {1: YEARS}


def test_check_when_the_environment_switches_checks_off_then_checks_all_the_same(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pandera.config.CONFIG, "validation_enabled", False)

    assert problems("Experience Years,Salary\n99,40000\n", contract) == {0: YEARS}


def test_check_when_values_are_broken_then_never_tells_them(contract: Contract) -> None:
    text = "Experience Years,Salary\n98765,-12345\nsecret,secret\n"

    assert not re.search("98765|12345|secret", str(problems(text, contract)))


numbers = st.floats() | st.sampled_from([0.0, 60.0, -0.0, 5e-324, math.inf, math.nan])
tables = st.lists(st.tuples(numbers, numbers), max_size=5).map(
    lambda rows: pd.DataFrame(rows, columns=["Age", "Salary"], dtype="float64")
)
bounded = contract_of(column("age", minimum=0, exclusive_maximum=60, required=False))


@settings(max_examples=30)
@given(tables)
def test_check_when_cells_are_any_floats_then_refuses_what_the_column_does_not_allow(
    raw: pd.DataFrame,
) -> None:
    age, salary = bounded.columns
    expected = [
        index
        for index, row in raw.iterrows()
        if not ((np.isnan(row["Age"]) or age.allows(row["Age"])) and salary.allows(row["Salary"]))
    ]

    found = check(raw, bounded).reasons

    assert found.index.tolist() == expected


@settings(max_examples=10)
@given(tables)
def test_check_when_a_table_comes_row_by_row_then_finds_the_same(raw: pd.DataFrame) -> None:
    whole = check(raw, bounded).reasons
    parts = {index: check(raw.loc[[index]], bounded).reasons for index in raw.index}

    assert {index: part[0] for index, part in parts.items() if len(part)} == whole.to_dict()


EVERY = contract_of(*columns_of_every_kind())
EVERY_REASON = (
    "Age: must be a number from 0 to 100 (units); Children: must be a whole number (units); "
    "Level: must be one of 'junior', 'senior'; Remote: must be one of 'yes', 'y', 'no'; "
    "Hired: not a date written as %d/%m/%Y (`format` in contract.yml); "
    "Salary: must be a number above 0 (a year)"
)
HEADER = "Age,Children,Level,Title,Remote,Hired,Salary"


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        ("30,2,senior,Clerk,yes,29/02/2020,1", None),
        (",,,,,,1", None),
        ("30,2,boss,Clerk,no,29/02/2020,1", "Level: must be one of 'junior', 'senior'"),
        ("30,2,Junior,Clerk,no,29/02/2020,1", "Level: must be one of 'junior', 'senior'"),
        ("30,2, junior ,Clerk,no,29/02/2020,1", None),
        (f"30,2,,{'x' * 201},no,29/02/2020,1", "Title: must be a text of 1 to 200 characters"),
        ("30,2,,,maybe,29/02/2020,1", "Remote: must be one of 'yes', 'y', 'no'"),
        ("30,2,,,true,29/02/2020,1", "Remote: must be one of 'yes', 'y', 'no'"),
        (
            "30,2,,,no,2020-02-29,1",
            "Hired: not a date written as %d/%m/%Y (`format` in contract.yml)",
        ),
        (
            "30,2,,,no,30/02/2020,1",
            "Hired: not a date written as %d/%m/%Y (`format` in contract.yml)",
        ),
        ("30,2,,,no,31/12/1999,1", "Hired: must be a date, YYYY-MM-DD, from 2000-01-01"),
        ("-1,2.5,x,,x,x,0", EVERY_REASON),
    ],
)
def test_check_when_a_row_has_every_kind_then_gives_all_of_its_reasons(
    row: str, reasons: str | None
) -> None:
    good = "30,2,junior,Clerk,y,29/02/2020,1"

    found = problems(f"{HEADER}\n{good}\n{row}\n{good}\n", EVERY)

    assert found == ({} if reasons is None else {1: reasons})


def test_check_when_required_values_are_missing_then_names_each_column() -> None:
    contract = contract_of(category("level", ["a"]), boolean("remote"), day("hired"))

    assert problems("Level,Remote,Hired,Salary\n,,,1\na,true,2020-01-02,1\n", contract) == {
        0: "Level: missing; Remote: missing; Hired: missing"
    }


def test_check_when_numbers_have_texts_of_their_own_for_missing_then_says_missing() -> None:
    contract = contract_of(column("age"), table={"csv": {"missing": ["?"]}})

    assert problems("Age,Salary\n?,1\n,2\nNA,3\n4,4\n", contract) == {
        0: "Age: missing",
        1: "Age: missing",
        2: "Age: not a number",
    }


@settings(max_examples=50)
@given(contracts_and_rows())
@pytest.mark.slow
def test_check_when_rows_are_written_by_the_contract_then_reads_them_back(
    pair: tuple[Contract, list[list[object]]],
) -> None:
    contract, rows = pair
    learned = [isinstance(x, Category) and x.listed is None for x in contract.inputs]
    texts = {row[place] for row in rows for place, taken in enumerate(learned) if taken}
    texts |= {item.example for item in contract.columns if item not in contract.inputs}
    assume(not texts & set(KNOWN_MISSING))  # what stands for a missing value cannot be learned
    inputs = {
        item.name: clean_column([row[place] for row in rows], item)
        for place, item in enumerate(contract.inputs)
    }
    others = [item for item in contract.columns if item not in contract.inputs]
    inputs |= {item.name: clean_column([item.example] * len(rows), item) for item in others}
    expected = pd.DataFrame({item.name: inputs[item.name] for item in contract.columns})
    untrimmed = contract.table.model_copy(update={"trim": False})
    contract = contract.model_copy(update={"table": untrimmed})
    raw_rows = _raw_of(expected, contract)
    text = raw_rows.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_ALL)

    found = check(read_raw(text, contract), contract)

    assert all(reasons.empty for reasons in found.by_column.values())
    for name in expected:
        assert found.columns[name].astype(object).equals(expected[name].astype(object)), name


def _raw_of(clean: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """A clean table as a raw file holds it."""
    found = {}
    for item in contract.columns:
        values = clean[item.name]
        if isinstance(item, Boolean):
            values = values.map({True: item.true_values[0], False: item.false_values[0]})
        if isinstance(item, Date):
            values = values.map(
                lambda value, item=item: value.strftime(item.format), na_action="ignore"
            )
        found[item.column] = values
    return pd.DataFrame(found)


def test_check_when_one_cell_is_no_number_then_the_dialect_holds_for_the_others() -> None:
    dialect = {"delimiter": ";", "decimal": ",", "thousands": "."}
    contract = contract_of(column("age"), table={"csv": dialect})
    text = "Age;Salary\n1,5;40.000\nold;1\n2;many\n"

    assert problems(text, contract) == {1: "Age: not a number", 2: "Salary: not a number"}
    np.testing.assert_equal(clean(text, contract)["salary"].to_numpy(), [40000.0, 1.0, math.nan])


def test_check_when_the_decimal_mark_is_a_comma_then_a_point_is_no_number() -> None:
    contract = contract_of(column("age"), table={"csv": {"delimiter": ";", "decimal": ","}})

    assert problems("Age;Salary\n1.5;1\n1,5;1\n", contract) == {0: "Age: not a number"}


def repeats(text: str, contract: Contract) -> dict[int, str]:
    found: dict[int, str] = check(read_raw(text, contract), contract).repeats.to_dict()
    return found


def test_repeats_when_there_are_no_rules_then_finds_none() -> None:
    assert repeats("Age,Salary\n1,2\n1,2\n", contract_of(column("age"))) == {}


def test_repeats_when_rows_repeat_in_the_contracts_columns_then_names_the_later_ones() -> None:
    contract = contract_of(column("age"), table={"duplicates": "reject"})

    assert repeats("Age,Note,Salary\n1,a,2\n1,b,2\n1,c,3\n1,d,2\n", contract) == {
        1: "repeats an earlier row",
        3: "repeats an earlier row",
    }


def test_repeats_when_there_is_a_key_then_names_rows_that_repeat_or_lack_it() -> None:
    contract = contract_of(column("age"), table={"primary_key": ["Firm", "Id"]})

    assert repeats("Firm,Id,Age,Salary\na,1,1,1\na,2,1,1\na,1,1,1\n,1,1,1\na,,1,1\n", contract) == {
        2: "Firm, Id: the key of an earlier row",
        3: "Firm, Id: a part of the key is missing",
        4: "Firm, Id: a part of the key is missing",
    }


def test_repeats_when_both_rules_are_broken_then_gives_both_reasons() -> None:
    contract = contract_of(column("age"), table={"primary_key": ["Id"], "duplicates": "reject"})

    assert repeats("Id,Age,Salary\n1,1,1\n1,1,1\n", contract) == {
        1: "Id: the key of an earlier row; repeats an earlier row"
    }


def test_repeats_when_keys_differ_by_their_zeros_only_then_keeps_the_rows() -> None:
    contract = contract_of(column("age"), table={"primary_key": ["Id"]})
    raw = read_raw(
        "Id,Age,Salary\n007,1,1\n7,1,1\n9007199254740993,1,1\n9007199254740992,1,1\n", contract
    )

    assert check(raw, contract).repeats.empty
