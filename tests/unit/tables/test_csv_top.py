"""What stands above the rows of a CSV file."""

import io

import pandas as pd
import pytest

from salary_kedro.contract import CsvDialect
from salary_kedro.tables.csv_top import from_header, join_names


def read(text: str, encoding: str = "utf-8", **keys: object) -> tuple[list[list[str]], int]:
    """Header and rows, and the line on which the first row is."""
    dialect = CsvDialect.model_validate({"encoding": encoding, **keys})
    stream, line = from_header(io.BytesIO(text.encode(encoding)), dialect)
    frame = pd.read_csv(stream, sep=dialect.delimiter, encoding=encoding, dtype="str")
    return [list(frame.columns), *frame.to_numpy().tolist()], line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize(
    ("above", "keys", "line"),
    [
        ("", {}, 2),
        ("Löhne 2024\n\n", {"skip_rows": 1}, 4),
        ("Löhne 2024\n\n", {"skip_rows": 2}, 4),
        ("sep=,\r\n", {"skip_rows": 1}, 3),
        ("# by HR\n# 2024\n", {"comment": "#"}, 4),
        ('"two\nlines"\n', {"skip_rows": 2}, 4),
    ],
)
def test_from_header_when_lines_stand_above_then_leaves_them_out(
    above: str, keys: dict[str, object], line: int, encoding: str
) -> None:
    assert read(f"{above}größe,salary\n1,2\n3,4\n", encoding, **keys) == (
        [["größe", "salary"], ["1", "2"], ["3", "4"]],
        line,
    )


def test_from_header_when_the_header_has_two_lines_then_joins_them() -> None:
    text = 'Person,,"Pay, total",\nname,age,base,bonus\na,1,2,3\n'

    assert read(text, header_rows=2) == (
        [["Person name", "Person age", "Pay, total base", "Pay, total bonus"], ["a", *"123"]],
        3,
    )


def test_join_names_when_the_second_line_has_units_then_they_stand_behind() -> None:
    assert join_names([["Name", "Salary ", ""], ["", "(USD)"]]) == ["Name", "Salary (USD)", ""]
