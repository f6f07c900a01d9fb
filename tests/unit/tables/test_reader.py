"""Tables of any size, read in chunks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from salary_kedro.contract import Contract
from salary_kedro.datasets import TableReaderDataset
from salary_kedro.errors import UserError
from salary_kedro.tables.checked import check
from salary_kedro.tables.reader import Chunk, TableReader
from salary_kedro.tables.whole import read_table
from samples import column, contract_of

YEARS = contract_of(column("years", required=False))
GERMAN = contract_of(
    column("years"), table={"csv": {"delimiter": ";", "decimal": ",", "encoding": "cp1252"}}
)


def write(folder: Path, content: str | bytes, name: str = "rows.csv") -> TableReader:
    """A reader of a file with that content."""
    data = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(data)
    return TableReaderDataset((folder / name).as_posix()).load()


def read(reader: TableReader, contract: Contract = YEARS, rows: int = 2) -> list[Chunk]:
    return list(reader.chunks(contract, rows))


def test_chunks_when_csv_is_read_then_gives_each_cell_as_it_is(tmp_path: Path) -> None:
    reader = write(tmp_path, 'Id,Years,Salary,Note\n00123,5.10,1,NA\n7,,2,"a, ""b"""\n8,1e1,3,\n')

    chunks = read(reader)

    assert [chunk.cells.to_pylist() for chunk in chunks] == [
        [
            {"Id": "00123", "Years": "5.10", "Salary": "1", "Note": "NA"},
            {"Id": "7", "Years": "", "Salary": "2", "Note": 'a, "b"'},
        ],
        [{"Id": "8", "Years": "1e1", "Salary": "3", "Note": ""}],
    ]


def test_chunks_when_csv_is_read_then_types_the_contracts_columns(tmp_path: Path) -> None:
    chunks = read(write(tmp_path, "Id,Years,Salary\n00123,5.10,1\n7,,2\n8,1e1,3\n"))

    expected = [[5.1, np.nan], [10.0]]
    for chunk, years in zip(chunks, expected, strict=True):
        pd.testing.assert_series_equal(chunk.values["Years"], pd.Series(years, name="Years"))


def test_chunks_when_the_dialect_is_another_then_reads_by_it(tmp_path: Path) -> None:
    reader = write(tmp_path, "Years;Salary;Größe\n5,5;1;é\n".encode("cp1252"))

    (chunk,) = read(reader, GERMAN)

    assert chunk.cells.to_pylist() == [{"Years": "5,5", "Salary": "1", "Größe": "é"}]
    assert chunk.values["Years"].tolist() == [5.5]


def test_chunks_when_cells_hold_line_breaks_then_counts_the_lines_of_the_file(
    tmp_path: Path,
) -> None:
    reader = write(tmp_path, 'Years,Salary,"No\nte"\n1,1,"a\nb"\n2,1,\n3,1,"c\n\nd"\n4,1,\n')

    assert [chunk.lines.tolist() for chunk in read(reader)] == [[3, 5], [6, 9]]


def test_chunks_when_parquet_is_read_then_keeps_types_and_numbers_rows_from_one(
    tmp_path: Path,
) -> None:
    table = pd.DataFrame({"Id": [3, 4, 5], "Years": [1.5, None, 2.0], "Salary": [1, 2, 3]})
    table.to_parquet(tmp_path / "rows.parquet")

    chunks = read(TableReader(tmp_path / "rows.parquet"))

    assert [chunk.lines.tolist() for chunk in chunks] == [[1, 2], [3]]
    assert chunks[1].cells.to_pylist() == [{"Id": 5, "Years": 2.0, "Salary": 3}]
    assert chunks[1].values["Years"].tolist() == [2.0]


def test_chunks_when_stderr_is_no_terminal_then_shows_no_progress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read(write(tmp_path, "Years,Salary\n1,1\n"))

    assert capsys.readouterr() == ("", "")


def test_chunks_when_stderr_is_a_terminal_then_shows_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = write(tmp_path, "Years,Salary\n1,1\n2,1\n3,1\n")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    read(reader)

    out, err = capsys.readouterr()
    assert out == ""
    assert "rows.csv" in err
    assert "100%" in err


def test_header_when_there_are_rows_then_gives_all_names(tmp_path: Path) -> None:
    assert write(tmp_path, "Id,Years,Salary\n1,2,3\n").header(YEARS) == ["Id", "Years", "Salary"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", b"", "rows.csv is empty. It needs a header line and one line for each row."),
        (
            "rows.csv",
            b"Years,Salary\n",
            "rows.csv has a header but no rows: bring at least one row of data",
        ),
        (
            "rows.csv",
            b"Years,Salary\n1,2,\xe9\xe9\n",
            "rows.csv is not text in the encoding utf-8-sig. Save it so, as the table was",
        ),
        ("rows.csv", b"Years,Salary\n1,2,987654\n", "rows.csv has rows with more fields"),
        (
            "rows.parquet",
            b"PAR1 and no more",
            "rows.parquet is damaged or was not copied whole: bring it again",
        ),
        (
            "rows.xlsx",
            b"PK\x03\x04 and no more",
            "rows.xlsx is damaged or was not copied whole: bring it again",
        ),
    ],
)
def test_header_when_the_file_is_bad_then_says_why(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        write(tmp_path, content, name).header(YEARS)

    assert message in str(caught.value)
    assert "987654" not in str(caught.value)


#: More ASCII than is looked at at once.
LONG = "1;2;Ulm\n" * 200_000


@pytest.mark.parametrize("content", ["Jahre;Gehalt;Täter\n1;2;Ulm\n", f"a;b;c\n{LONG}1;2;Köln\n"])
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "gb18030"])
def test_rows_when_they_are_utf8_and_were_to_be_of_another_encoding_then_are_refused(
    encoding: str, content: str, tmp_path: Path
) -> None:
    """These encodings take any bytes, or nearly any, and would read other letters."""
    contract = contract_of(column("years"), table={"csv": {"delimiter": ";", "encoding": encoding}})
    reader = write(tmp_path, content)

    says = f"rows.csv is not text in the encoding {encoding}: it is UTF-8. "
    with pytest.raises(UserError, match=f"{says}Save it so, as the table was that the model"):
        reader.header(contract)
    with pytest.raises(UserError, match=f"{says}Set `csv: "):
        read_table(reader.path, contract)


@pytest.mark.parametrize("city", ["Köln", "GROß– und", "SÃO PAULO", "Ulm"])
def test_rows_when_they_are_of_the_encoding_then_are_read(city: str, tmp_path: Path) -> None:
    """The bytes of a sharp s and a dash are a letter in UTF-8, too, but none of cp1252."""
    reader = write(tmp_path, f"Years;City;Salary\n1,5;{city};2\n".encode("cp1252"))

    (chunk,) = read(reader, GERMAN)

    assert chunk.cells["City"].to_pylist() == [city]


def test_header_when_there_is_no_file_then_names_it(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        TableReader(tmp_path / "rows.csv").header(YEARS)

    assert str(caught.value) == (
        f"there is no file {tmp_path}/rows.csv: pass --params rows_to_score=FILE, or put the file "
        f"there"
    )


def test_header_when_another_parameter_names_the_file_then_says_that_one(tmp_path: Path) -> None:
    dataset = TableReaderDataset(f"{tmp_path}/since.csv", parameter="true_salaries")
    with pytest.raises(UserError, match=r"pass --params true_salaries=FILE, or put"):
        dataset.load().header(YEARS)


def test_chunks_when_a_later_row_has_too_many_fields_then_names_its_line_alone(
    tmp_path: Path,
) -> None:
    reader = write(tmp_path, "Years,Salary\n1,1\n2,2\n3,3\n4,987654,5\n")

    with pytest.raises(UserError, match=r"rows\.csv, line 5 has 3 fields, but 2 are") as caught:
        read(reader)

    assert "987654" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize(
    "header", [" Years, Salary ", "Years\u00a0,\u200bSalary", "\ufeffYears,Salary"]
)
@pytest.mark.parametrize("title", ["", "Pay of 2024\n"])
def test_chunks_when_headers_are_padded_then_gives_what_a_run_trains_on(
    encoding: str, header: str, title: str, tmp_path: Path
) -> None:
    csv = {"encoding": encoding, "skip_rows": title.count("\n")}
    contract = contract_of(column("years", required=False), table={"csv": csv})
    reader = write(tmp_path, f"{title}{header}\n1.5,1\n,2\n".encode(encoding))

    (chunk,) = read(reader, contract)

    trained = check(read_table(reader.path, contract), contract)
    expected = pd.DataFrame({"years": [1.5, np.nan], "salary": [1.0, 2.0]})
    pd.testing.assert_frame_equal(trained.valid, expected)
    pd.testing.assert_frame_equal(check(chunk.values, contract).valid, expected)
    assert reader.header(contract) == chunk.cells.column_names == ["Years", "Salary"]
    assert chunk.lines.tolist() == [2 + len(title.splitlines()), 3 + len(title.splitlines())]
