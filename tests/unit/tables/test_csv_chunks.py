"""A CSV file that is read in chunks is the table that pandas makes of it at once."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from salary_kedro.errors import UserError
from salary_kedro.tables.whole import read_table
from samples import boolean, category, column, contract_of, day

CONTRACT = contract_of(
    column("years"),
    column("age", kind="integer", required=False),
    category("level", ["junior", "mid"], required=False),
    category("title", {"min_count": 2}),
    boolean("remote"),
    day("hired"),
)
HEADER = "Years,Age,Level,Title,Remote,Hired,Salary,Other"
ROWS = 50
Cells = Mapping[str, object]


def plain(number: int) -> dict[str, Any]:
    return {
        "Years": (number * 7919 % 1000) / 997,
        "Age": 20 + number % 40,
        "Level": ("junior", "mid", "")[number % 3],
        "Title": f"Job {99 - number}",
        "Remote": "yes" if number % 2 else "no",
        "Hired": f"2020-01-{1 + number % 28:02}",
        "Salary": 50_000 + number,
        "Other": number,
    }


def only(place: int, **cells: object) -> Callable[[int], Cells]:
    """Other cells in one row."""
    return lambda number: cells if number == place else {}


def write(path: Path, other: Callable[[int], Cells]) -> Path:
    rows = [{**plain(number), **other(number)} for number in range(ROWS)]
    lines = [HEADER, *(",".join(map(str, row.values())) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(path: Path, rows: int, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame | str:
    """The table, read so many rows at once; or why it cannot be read."""
    monkeypatch.setattr("salary_kedro.tables.whole.CSV_ROWS", rows)
    try:
        return read_table(path, CONTRACT)
    except UserError as error:
        return str(error)


@pytest.mark.parametrize("rows", [7, 25, 10])
@pytest.mark.parametrize(
    "other",
    [
        lambda _: {},
        only(33, Age=""),
        only(33, Salary="x"),
        only(3, Age="?"),
        only(4, Age=2**60),
        lambda number: {4: {"Age": 2**60}, 44: {"Age": ""}}.get(number, {}),
        only(44, Age=2**63 + 5),
        lambda number: dict.fromkeys(("Level", "Age", "Other"), "") if 10 <= number < 20 else {},
        lambda number: {"Level": number, "Remote": 1.5},
        lambda number: {"Level": number} if number < 25 else {},
        lambda number: {"Level": "True", "Other": "True"} if number < 25 else {},
        only(12, Other='"a\nb,c"'),
        only(30, Other="1,2"),
        only(31, Other="1,2"),
        only(0, Other="1,2"),
        only(30, Other='"1'),
    ],
)
def test_read_table_when_it_is_read_in_chunks_then_is_the_table_that_is_read_at_once(
    other: Callable[[int], Cells], rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "raw.csv", other)

    whole, found = (read(path, size, monkeypatch) for size in (ROWS + 1, rows))

    if isinstance(whole, str) or isinstance(found, str):
        assert found == whole
    else:
        pd.testing.assert_frame_equal(found, whole, check_exact=True)


def test_read_table_when_chunks_fit_together_then_the_file_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, opened = write(tmp_path / "raw.csv", only(33, Age="")), []
    read_csv = pd.read_csv

    def count(*given: Any, **arguments: Any) -> Any:
        opened.append(arguments.get("nrows"))
        return read_csv(*given, **arguments)

    monkeypatch.setattr(pd, "read_csv", count)

    assert len(read(path, 10, monkeypatch)) == ROWS
    assert opened == [0, None]  # the header, and all rows
