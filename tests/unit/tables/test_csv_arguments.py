"""How pandas is told to read a CSV file."""

from salary_kedro.tables.csv_arguments import csv_arguments
from samples import (
    boolean,
    category,
    contract_of,
    day,
)


def test_csv_arguments_when_good_texts_are_no_numbers_then_reads_the_column_in_the_quick_way() -> (
    None
):
    contract = contract_of(
        category("a", ["x", "y"]),
        category("b", ["x", "1"]),
        category("c", {}),
        boolean("d"),
        boolean("e", true_values=["yes"], false_values=["no"]),
        day("f"),
        day("g", format="%Y%m%d"),
    )

    assert csv_arguments(contract)["dtype"] == {
        "A": "category",
        "B": "str",
        "C": "str",
        "D": "str",
        "E": "category",
        "F": "category",
        "G": "str",
    }
