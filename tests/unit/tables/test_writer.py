"""Two tables that are written in chunks and appear whole or not at all."""

import errno
import io
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from salary_kedro.contract import CsvDialect
from salary_kedro.datasets import ScoredTablesDataset
from salary_kedro.errors import UserError
from salary_kedro.tables.csv_lines import csv_lines
from salary_kedro.tables.own_tables import REJECTED, SCORED
from salary_kedro.tables.writer import ScoredTables

COMMA = CsvDialect()
SOURCE = Path("rows.csv")
CONTENT = "salary,warnings,model_name,model_version,scored_at\n5.5,,,,\n6.5,,,,\n"


@pytest.fixture
def tables(tmp_path: Path) -> ScoredTables:
    """Tables in a folder that does not exist yet."""
    return ScoredTablesDataset((tmp_path / "output" / "scored.csv").as_posix()).load()


def write(tables: ScoredTables, value: float, *, fail: bool = False) -> None:
    """Write two chunks to both tables."""
    added = {name: [""] for name in SCORED}
    with tables.replace(COMMA, SOURCE) as (scored, rejected):
        for number in range(2):
            scored.write(pa.table({"salary": [value + number], **added}))
            rejected.write(pa.table({name: pa.array([], pa.string()) for name in REJECTED}))
        if fail:
            raise UserError("the file ends too early")


# --- CSV ----------------------------------------------------------------------------------------


def test_csv_lines_when_cells_need_quotes_then_quotes_those_alone() -> None:
    columns = [pa.array(["a", 'b"', "c,", "d\ne", "f\rg"]), pa.array([1, 2, 3, 4, None])]

    assert csv_lines(columns, COMMA) == b'a,1\n"b""",2\n"c,",3\n"d\ne",4\n"f\rg",\n'


def test_csv_lines_when_the_dialect_is_another_then_writes_by_it() -> None:
    columns = [pa.array([72861.25, None]), pa.array(["a;b", "1.5"])]

    lines = csv_lines(columns, CsvDialect(delimiter=";", decimal=",", encoding="cp1252"))

    assert lines == b'72861,25;"a;b"\n;1.5\n'


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
    delimiter=st.sampled_from(",;\t|]^"),
)
def test_csv_lines_when_read_back_then_gives_the_same_cells(
    texts: list[str], delimiter: str
) -> None:
    lines = csv_lines(
        [pa.array(texts, pa.string()), pa.array(range(len(texts)))], CsvDialect(delimiter=delimiter)
    )

    table = pd.read_csv(
        io.BytesIO(b"text" + delimiter.encode() + b"number\n" + lines),
        sep=delimiter,
        dtype="str",
        na_filter=False,
        skip_blank_lines=False,
    )
    assert table["text"].tolist()[: len(texts)] == texts


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_csv_lines_when_a_number_is_written_then_reads_as_the_same_number(value: float) -> None:
    assert float(csv_lines([pa.array([value])], COMMA)) == value


def test_csv_lines_when_a_column_has_no_words_then_advises_parquet() -> None:
    with pytest.raises(UserError, match=r"type list.* cannot be written as CSV: .*\.parquet"):
        csv_lines([pa.array([[1], [2]])], COMMA)


# --- Whole or not at all ------------------------------------------------------------------------


def test_replace_when_done_then_both_tables_are_there_and_nothing_else(
    tables: ScoredTables,
) -> None:
    write(tables, 5.5)

    assert tables.path.read_text() == CONTENT
    assert tables.rejected.read_text() == "line,reasons\n"
    assert sorted(tables.path.parent.iterdir()) == [tables.path, tables.rejected]


def test_replace_when_it_breaks_off_then_the_earlier_tables_stay(tables: ScoredTables) -> None:
    write(tables, 5.5)

    with pytest.raises(UserError, match="ends too early"):
        write(tables, 1.5, fail=True)

    assert tables.path.read_text() == CONTENT
    assert sorted(tables.path.parent.iterdir()) == [tables.path, tables.rejected]


@pytest.mark.parametrize("name", ["scored.csv", "scored_rejected.csv"])
def test_replace_when_something_appears_there_meanwhile_then_keeps_it(
    name: str, tables: ScoredTables
) -> None:
    theirs = tables.path.with_name(name)
    with (
        pytest.raises(UserError, match=f"{name} already exists and is not an earlier result"),
        tables.replace(COMMA, SOURCE),
    ):
        theirs.write_text("mine\n")

    assert theirs.read_text() == "mine\n"
    assert [path.name for path in tables.path.parent.iterdir()] == [name]


@pytest.mark.parametrize("name", ["", "rows.csv"])
def test_replace_when_another_file_fails_then_does_not_blame_its_own(
    name: str, tables: ScoredTables
) -> None:
    with pytest.raises(UserError) as caught, tables.replace(COMMA, SOURCE):
        raise OSError(errno.EIO, "Input/output error", *[name] if name else [])

    assert str(caught.value).startswith(f"{name or tables.path} cannot be ")


def test_replace_when_a_killed_run_left_a_draft_then_removes_it(tables: ScoredTables) -> None:
    draft = tables.path.with_name(".scored.csv.part")
    draft.mkdir(parents=True)
    (draft / "scored.csv").write_text("salary\n1")

    write(tables, 5.5)

    assert tables.path.read_text() == CONTENT
    assert not draft.exists()


def test_replace_when_another_run_writes_the_same_then_says_so(tables: ScoredTables) -> None:
    folder = tables.path.with_name(".scored.csv.part")
    folder.mkdir(parents=True)

    with FileLock(folder / "lock"), pytest.raises(UserError, match="another run is writing"):
        write(tables, 5.5)

    assert not tables.path.exists()


def test_replace_when_the_format_is_parquet_then_writes_it(tmp_path: Path) -> None:
    tables = ScoredTables(tmp_path / "scored.parquet")

    write(tables, 5.5)

    assert pd.read_parquet(tables.path)["salary"].tolist() == [5.5, 6.5]
    assert pd.read_parquet(tables.rejected).columns.tolist() == REJECTED


def test_replace_when_the_output_is_a_folder_then_says_so(tmp_path: Path) -> None:
    (tmp_path / "scored.csv").mkdir()

    with pytest.raises(UserError, match=r"scored\.csv is a folder, but should be a file"):
        write(ScoredTables(tmp_path / "scored.csv"), 5.5)


@pytest.mark.parametrize("source", ["scored.csv", "scored_rejected.csv", "x/../scored.csv"])
def test_replace_when_the_input_would_be_replaced_then_refuses(source: str, tmp_path: Path) -> None:
    tables = ScoredTables(tmp_path / "scored.csv")

    with (
        pytest.raises(UserError, match="would be replaced by what is made of it"),
        tables.replace(COMMA, tmp_path / source),
    ):
        pass

    assert list(tmp_path.iterdir()) == []


def test_replace_when_the_folder_cannot_be_written_then_says_what_is_needed() -> None:
    with pytest.raises(UserError) as caught:
        write(ScoredTables(Path("/proc/output/scored.csv")), 5.5)

    assert str(caught.value) == (
        "/proc/output/scored.csv cannot be written (No such file or directory): its folder must "
        "be one that you may write to, with room for it"
    )


def test_replace_when_the_name_ends_otherwise_then_names_the_formats(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"is not written: its name must end in \.csv, .*\.parquet, .* or \.sav"
    ):
        write(ScoredTables(tmp_path / "scored.pdf"), 5.5)


# --- What may be replaced -----------------------------------------------------------------------

SCORED_HEADER = "Id,salary,warnings,model_name,model_version,scored_at"


def refused(tables: ScoredTables) -> str:
    with pytest.raises(UserError) as caught:
        write(tables, 5.5)
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "Experience Years,Salary\n1,2\n",
        "",
        "\x00\x01",
        f"note\n{SCORED_HEADER.replace(',', ';')}\n",  # the words stand in a row, not the header
        f"{SCORED_HEADER},comment\n",  # somebody has gone on working with it
        "line,reasons,Id\n",
    ],
)
@pytest.mark.parametrize("name", ["scored.csv", "scored.parquet"])
def test_replace_when_the_file_there_is_no_scored_table_then_keeps_it_and_says_what_to_do(
    content: str, name: str, tmp_path: Path
) -> None:
    there = tmp_path / name
    there.write_text(content)

    assert refused(ScoredTables(there)) == (
        f"{there} already exists and is not an earlier result of scoring: name another file for "
        f"scored_rows, or add overwrite=true to --params to replace it"
    )
    assert there.read_text() == content
    assert list(tmp_path.iterdir()) == [there]


def test_replace_when_the_file_beside_it_holds_something_else_then_keeps_it(tmp_path: Path) -> None:
    there = tmp_path / "scored_rejected.csv"
    there.write_text("line,remark\n1,mine\n")

    assert refused(ScoredTables(tmp_path / "scored.csv")).startswith(f"{there} already exists")


def test_replace_when_it_is_no_regular_file_then_does_not_wait_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "scored.csv")

    assert "already exists" in refused(ScoredTables(tmp_path / "scored.csv"))


def test_replace_when_overwriting_is_asked_for_then_replaces_it(tmp_path: Path) -> None:
    (tmp_path / "scored.csv").write_text("mine\n1\n")

    write(ScoredTables(tmp_path / "scored.csv", overwrite=True), 5.5)

    assert (tmp_path / "scored.csv").read_text() == CONTENT


@pytest.mark.parametrize(
    "header",
    [
        SCORED_HEADER.replace(",", ";"),
        SCORED_HEADER.replace(",", "\t"),
        "\ufeff" + SCORED_HEADER + "\r",  # saved by a spreadsheet
        '"two\nlines",' + SCORED_HEADER,
    ],
)
def test_replace_when_the_scored_table_is_written_otherwise_then_knows_it(
    header: str, tmp_path: Path
) -> None:
    (tmp_path / "scored.csv").write_text(f"{header}\n", newline="")

    write(ScoredTables(tmp_path / "scored.csv"), 5.5)

    assert (tmp_path / "scored.csv").read_text() == CONTENT


def test_replace_when_a_parquet_file_was_scored_before_then_replaces_it(tmp_path: Path) -> None:
    tables = ScoredTables(tmp_path / "scored.parquet")
    write(tables, 1.5)

    write(tables, 5.5)

    assert pd.read_parquet(tables.path)["salary"].tolist() == [5.5, 6.5]


@pytest.mark.parametrize("name", ["scored.csv", "scored_rejected.csv"])
def test_replace_when_it_is_a_hard_link_of_the_input_then_refuses(
    name: str, tmp_path: Path
) -> None:
    source = tmp_path / "rows.csv"
    source.write_text(f"{SCORED_HEADER}\n")
    os.link(source, tmp_path / name)

    with (
        pytest.raises(UserError, match="would be replaced by what is made of it"),
        ScoredTables(tmp_path / "scored.csv").replace(COMMA, source),
    ):
        pass


def test_tables_when_a_text_is_too_long_for_a_sheet_then_no_cell_stays_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "aside").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "aside"))
    tables = ScoredTables(tmp_path / "output" / "scored.xlsx")

    with (
        pytest.raises(UserError, match=r"a cell of Excel holds 32,767 characters"),
        tables.replace(COMMA, SOURCE) as (scored, _),
    ):
        scored.write(pa.table({"name": ["Ann", "x" * 40_000]}))

    assert [*(tmp_path / "aside").iterdir(), *(tmp_path / "output").iterdir()] == []
