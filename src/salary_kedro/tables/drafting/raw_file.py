"""The file that a contract is drafted from: CSV, however it is written, or another format."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salary_kedro.contract import Contract, CsvDialect
from salary_kedro.errors import UserError
from salary_kedro.tables.csv_arguments import csv_arguments
from salary_kedro.tables.csv_top import from_header
from salary_kedro.tables.described import Described
from salary_kedro.tables.drafting.edges import HEAD, TAIL, Edges, find_edges
from salary_kedro.tables.drafting.encodings import Encoding, find_encoding
from salary_kedro.tables.drafting.sniff import (
    find_dialect,
    read_header,
    read_texts,
    usual_missing,
)
from salary_kedro.tables.formats.cells import unify
from salary_kedro.tables.formats.opening import open_table, suffix_of
from salary_kedro.tables.formats.packed import unpacked_file
from salary_kedro.tables.formats.plain import as_texts
from salary_kedro.tables.formats.recognise import recognise
from salary_kedro.tables.formats.spreadsheet import SpreadsheetTable
from salary_kedro.tables.formats.wanted import FileTable, Wanted
from salary_kedro.tables.reader import as_frame

#: Rows that are read at once.
ROWS = 1 << 16


@dataclass(frozen=True)
class Asked:
    """What a person says about the file, because it cannot be found out or is found wrongly.

    Attributes:
        sheet: Name of the sheet of a spreadsheet.
        named_table: Name of a table within a spreadsheet.
        encoding: Encoding of a CSV file.
        skip_rows: Lines above the header; None to find them.
    """

    sheet: str = ""
    named_table: str = ""
    encoding: str = ""
    skip_rows: int | None = None


NOTHING = Asked()
ANYWHERE = Wanted()


@dataclass(frozen=True)
class RawCsv:
    """A CSV file.

    Attributes:
        path: Where it is.
        dialect: How it is written.
        suffix: What the name of a copy ends in.
        remarks: What the person who edits the draft should know of it.
        guessed: Its encoding, if that is doubted; empty if not.
    """

    path: Path
    dialect: CsvDialect
    suffix: str
    remarks: tuple[str, ...] = ()
    guessed: str = ""

    def described(self) -> Mapping[str, Described]:
        """Nothing: CSV says nothing about its columns."""
        return {}

    def texts(self, rows: int) -> tuple[pd.DataFrame, CsvDialect]:
        """The first rows as texts, under the file's headers, and how it is written."""
        return read_texts(self.path, self.dialect, rows), self.dialect

    def read(self, contract: Contract, rows: int) -> pd.DataFrame:
        """The first rows, as a run reads them by a contract."""
        with self.path.open("rb") as file:
            stream, _ = from_header(file, contract.table.csv)
            found: pd.DataFrame = pd.read_csv(stream, nrows=rows, **csv_arguments(contract))
        return found


@dataclass(frozen=True)
class RawTable:
    """A file of a format that types its cells, or a folder of Parquet.

    Attributes:
        table: Its table.
        dialect: Which lines of a spreadsheet are no rows, and the decimal mark of texts.
        suffix: What the name of a copy ends in.
        remarks: What the person who edits the draft should know of it.
        wanted: Where in the file it is.
    """

    table: FileTable
    dialect: CsvDialect
    suffix: str
    remarks: tuple[str, ...]
    wanted: Wanted = ANYWHERE

    def described(self) -> Mapping[str, Described]:
        """What the file says about its columns."""
        return self.table.described()

    def texts(self, rows: int) -> tuple[pd.DataFrame, CsvDialect]:
        """The first rows as texts, under the file's headers, and which lines and cells are none."""
        table = _head(self.table, rows, self.dialect.decimal)
        columns = {
            name: pc.fill_null(_as_texts(table.column(name), self.dialect.decimal), "")
            for name in table.column_names
        }
        found: pd.DataFrame = pa.table(columns).to_pandas()
        missing = usual_missing(found) or None  # what pandas takes for none in CSV alone
        return found, self.dialect.model_copy(update={"missing": missing})

    def marked(self, decimal: str) -> "RawTable":
        """The same table, whose numbers are written with another decimal mark."""
        wanted = replace(self.wanted, decimal=decimal)
        dialect = self.dialect.model_copy(update={"decimal": decimal})
        return replace(self, table=self.table.by(wanted), dialect=dialect, wanted=wanted)

    def read(self, contract: Contract, rows: int) -> pd.DataFrame:
        """The first rows, as a run reads them by a contract."""
        asked = self.wanted
        said = Wanted.of(contract)
        wanted = replace(said, sheet=asked.sheet, named_table=asked.named_table)
        return as_frame(_head(self.table.by(wanted), rows, wanted.decimal))


RawFile = RawCsv | RawTable


def _head(table: FileTable, rows: int, decimal: str) -> pa.Table:
    return unify(_first(table.chunks(min(rows, ROWS)), rows), decimal).slice(0, rows)


def _first(chunks: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """As many chunks as hold so many rows."""
    for chunk in chunks:
        yield chunk
        rows -= len(chunk)
        if rows <= 0:
            return


def _as_texts(column: pa.ChunkedArray, decimal: str) -> pa.ChunkedArray:
    """A column as a CSV file would hold it; of times the day alone."""
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column, format="%Y-%m-%d").cast(pa.large_string())
    texts = as_texts(column).cast(pa.large_string())
    return pc.replace_substring(texts, ".", decimal) if pa.types.is_floating(column.type) else texts


@contextmanager
def open_raw(path: Path, asked: Asked = NOTHING) -> Iterator[RawFile]:
    """Tell what a file is, and how it is written; a packed CSV file is unpacked aside.

    Raises:
        OSError: It cannot be read.
        UserError: It is of no format that is read; or two columns have one name.
    """
    kind = recognise(path)
    suffix = suffix_of(path, kind)
    if kind == "csv":
        with unpacked_file(path) as plain:
            yield _open_csv(plain, suffix, asked)
        return
    wanted = Wanted(asked.sheet, asked.named_table, asked.skip_rows or 0)
    with open_table(path, kind, wanted) as table:
        yield _below_edges(table, _edges(table, asked), wanted, suffix)


def _below_edges(table: FileTable, edges: Edges, wanted: Wanted, suffix: str) -> RawTable:
    """The table without the lines that are no rows."""
    keys = {key: getattr(edges, key) for key in ("skip_rows", "header_rows", "comment")}
    wanted = replace(wanted, **keys)
    found = table.by(wanted)
    remarks = (*found.remarks, *edges.remarks)
    return RawTable(found, edges.within(CsvDialect()), suffix, remarks, wanted)


def _edges(table: FileTable, asked: Asked) -> Edges:
    """Which lines of a spreadsheet are no rows; other formats have none such."""
    if not isinstance(table, SpreadsheetTable) or asked.named_table:
        return Edges()
    head, tail = table.lines(HEAD, TAIL)
    if asked.skip_rows is None:
        return find_edges(head, tail)
    return replace(find_edges(head[asked.skip_rows :], tail), skip_rows=asked.skip_rows)


def _open_csv(path: Path, suffix: str, asked: Asked) -> RawCsv:
    """Find out how a CSV file is written, but for numbers.

    Raises:
        UserError: If two columns have one name, or a line does not fit the header.
    """
    encoding = Encoding(asked.encoding) if asked.encoding else find_encoding(path)
    dialect, remarks = find_dialect(path, encoding.name, asked.skip_rows)
    header = [name for name in read_header(path, dialect) if name]
    if twice := [name for name in header if header.count(name) > 1]:
        raise UserError(f"the table has more than one column '{twice[0]}': give each its own name")
    guessed = encoding.name if encoding.remarks else ""
    return RawCsv(path, dialect, suffix, (*encoding.remarks, *remarks), guessed)
