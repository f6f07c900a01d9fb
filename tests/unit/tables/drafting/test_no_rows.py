"""Rows of a table that are no person's."""

import pandas as pd
import pytest

from salary_kedro.contract import CsvDialect
from salary_kedro.tables.drafting.infer import draft_contract

PEOPLE = [["Sales", str(level), "2020", "40000", "1"] for level in range(1, 9)]


def remarks(*odd: list[str]) -> tuple[str, ...]:
    """What a draft says of a table of 16 people with odd rows between them."""
    rows = [*PEOPLE, *odd, *PEOPLE]
    return draft_contract(
        pd.DataFrame(rows, columns=["Dept", "Level", "Hired", "Salary", "Grade"]), CsvDialect()
    ).remarks


@pytest.mark.parametrize(
    "text", ["Sales Total", "Average Sales", "Summe Vertrieb", "IT: total:", "Abteilungssumme"]
)
def test_draft_when_a_row_sums_up_others_then_names_its_line(text: str) -> None:
    assert (
        "1 row seems to sum up others (line 10), as 'Sales Total' does: most other cells are empty "
        "there. Remove what is no person's row."
    ) in remarks([text, "", "", "900000", ""])


def test_draft_when_many_rows_sum_up_others_then_counts_them_and_names_the_first() -> None:
    odd = [["", "Sales Total", "", "900000", ""]] * 6

    assert any(
        text.startswith("6 rows seem to sum up others (lines 10, 11, 12, 13, 14 and others)")
        for text in remarks(*odd)
    )


@pytest.mark.parametrize(
    "row",
    [
        ["Total Rewards", "3", "2021", "50000", "2"],
        ["Sales", "", "", "900000", ""],
        ["Totally new", "", "", "50000", ""],
    ],
)
def test_draft_when_a_row_is_a_persons_then_says_nothing(row: list[str]) -> None:
    assert not any("sum up" in text for text in remarks(row))
