"""Columns that hold numbers and texts, read with a contract's own decimal mark."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xlsxwriter

from salary_kedro.contract import Contract
from salary_kedro.tables.columns import read_columns
from salary_kedro.tables.drafting.from_file import draft_table
from salary_kedro.tables.formats.database import DatabaseTable
from salary_kedro.tables.reader import TableReader
from salary_kedro.tables.whole import read_database, read_table
from samples import column, contract_of

GERMAN = contract_of(
    column("hours"), table={"csv": {"delimiter": ";", "decimal": ",", "thousands": "."}}
)
CELLS = [37.125, 1250.5, 40, "k.A.", "1.250,5"]
HOURS = [37.125, 1250.5, 40, np.nan, 1250.5]


def sheet(path: Path) -> None:
    with xlsxwriter.Workbook(path) as made:
        page = made.add_worksheet()
        page.write_row(0, 0, ["Hours", "Salary"])
        for row, cell in enumerate(CELLS, start=1):
            page.write_row(row, 0, [cell, 1000.125])


def records(path: Path) -> None:
    lines = [json.dumps({"Hours": cell, "Salary": 1000.125}) for cell in CELLS]
    path.write_text("\n".join(lines))


def hours(raw: pd.DataFrame, contract: Contract = GERMAN) -> list[float]:
    values: list[float] = read_columns(raw, contract)["hours"].tolist()
    return values


@pytest.mark.parametrize("write", [sheet, records])
def test_mixed_cells_when_the_decimal_mark_is_a_comma_then_run_and_score_read_the_same(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "rows"
    write(path)

    run = read_table(path, GERMAN)
    scored = pd.concat(chunk.values for chunk in TableReader(path).chunks(GERMAN, 2))

    assert hours(run) == pytest.approx(HOURS, nan_ok=True)
    assert hours(scored) == pytest.approx(HOURS, nan_ok=True)


def test_mixed_cells_when_a_database_holds_them_then_are_read_the_same(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "pay.db") as connection:
        connection.execute("CREATE TABLE pay (Hours, Salary)")
        connection.executemany("INSERT INTO pay VALUES (?, 1000.125)", [[cell] for cell in CELLS])

    raw = read_database(DatabaseTable(f"sqlite:///{tmp_path}/pay.db", "pay"), GERMAN)

    assert hours(raw) == pytest.approx(HOURS, nan_ok=True)


def test_mixed_cells_when_texts_write_a_comma_then_the_draft_reads_numbers_as_they_are(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.xlsx"
    with xlsxwriter.Workbook(path) as made:
        page = made.add_worksheet()
        page.write_row(0, 0, ["Hours", "Bonus", "Salary"])
        for row in range(1, 61):
            cell = f"{row},5" if row % 3 else row + 0.125
            page.write_row(row, 0, [cell, f"1.{100 + row},5", 30_000 + row * 10])

    contract = draft_table(path, None).draft.contract

    expected = [row + (0.5 if row % 3 else 0.125) for row in range(1, 61)]
    assert hours(read_table(path, contract), contract) == expected
    assert contract.table.csv.decimal == ","
