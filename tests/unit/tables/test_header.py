"""The header of a raw table: all columns of the contract, each once."""

import re

import pandas as pd
import pytest
import yaml

from salary_kedro.contract import Contract, ContractError, TableRules
from salary_kedro.tables.header import check_header
from samples import (
    column,
    contract_of,
    read_raw,
)


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
        f'set `csv: {{delimiter: "{delimiter}"}}` under table in contract.yml'
    )


@pytest.mark.parametrize("delimiter", [";", "|", "\t"])
def test_check_header_when_its_advice_on_the_delimiter_is_followed_then_the_table_is_read(
    delimiter: str, contract: Contract
) -> None:
    text = f"Experience Years{delimiter}Salary\n1.5{delimiter}40000\n"
    message = header_error(list(read_raw(text, contract).columns), contract)
    advice = re.search(r"`(csv: .*)`", message)
    assert advice is not None
    rules = TableRules(**yaml.safe_load(advice[1]))

    table = read_raw(text, contract.model_copy(update={"table": rules}))

    expected = pd.DataFrame({"Experience Years": [1.5], "Salary": [40000]})
    pd.testing.assert_frame_equal(table, expected)


def test_check_header_when_a_column_is_there_twice_then_says_so(contract: Contract) -> None:
    header = list(read_raw("Experience Years,Salary,Salary\n1,2,3\n", contract).columns)

    assert header_error(header, contract) == (
        "the table has more than one column 'Salary': give each its own name"
    )


def test_check_header_when_a_key_column_is_missing_then_names_the_setting() -> None:
    contract = contract_of(column("age"), table={"primary_key": ["Id"]})

    assert header_error(["Age", "Salary"], contract) == (
        "the table has no column 'Id'; it has 'Age', 'Salary': correct the file's header, or "
        "`primary_key` in contract.yml"
    )


def test_check_header_when_a_numbered_column_is_in_the_contract_then_it_is_no_repeat() -> None:
    contract = contract_of(column("age"), column("age_1", column="Age.1", use="ignore"))

    check_header(["Age", "Age.1", "Salary"], contract)


@pytest.mark.parametrize(
    ("csv", "where"),
    [
        ({"skip_rows": 1}, "above the header: 1, of the header: 1"),
        ({"header_rows": 2}, "above the header: 0, of the header: 2"),
        ({"comment": "#"}, "above the header: 0, of the header: 1, comments above it: '#'"),
    ],
)
def test_check_header_when_what_was_read_as_names_may_be_a_row_then_only_counts_it(
    csv: dict[str, object], where: str, contract: Contract
) -> None:
    table = TableRules.model_validate({"csv": csv})

    message = header_error(
        ["Ann Lee", "1980-02-03", "98765"], contract.model_copy(update={"table": table})
    )

    assert message == (
        f"the table has no column 'Experience Years', 'Salary'; it has 3 columns (lines "
        f"expected {where}): correct the file's header, or `column` in contract.yml"
    )
