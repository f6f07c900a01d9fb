"""Drafts from files: their first rows alone, and why one cannot be drafted from."""

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import xlsxwriter

from salary_kedro.errors import UserError
from salary_kedro.tables.checked import check
from salary_kedro.tables.drafting.from_file import draft_table
from salary_kedro.tables.drafting.raw_file import Asked, open_raw
from salary_kedro.tables.tally import tally
from salary_kedro.tables.whole import read_table


def test_draft_table_when_there_is_no_file_then_names_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.csv"):
        draft_table(tmp_path / "none.csv", None)


def test_draft_table_when_a_line_is_too_long_then_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Age,Level,Salary\n1,2,3\n1,2,3,4,5\n")

    with pytest.raises(UserError, match="line 3 has 5 fields, but 3 are expected"):
        draft_table(path, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,a,salary\n1,2,3\n", "the table has more than one column 'a': give each its own name"),
        (b"", "is empty. It needs a header line and one line for each row."),
        (b"a,salary\n1,2,3\n", "has rows with more fields than its header has names."),
        (b"PK\x03\x04rest", "is damaged or was not copied whole: bring it again"),
        (b"PAR1rest", "is damaged or was not copied whole: bring it again"),
    ],
)
def test_draft_table_when_a_file_cannot_be_read_then_says_why(
    content: bytes, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(content)

    with pytest.raises(UserError) as caught:
        draft_table(file, None)

    assert message in str(caught.value)


def test_draft_table_when_a_table_is_large_then_drafts_from_its_first_rows(tmp_path: Path) -> None:
    rows = "\n".join(f"{row % 7},{row * 3 % 11 + 1}" for row in range(50))
    (tmp_path / "t.csv").write_text(f"x,salary\n{rows}\n")

    drafted = draft_table(tmp_path / "t.csv", None, limit=20)

    assert (drafted.rows, drafted.whole) == (20, False)


def test_draft_table_when_lines_stand_around_the_rows_then_tries_the_rows_alone(
    tmp_path: Path,
) -> None:
    rows = "\n".join(f"{row % 7},{'ab'[row % 2]},{row * 3 % 11 + 1}" for row in range(70))
    text = f"Pay of 2024\n\nx,level,salary\n{rows}\nTotal,,412\nSource: HR,,\n"
    (tmp_path / "t.csv").write_text(text)

    draft = draft_table(tmp_path / "t.csv", None).draft

    csv = draft.table.csv
    assert (csv.skip_rows, csv.header_rows, csv.footer) == (2, 1, ("Total", "Source"))
    assert [feature.column.required for feature in draft.features] == [True, True]
    assert draft.table.max_rejected_share == 0.05


@pytest.mark.parametrize(
    ("common", "rare"),
    [("${}k", "${}"), ("0.{}", "{}%"), ('"${},000"', '"CAD {},000"'), ("{}%", "0.{}")],
)
def test_draft_table_when_pay_is_in_two_units_then_the_contract_rejects_the_rarer(
    common: str, rare: str, tmp_path: Path
) -> None:
    cells = [(common if row % 3 else rare).format(41 + row % 29) for row in range(90)]
    lines = "\n".join(f"{row % 7},{cell}" for row, cell in enumerate(cells))
    path = tmp_path / "t.csv"
    path.write_text(f"x,salary\n{lines}\n")

    contract = draft_table(path, None).draft.contract

    assert contract.table.max_rejected_share == 0.05
    with open_raw(path) as table:
        checked = check(table.read(contract, 90), contract)
    assert len(checked.broken) == 30
    assert (checked.broken % 3 == 0).all()


def test_draft_table_when_a_title_stands_above_then_counts_it_among_the_lines(
    tmp_path: Path,
) -> None:
    rows = "\n".join(f"{row % 7},{row * 3 % 11 + 1}" for row in range(30))
    (tmp_path / "t.csv").write_text(f"Pay of 2024\nx,salary\n?x,5\n{rows}\n")

    draft = draft_table(tmp_path / "t.csv", None).draft

    assert draft.features[0].remarks[-1].endswith("of the shape '?a' (1), line 3.")


def _write_book(path: Path) -> None:
    """A workbook whose visible, hidden and named tables have no column in common."""
    with xlsxwriter.Workbook(str(path)) as book:
        for sheet, column in (("Plan", "Rooms"), ("Pay", "Age"), ("Kept", "Years")):
            found = book.add_worksheet(sheet)
            found.write_row(0, 0, [column, f"{sheet} salary"])
            for row in range(40):
                found.write_row(row + 1, 0, [row % 7, row * 37 % 101 + 1000])
        book.get_worksheet_by_name("Kept").hide()
        cells = [[row % 5, row * 31 % 97 + 2000] for row in range(40)]
        columns = [{"header": "Floor"}, {"header": "Wage"}]
        book.get_worksheet_by_name("Plan").add_table(
            4, 5, 44, 6, {"name": "Wages", "data": cells, "columns": columns}
        )


@pytest.mark.parametrize(
    ("asked", "columns"),
    [
        (Asked(sheet="Pay"), ["Age", "Pay salary"]),
        (Asked(sheet="Kept"), ["Years", "Kept salary"]),
        (Asked(named_table="Wages"), ["Floor", "Wage"]),
    ],
)
def test_draft_table_when_another_part_of_a_workbook_is_asked_for_then_tries_the_draft_on_it(
    asked: Asked, columns: list[str], tmp_path: Path
) -> None:
    _write_book(tmp_path / "t.xlsx")

    drafted = draft_table(tmp_path / "t.xlsx", columns[1], asked=asked)

    contract = drafted.draft.contract
    assert [column.column for column in contract.columns] == columns
    assert (contract.table.sheet, contract.table.named_table) == (asked.sheet, asked.named_table)
    assert drafted.rows == 40


def test_draft_table_when_pay_cannot_be_read_and_the_encoding_is_guessed_then_says_so(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("title;salary\nPrüfer;viel\nVerkäufer;mehr\n".encode("cp1252"))
    read = "it was read as 'cp1252'; --encoding NAME reads it as another"

    with pytest.raises(UserError, match="is the column to predict") as caught:
        draft_table(path, None)
    with pytest.raises(UserError, match="is the column to predict") as asked:
        draft_table(path, None, asked=Asked(encoding="cp1252"))

    assert str(caught.value).endswith(f"--target COLUMN ({read})")
    assert "read as" not in str(asked.value)


# --- Spreadsheets --------------------------------------------------------------------------


def book(path: Path, *lines: list[Any]) -> Path:
    """A workbook of one sheet."""
    made = openpyxl.Workbook()
    for line in lines:
        made.active.append(line)
    made.save(path)
    return path


ROWS: list[list[Any]] = [[row % 7, "ab"[row % 2], row * 3 % 11 + 1.5] for row in range(60)]
HEADER: list[Any] = ["x", "level", "salary"]


@pytest.mark.parametrize(
    ("above", "below", "found", "first_row"),
    [
        ([HEADER], [], (0, 1, None, ()), 2),
        ([["Pay of 2024"], [], ["as of May"], HEADER], [], (3, 1, None, ()), 5),
        ([["# by HR"], HEADER], [], (0, 1, "#", ()), 3),
        ([["Person", None, "Pay"], HEADER], [], (0, 2, None, ()), 3),
        ([HEADER, ["years", None, "USD"]], [], (0, 2, None, ()), 3),
        (
            [["Pay of 2024"], HEADER],
            [["Total", None, 412], ["Source: HR"]],
            (1, 1, None, ("Total", "Source")),
            3,
        ),
    ],
)
def test_draft_table_when_a_sheet_has_lines_that_are_no_rows_then_reads_the_rows_alone(
    above: list[list[Any]],
    below: list[list[Any]],
    found: tuple[object, ...],
    first_row: int,
    tmp_path: Path,
) -> None:
    path = book(tmp_path / "t.xlsx", *above, *ROWS, *below)

    drafted = draft_table(path, None)

    csv, contract = drafted.draft.table.csv, drafted.draft.contract
    assert (csv.skip_rows, csv.header_rows, csv.comment, csv.footer) == found
    assert [column.kind for column in contract.columns] == ["integer", "category", "number"]
    raw = read_table(path, contract)
    assert raw.attrs["first_row"] == first_row
    report = tally(raw, contract)
    assert (report["rows"], report["rejected"]) == (60, 0)


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
@pytest.mark.parametrize("missing", ["NA", " NA", "null "])
@pytest.mark.parametrize(
    ("cells", "kind"),
    [(["z", "y"], "category"), (["yes", "no"], "boolean"), (["5", "6"], "integer")],
)
def test_draft_table_when_cells_say_that_a_value_is_missing_then_are_missing_in_each_format(
    suffix: str, missing: str, cells: list[str], kind: str, tmp_path: Path
) -> None:
    cells = [missing, *cells] * 20
    table = pd.DataFrame({"x": cells, "y": range(60), "salary": [row[2] for row in ROWS]})
    path = tmp_path / f"t.{suffix}"
    if suffix == "parquet":
        table.to_parquet(path)
    else:
        (table.to_csv if suffix == "csv" else table.to_excel)(path, index=False)

    contract = draft_table(path, "salary").draft.contract

    column = contract.columns[0]
    assert (column.kind, column.required) == (kind, False)
    checked = check(read_table(path, contract), contract)
    assert (len(checked.broken), int(checked.columns["x"].isna().sum())) == (0, 20)


# --- What a person says about the file -----------------------------------------------------


def test_draft_table_when_the_encoding_is_said_then_reads_by_it(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(f"{'ŁĄ'[row % 2]},{row * 3 % 11 + 1}\n" for row in range(30))
    path.write_text(f"poziom,salary\n{rows}", encoding="cp852")

    draft = draft_table(path, None, asked=Asked(encoding="cp852")).draft

    assert draft.table.csv.encoding == "cp852"
    assert draft.features[0].keys["categories"] == ["Ą", "Ł"]


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_draft_table_when_the_lines_above_are_said_then_skips_so_many(
    suffix: str, tmp_path: Path
) -> None:
    lines = [["a", "b", "c"], ["d", "e", "f"], HEADER, *ROWS]
    path = tmp_path / f"t.{suffix}"
    if suffix == "csv":
        path.write_text("".join(",".join(map(str, line)) + "\n" for line in lines))
    else:
        book(path, *lines)

    drafted = draft_table(path, None, asked=Asked(skip_rows=2))

    assert (drafted.rows, drafted.draft.table.csv.skip_rows) == (60, 2)
    assert [column.column for column in drafted.draft.contract.columns] == HEADER
