"""Tables as people send them, and as they are written for spreadsheets."""

import io
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

import spreadsheet
from spreadsheet import (
    Cell,
    Choice,
    Sheet,
    SheetError,
    decimal_mark,
    read_number,
    read_sheet,
    safe_text,
    write_csv,
    write_workbook,
)


def read(content: bytes | str, name: str = "people.csv", sheet: str | None = None) -> Sheet:
    data = content.encode() if isinstance(content, str) else content
    return read_sheet(name, data, lambda text: text in ("Rank", "Years"), sheet)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_read_when_cells_are_separated_by_any_of_four_then_finds_which(separator: str) -> None:
    sheet = read(f"Rank{separator}Years\nProf{separator}5\nDean{separator}7\n")
    assert (sheet.headers, sheet.rows) == (("Rank", "Years"), (("Prof", "5"), ("Dean", "7")))
    assert sheet.separator == separator


def test_read_when_decimals_have_commas_then_semicolons_part_the_cells() -> None:
    assert read("Rank;Years\nProf;5,5\nDean;7,25\n").rows == (("Prof", "5,5"), ("Dean", "7,25"))


def test_read_when_there_is_one_column_with_decimal_commas_then_none_parts_its_cells() -> None:
    sheet = read("Years\n5,5\n7,25\n8\n")
    assert (sheet.headers, sheet.rows, sheet.told) == (
        ("Years",),
        (("5,5",), ("7,25",), ("8",)),
        (),
    )


def test_read_when_excel_names_the_separator_then_takes_its_word() -> None:
    assert read("sep=;\r\nRank;Years\r\nProf;5\r\n").headers == ("Rank", "Years")


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", ()),
        ("utf-8-sig", ()),
        ("utf-16", ("UTF-16",)),
        ("cp1252", ("encoded as Windows-1252",)),
    ],
)
def test_read_when_the_text_is_encoded_in_any_usual_way_then_finds_it(
    encoding: str, told: tuple[str, ...]
) -> None:
    sheet = read("Rank,Years\nProfessör,5\n".encode(encoding))
    assert sheet.rows == (("Professör", "5"),)
    assert sheet.told[1:] == told


def test_read_when_rows_are_empty_then_passes_over_them_and_counts() -> None:
    sheet = read("Rank,Years\nProf,5\n,\n\nDean,7\n,\n")
    assert (sheet.rows, sheet.lines, sheet.empty) == ((("Prof", "5"), ("Dean", "7")), (2, 5), 2)


def test_read_when_a_title_stands_above_the_header_then_says_where_that_is() -> None:
    sheet = read("People of 2026,\nRank,Years\nProf,5\n")
    assert sheet.headers == ("Rank", "Years")
    assert sheet.told == ("separated by commas", "its header on line 2")


def test_read_when_a_row_is_wider_than_the_header_then_refuses_instead_of_shifting_cells() -> None:
    with pytest.raises(SheetError, match=r"line 3 of people\.csv has 3 cells, but its header 2"):
        read("Rank,Years\nProf,5\nDean,5,5\nDean,7\n")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("people.csv", b"", "is empty"),
        ("people.csv", b"Rank,Years\n", "no row beneath"),
        ("people.csv", b"PK\x03\x04\0\0", "is no text"),
        ("people.csv", b"\xff\xfea", "is damaged"),
        pytest.param(
            "people.xlsx",
            b"Rank,Years\nProf,5\n",
            "cannot be read as a spreadsheet",
            marks=pytest.mark.process,
        ),
    ],
)
def test_read_when_there_is_no_table_then_says_why(name: str, content: bytes, message: str) -> None:
    with pytest.raises(SheetError, match=message):
        read(content, name)


def test_read_when_columns_are_beyond_number_then_names_the_limit() -> None:
    with pytest.raises(SheetError, match=r"has 1,001 columns; this page reads up to 1,000"):
        read("Rank" + "," * 1_000 + "\nProf" + ",x" * 1_000 + "\n")


def test_read_when_a_line_has_very_many_cells_then_few_of_them_are_looked_for() -> None:
    looked: list[str] = []

    def is_header(text: str) -> bool:
        looked.append(text)
        return False

    with pytest.raises(SheetError, match="has 50,000 columns"):
        read_sheet("people.csv", b",".join([b"a"] * 50_000), is_header)
    assert len(looked) < 3 * spreadsheet.MAX_COLUMNS  # by commas twice, and whole by the others


def test_read_when_the_file_is_too_large_then_names_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spreadsheet, "MAX_BYTES", 2_000_000)
    with pytest.raises(SheetError, match="has 3 MB; this page reads up to 2 MB"):
        read(b"x" * 3_000_000)


def test_read_when_a_workbook_unpacks_beyond_bounds_then_refuses_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spreadsheet, "MAX_UNPACKED_BYTES", 1_000)
    with pytest.raises(SheetError, match="which is too much"):
        read(write_workbook(["Rank"], [["Prof"]]), "people.xlsx")


@pytest.mark.process
def test_read_when_a_cell_stands_far_from_the_table_then_refuses_to_lay_out_what_lies_between() -> (
    None
):
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "Rank")
        sheet.write(1_048_575, 2, "stray")  # 3,145,728 cells, of which two hold something
    with pytest.raises(SheetError, match="a cell stands far to the right of the table or below"):
        read(file.getvalue(), "people.xlsx")


@pytest.mark.process
def test_read_when_the_reader_of_workbooks_ends_without_an_answer_then_the_page_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reader = tmp_path / "reader.py"
    reader.write_text("import os\nos.abort()\n")
    monkeypatch.setattr(spreadsheet, "READER", reader)
    with pytest.raises(SheetError, match="it takes too much memory or time"):
        read(workbook(("A", [["Rank"], ["Prof"]])), "people.xlsx")


@pytest.mark.process
def test_reader_when_it_needs_more_memory_than_it_may_then_ends_without_an_answer() -> None:
    code = "import workbook_reader as r; r.bound_resources(); bytearray(2 * r.MOST_BYTES)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=spreadsheet.READER.parent,
        capture_output=True,
        check=False,
    )
    assert b"MemoryError" in done.stderr


def workbook(*sheets: tuple[str, list[list[object]]]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"default_date_format": "yyyy-mm-dd"}) as book:
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            for line, row in enumerate(rows):
                sheet.write_row(line, 0, row)
    return file.getvalue()


@pytest.mark.process
def test_read_when_it_is_a_workbook_then_numbers_days_and_texts_stay_what_they_are() -> None:
    rows = [["Rank", "Years"], ["Prof", 5.5], [date(2026, 11, 30), True], ["0042", 7]]
    sheet = read(workbook(("A", rows)), "people.xlsx")
    assert sheet.rows == (("Prof", 5.5), ("2026-11-30", True), ("0042", 7.0))


@pytest.mark.process
def test_read_when_the_first_sheet_is_empty_then_takes_the_next_and_says_so() -> None:
    sheet = read(workbook(("A", []), ("B", [["Rank"], ["Prof"]])), "people.xlsx")
    assert (sheet.names, sheet.name, sheet.told) == (("A", "B"), "B", ("sheet 'B'",))


@pytest.mark.process
def test_read_when_a_sheet_is_named_then_takes_that() -> None:
    book = workbook(("A", [["Rank"], ["Prof"]]), ("B", [["Rank"], ["Dean"]]))
    assert read(book, "people.xlsx", "B").rows == (("Dean",),)


@pytest.mark.parametrize(
    ("text", "mark", "number"),
    [
        ("5", ".", 5.0),
        ("5.5", ".", 5.5),
        ("5,5", ",", 5.5),
        ("5,5", ".", None),
        ("1,234", ".", 1234.0),
        ("1,234", ",", 1.234),
        ("1,234", None, None),
        ("1.234,5", ",", 1234.5),
        ("1,234,567.25", ".", 1234567.25),
        ("1 234,5", ",", 1234.5),
        ("1\u202f234", None, 1234.0),
        ("\u22125", None, -5.0),
        ("5,5", None, 5.5),
        ("0.125", None, 0.125),
        ("1e3", None, 1000.0),
        ("1,23,4", ".", None),
        ("five", ".", None),
        ("", ".", None),
        ("nan", ".", None),
        ("1_000", ".", None),
        ("1e999", ".", None),
        ("-1e999", None, None),
    ],
)
def test_number_when_it_is_written_in_some_way_then_is_read_only_if_that_is_sure(
    text: str, mark: str | None, number: float | None
) -> None:
    assert read_number(text, mark) == number


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["5", "7"], "?"),
        (["5", "7,5"], ","),
        (["1,234", "7.5"], "."),
        (["1,234"], "?"),
        (["7,5", "7.5"], None),
        (["1.234,5", "1.234"], ","),
    ],
)
def test_mark_when_some_numbers_read_in_one_way_only_then_these_decide(
    texts: list[str], mark: str | None
) -> None:
    assert decimal_mark(texts, "?") == mark


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-cmd", "@SUM(A1)", "\t=1", "'=1", "＝1"])
def test_csv_when_a_text_would_be_run_then_gets_a_quote_and_is_read_back(text: str) -> None:
    content = write_csv(["Rank", "Years"], [[text, 1]])
    assert content.decode("utf-8-sig").splitlines()[1].strip('"').startswith("'")
    assert read(content).rows == ((text, "1"),)


def test_csv_when_numbers_are_negative_then_they_stay_numbers() -> None:
    content = write_csv(["Rank", "Years"], [["-5", -5.25]])
    assert content.decode("utf-8-sig") == "Rank,Years\r\n-5,-5.25\r\n"


def test_csv_when_the_table_came_with_decimal_commas_then_is_written_so() -> None:
    content = write_csv(["Rank", "Years"], [["Prof", 5.5], [None, True]], ";", ",")
    assert content.decode("utf-8-sig") == "Rank;Years\r\nProf;5,5\r\n;TRUE\r\n"


def test_workbook_when_texts_would_be_run_then_none_is_and_numbers_are_numbers() -> None:
    rows: list[list[Cell]] = [["=1+1", -5.0], ["http://x.example", None]]
    book = CalamineWorkbook.from_filelike(io.BytesIO(write_workbook(["@a", "Years"], rows)))
    assert book.get_sheet_by_index(0).to_python() == [
        ["'@a", "Years"],
        ["'=1+1", -5.0],
        ["http://x.example", ""],
    ]


@pytest.mark.process
def test_workbook_when_columns_offer_choices_then_the_file_holds_them() -> None:
    content = write_workbook(["Rank"], [["Prof"]], [Choice(0, ("Prof", "Dean"))], [["Column"]])
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    assert book.sheet_names == ["People", "What to enter"]
    assert read(content, "people.xlsx").rows == (("Prof",),)


def test_safe_when_it_is_a_plain_number_then_stays() -> None:
    assert [safe_text(text) for text in ("-5", "+1,000.5", "-5%")] == ["-5", "+1,000.5", "-5%"]
