"""Spreadsheets, each cell as it is."""

import io
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from openpyxl.worksheet.table import Table

from salary_kedro.errors import UserError
from salary_kedro.tables.formats import guards
from salary_kedro.tables.formats.opening import open_table
from salary_kedro.tables.formats.recognise import recognise
from salary_kedro.tables.formats.wanted import Wanted


def book(path: Path, **sheets: list[list[Any]]) -> openpyxl.Workbook:
    """A workbook that openpyxl has written."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return made


def read(path: Path, **wanted: Any) -> tuple[dict[str, list[Any]], int, tuple[str, ...]]:
    """The columns, the number of the first row, and the remarks."""
    with open_table(path, recognise(path), Wanted(**wanted)) as table:
        (chunk,) = table.chunks(1000)
        return chunk.to_pydict(), table.first_row, table.remarks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "book.xlsx"


def test_sheet_when_cells_are_of_all_kinds_then_each_is_as_it_is(path: Path) -> None:
    book(
        path,
        Pay=[
            ["code", "pay", "paid", "union", "mixed", "at"],
            ["0042", 1000, date(2020, 1, 2), True, 42, time(9, 30)],
            ["7", 2.5, datetime(2020, 1, 2, 3, 4), False, "n/a", None],
            [None, None, None, None, date(2019, 3, 1), None],
            ["8", -1, date(1900, 3, 1), None, 1.5, None],
        ],
    )

    columns, first, remarks = read(path)

    assert columns == {
        "code": ["0042", "7", None, "8"],
        "pay": [1000.0, 2.5, None, -1.0],
        "paid": [datetime(2020, 1, 2), datetime(2020, 1, 2, 3, 4), None, datetime(1900, 3, 1)],
        "union": [True, False, None, None],
        "mixed": ["42", "n/a", "2019-03-01", "1.5"],
        "at": ["09:30:00", None, None, None],
    }
    assert (first, remarks) == (2, ())


def test_sheet_when_the_epoch_is_that_of_old_macs_then_gives_the_same_days(path: Path) -> None:
    with xlsxwriter.Workbook(path, {"date_1904": True}) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["paid", "pay"])
        sheet.write_datetime(1, 0, datetime(2020, 1, 2), made.add_format({"num_format": "d.m.yy"}))
        sheet.write_number(1, 1, 5)

    assert read(path)[0]["paid"] == [datetime(2020, 1, 2)]


def test_sheet_when_rows_and_columns_after_the_table_are_empty_then_drops_them(path: Path) -> None:
    book(
        path, Pay=[["a", "b", None], [1, 2, None], [None, None, None], [3, None, None], ["", None]]
    )

    assert read(path)[0] == {"a": [1.0, None, 3.0], "b": [2.0, None, None]}


def test_sheet_when_a_column_has_values_but_no_name_then_gets_one(path: Path) -> None:
    book(path, Pay=[["a", None], [1, 2]])

    assert read(path)[0] == {"a": [1.0], "Unnamed: 1": [2.0]}


def test_sheet_when_lines_stand_above_the_header_then_counts_rows_as_the_sheet_does(
    path: Path,
) -> None:
    rows = [["Salaries 2026"], [None], ["# checked"], ["Pay", None, "Age"], ["min", "max", None]]
    book(path, Pay=[*rows, [1, 2, 30]])

    found = read(path, skip_rows=2, header_rows=2, comment="#")

    assert found == ({"Pay min": [1.0], "Pay max": [2.0], "Age": [30.0]}, 6, ())


def test_sheet_when_header_cells_are_merged_then_each_column_has_a_name(path: Path) -> None:
    made = book(path, Pay=[["Pay", None, "Age"], [1, 2, 30], [3, None, 40]])
    made["Pay"].merge_cells("A1:B1")
    made["Pay"].merge_cells("A3:B3")
    made.save(path)

    columns, _, remarks = read(path)

    assert columns == {"Pay": [1.0, 3.0], "Pay (2)": [2.0, None], "Age": [30.0, 40.0]}
    assert remarks == ("1 merged cells in the rows hold their value in the first cell alone.",)


def test_sheet_when_cells_hold_errors_then_are_missing_and_counted(path: Path) -> None:
    made = book(path, Pay=[["a", "b"], [1, 2], [3, 4]])
    made["Pay"]["B2"].value, made["Pay"]["B2"].data_type = "#DIV/0!", "e"
    made.save(path)

    columns, _, remarks = read(path)

    assert columns == {"a": [1.0, 3.0], "b": [None, 4.0]}
    assert remarks == ("1 cells hold an error, such as #DIV/0!, and count as missing.",)


def test_sheet_when_none_is_named_then_is_the_first_visible_one_with_a_table(path: Path) -> None:
    made = book(path, Old=[["a"], [0]], Cover=[["hello"]], Data=[["a"], [1]], More=[["a"], [2]])
    made["Old"].sheet_state = "hidden"
    made.save(path)

    columns, _, remarks = read(path)

    assert columns == {"a": [1.0]}
    (remark,) = remarks
    assert remark == (
        "Read from sheet 'Data', the first with a table; the file has 'Cover', 'More' too "
        "(--sheet, or sheet under table in contract.yml, names another)."
    )


def test_sheet_when_the_first_is_a_cover_of_several_lines_then_is_the_one_with_columns(
    path: Path,
) -> None:
    cover = [["Salary report"], [None], ["Source: HR"], ["As of", "May"], ["Ask us"]]
    book(path, Cover=cover, Data=[["a", "b"], [1, 2]])

    columns, _, remarks = read(path)

    assert columns == {"a": [1.0], "b": [2.0]}
    assert remarks[0].startswith("Read from sheet 'Data', the first with a table; the file has")


def test_sheet_when_a_hidden_one_is_named_then_is_read(path: Path) -> None:
    made = book(path, Old=[["a"], [0]], Data=[["a"], [1]])
    made["Old"].sheet_state = "veryHidden"
    made.save(path)

    assert read(path, sheet="Old")[0] == {"a": [0.0]}


def test_sheet_when_it_is_not_there_then_lists_those_that_are(path: Path) -> None:
    book(path, Data=[["a"], [1]], More=[["a"], [2]])

    with pytest.raises(UserError, match=r"no sheet 'data': its sheets are 'Data', 'More'"):
        read(path, sheet="data")


def test_sheet_when_all_are_hidden_or_empty_then_says_what_there_is(path: Path) -> None:
    book(path, Data=[["a"]])

    with pytest.raises(UserError, match=r"no visible sheet with a header and rows .* 'Data'"):
        read(path)


def test_table_when_it_is_named_then_is_read_alone(path: Path) -> None:
    made = book(path, Data=[["note", None], ["a", "b"], [1, 2], [3, 4], [None, None], ["x", "y"]])
    made["Data"].add_table(Table(displayName="Pay", ref="A2:B4"))
    made.save(path)

    assert read(path, named_table="Pay") == ({"a": [1.0, 3.0], "b": [2.0, 4.0]}, 3, ())
    with pytest.raises(UserError, match=r"no table 'Paid': its tables are 'Pay'"):
        read(path, named_table="Paid")


def test_sheet_when_the_name_of_the_file_says_csv_then_is_read_as_what_it_is(
    tmp_path: Path,
) -> None:
    book(tmp_path / "book.csv", Data=[["a"], [1]])

    assert read(tmp_path / "book.csv")[0] == {"a": [1.0]}


# --- Files that are damaged, encrypted, or made to harm --------------------------------------


def test_sheet_when_a_million_empty_rows_follow_then_reads_what_there_is(path: Path) -> None:
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["a"])
        sheet.write_row(1, 0, [1])
        for row in range(2, 1_000_000):
            sheet.set_row(row, 20)

    assert read(path)[0] == {"a": [1.0]}


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_sheet_when_the_file_is_cut_off_then_says_so(cut: float, path: Path) -> None:
    book(path, Data=[["a"], [1]])
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut)])

    with pytest.raises(UserError, match=r"book.xlsx is damaged or was not copied whole"):
        read(path)


def test_sheet_when_a_part_unpacks_to_more_than_it_may_then_refuses(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "FREE", 1 << 20)
    monkeypatch.setattr(guards, "RATIO", 1)
    book(path, Data=[["a"], [1]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/media/zeros.bin", bytes(4 << 20))

    with pytest.raises(UserError, match=r"book.xlsx unpacks to more than 1 MB"):
        read(path)


def test_sheet_when_the_directory_lies_about_a_size_then_refuses(path: Path) -> None:
    book(path, Data=[["a"], [1]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/zeros.bin", bytes(100_000))
    content = path.read_bytes()
    path.write_bytes(content.replace((100_000).to_bytes(4, "little"), (9).to_bytes(4, "little")))

    with pytest.raises(UserError, match=r"book.xlsx is damaged"):
        read(path)


def test_sheet_when_one_cell_stands_at_the_far_end_then_refuses_to_span_it(path: Path) -> None:
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["a"])
        sheet.write_row(1, 0, [1])
        sheet.write(1_048_575, 16_383, 1)

    with pytest.raises(UserError, match=r"cells as far as row 1,048,576 and column 16,384"):
        read(path)


FAR = '<row r="900"><c r="XFD900"><v>1</v></c></row>'


@pytest.mark.parametrize(
    ("rows", "part"),
    [
        ("<row r='90000'><c r='XFD90000'><v>1</v></c></row>", "worksheets/sheet1.xml"),
        (FAR.replace("900", "90000") + FAR.replace("XFD900", "A1"), "worksheets/sheet1.xml"),
        (FAR + FAR.replace("XFD900", "A90000"), "worksheets/sheet1.xml"),
        (FAR.replace("900", "90000"), "other/one.xml"),
        (FAR.replace("r=", 'x=">" r=').replace("900", "90000"), "worksheets/sheet1.xml"),
    ],
)
def test_sheet_when_a_far_cell_is_written_otherwise_then_is_refused_too(
    rows: str, part: str, path: Path
) -> None:
    wide_open(path, rows, part)

    with pytest.raises(UserError, match=r"cells as far as row 90,000 and column 16,384"):
        guards.check_zip(path)


def test_sheet_when_the_far_cell_lies_in_a_column_of_two_letters_then_is_refused_too(
    path: Path,
) -> None:
    wide_open(path, '<row r="1048576"><c r="SF1048576"><v>1</v></c></row>', "worksheets/a.xml")

    with pytest.raises(UserError, match=r"cells as far as row 1,048,576 and column 500"):
        guards.check_zip(path)


def test_sheet_when_it_is_wide_and_short_then_is_no_danger(path: Path) -> None:
    wide_open(path, FAR, "worksheets/sheet1.xml")

    assert guards.check_zip(path) == {"Pay": 0}


def wide_open(path: Path, rows: str, part: str) -> None:
    """Write the parts of a workbook that the guard looks at."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(
            "xl/workbook.xml",
            '<workbook xmlns:r="r"><sheets><sheet name="Pay" r:id="a"/></sheets></workbook>',
        )
        relation = f'<Relationship Id="a" Target="{part}"/>'
        file.writestr("xl/_rels/workbook.xml.rels", f"<Relationships>{relation}</Relationships>")
        file.writestr(f"xl/{part}", f"<worksheet><sheetData>{rows}</sheetData></worksheet>")


@pytest.mark.parametrize("last", ["ALL5000", "all5000", "$ALL$5000"])
def test_sheet_when_it_is_wide_and_short_then_its_rows_are_counted_before_it_is_refused(
    last: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide_open(path, f'<row r="5000"><c r="{last}"><v>1</v></c></row>', "worksheets/sheet1.xml")
    guards.check_zip(path)  # 1,000 columns of 5,000 rows

    monkeypatch.setattr(guards, "MOST_CELLS", 5_000_000 - 1)
    with pytest.raises(UserError, match=r"cells as far as row 5,000 and column 1,000"):
        guards.check_zip(path)


def test_sheet_when_the_parts_that_name_sheets_are_huge_or_cut_off_then_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide_open(path, FAR, "worksheets/sheet1.xml")
    with monkeypatch.context() as patch:
        patch.setattr(guards, "MOST_BOOK", 20)
        with pytest.raises(UserError, match=r"names far more sheets than people can use"):
            guards.check_zip(path)

    with zipfile.ZipFile(path, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook><sheets>")
        file.writestr("xl/_rels/workbook.xml.rels", "<Relationships/>")
    with pytest.raises(UserError, match=r"book.xlsx is damaged or was not copied whole"):
        guards.check_zip(path)


def test_sheet_when_a_piece_of_a_document_never_ends_then_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "MOST_PIECE", 100)
    with zipfile.ZipFile(tmp_path / "book.ods", "w") as file:
        file.writestr("content.xml", "<a " + "x" * 200)

    with pytest.raises(UserError, match=r"no workbook that a spreadsheet has written"):
        guards.check_zip(tmp_path / "book.ods")


def test_sheet_when_the_workbook_has_macros_then_is_read_and_they_are_not(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsm"
    book(path, Data=[["a"], [1]])
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0 not run")

    assert read(path)[0] == {"a": [1.0]}


def test_sheet_when_the_workbook_is_encrypted_then_says_so(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"))

    with pytest.raises(UserError, match=r"book.xlsx is encrypted: save it without a password"):
        read(path)


def test_check_zip_when_members_share_their_bytes_then_counts_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "FREE", 3 << 20)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(4):
            file.writestr(f"{number}", bytes(1 << 20))
    (tmp_path / "a.zip").write_bytes(content.getvalue())

    with pytest.raises(UserError, match=r"unpacks to more than 3 MB"):
        guards.check_zip(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("rows", "columns", "is_far", "quote"),
    [(1_048_576, 16_384, True, '"'), (1_048_576, 16_384, True, "'"), (1000, 100, False, '"')],
)
def test_sheet_when_a_document_repeats_cells_then_refuses_what_no_memory_holds(
    rows: int, columns: int, is_far: bool, quote: str, tmp_path: Path
) -> None:
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    cell = '<table:table-cell office:value-type="float" office:value="1"'
    content = (
        f"<office:document-content{spaces}><office:body><office:spreadsheet><table:table "
        f'table:name="Pay"><table:table-row>{cell}/></table:table-row><table:table-row '
        f'table:number-rows-repeated="{rows}">{cell} table:number-columns-repeated="{columns}"/>'
        f"</table:table-row></table:table></office:spreadsheet></office:body>"
        f"</office:document-content>"
    )
    path = tmp_path / "book.ods"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        file.writestr("content.xml", content.replace('"', quote))
        file.writestr("META-INF/manifest.xml", "<manifest/>")

    if is_far:
        with pytest.raises(UserError, match=r"cells as far as row 1,048,577 and column 16,384"):
            read(path)
    else:
        with open_table(path, recognise(path), Wanted()) as table:
            assert sum(map(len, table.chunks(5000))) == rows
