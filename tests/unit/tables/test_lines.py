"""Lines of records in their file."""

import pytest

from salary_kedro.tables.lines import line_numbers
from samples import (
    category,
    column,
    contract_of,
    read_raw,
)


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
    notes = contract_of(column("age"), category("note", {}))

    for contract in (contract_of(column("age")), notes):
        raw = read_raw(text, contract)
        assert line_numbers(raw, raw.index).tolist() == lines
