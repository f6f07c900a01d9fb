"""Writers of a table in each format that a library writes, a chunk at a time."""

import bz2
import gzip
import json
import lzma
import math
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import xlsxwriter
from pyarrow import orc
from pyreadstat import PyreadstatError

from salary_kedro.contract import CsvDialect
from salary_kedro.errors import UserError
from salary_kedro.tables.csv_lines import TEXT, csv_lines
from salary_kedro.tables.formats.plain import as_texts, plain_column, plain_table

Suffix = Literal[
    ".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zst", ".parquet", ".arrow", ".feather",
    ".orc", ".jsonl", ".xlsx", ".dta", ".sav",
]  # fmt: skip
#: Longest first: `.csv.gz` is no `.gz`.
SUFFIXES: tuple[Suffix, ...] = get_args(Suffix)
#: What a sheet of Excel holds at most, and the largest whole number that its cells keep.
SHEET_ROWS, SHEET_COLUMNS, CELL_TEXT, EXACT = 1_048_576, 16_384, 32_767, 2**53
#: Longest names of columns in Stata and SPSS.
NAMES = {".dta": 32, ".sav": 64}


class TableWriter(Protocol):
    """Appends rows to a table."""

    def write(self, table: pa.Table) -> None:
        """Append rows; all tables have the columns of the first, which may have no rows."""

    def close(self) -> None:
        """Write what is left."""


def suffix_of(path: Path) -> Suffix:
    """Tell the format in which a file is to be written.

    Raises:
        UserError: If its name ends otherwise than in a known suffix.
    """
    for known in SUFFIXES:
        if path.name.lower().endswith(known):
            return known
    raise UserError(
        f"{path} is not written: its name must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
    )


def open_writer(path: Path, suffix: Suffix, dialect: CsvDialect, *, safe: bool) -> TableWriter:
    """Begin a table.

    Args:
        path: Its file.
        suffix: Its format; the file's own name may end otherwise.
        dialect: How CSV is written; its encoding is always UTF-8.
        safe: Make texts in CSV harmless to spreadsheets.
    """
    if suffix.startswith(".csv"):
        return _CsvWriter(path, suffix, dialect, safe=safe)
    match suffix:
        case ".jsonl":
            return _JsonLinesWriter(path)
        case ".xlsx":
            return _SheetWriter(path)
        case ".dta" | ".sav":
            return _StatisticsWriter(path, suffix)
    return _ArrowWriter(path, _ARROW[suffix])


def _open_ipc(path: Path, schema: pa.Schema) -> Any:
    return pa.ipc.new_file(str(path), schema)


def _open_orc(path: Path, _: pa.Schema) -> Any:
    return orc.ORCWriter(str(path), compression="zstd")


_ARROW: dict[str, Callable[[Path, pa.Schema], Any]] = {
    ".parquet": pq.ParquetWriter,
    ".arrow": _open_ipc,
    ".feather": _open_ipc,
    ".orc": _open_orc,
}


class _ArrowWriter:
    def __init__(self, path: Path, begin: Callable[[Path, pa.Schema], Any]) -> None:
        self._path, self._begin = path, begin
        self._file: Any = None

    def write(self, table: pa.Table) -> None:
        if self._begin is not pq.ParquetWriter:
            table = _decoded(table)
        if self._file is None:
            self._file = self._begin(self._path, table.schema)
        if len(table) or self._begin is _open_orc:  # an ORC file has no columns before its rows
            self._file.write(table)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _decoded(table: pa.Table) -> pa.Table:
    """A table without dictionaries, whose parts may differ, and without views."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, plain_column(table.column(place)))
    return plain_table(table)


def _open_zstd(path: Path, _: str) -> Any:
    return pa.output_stream(str(path), compression="zstd")


_PACKED: dict[str, Callable[[Path, Any], Any]] = {
    ".csv.gz": partial(gzip.GzipFile, mtime=0),
    ".csv.bz2": bz2.BZ2File,
    ".csv.xz": lzma.LZMAFile,
    ".csv.zst": _open_zstd,
}


class _CsvWriter:
    def __init__(self, path: Path, suffix: Suffix, dialect: CsvDialect, *, safe: bool) -> None:
        self._dialect, self._safe, self._begun = dialect, safe, False
        self._file = _PACKED.get(suffix, Path.open)(path, "wb")

    def write(self, table: pa.Table) -> None:
        if not self._begun:
            header = [pa.array([name], TEXT) for name in table.column_names]
            self._file.write(csv_lines(header, self._dialect, safe=self._safe))
            self._begun = True
        if len(table):
            columns = table.combine_chunks().columns
            self._file.write(csv_lines(columns, self._dialect, safe=self._safe))

    def close(self) -> None:
        self._file.close()


class _JsonLinesWriter:
    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")

    def write(self, table: pa.Table) -> None:
        names = table.column_names
        columns = [_for_json(column).to_pylist() for column in table.columns]
        for cells in zip(*columns, strict=True):
            record = dict(zip(names, map(_finite, cells), strict=True))
            self._file.write(json.dumps(record, ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._file.close()


def _for_json(column: Any) -> Any:
    """A column of numbers, truth values or texts."""
    column = plain_column(column)
    kind, types = column.type, pa.types
    keeps = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    return column if keeps or types.is_nested(kind) else as_texts(column)


def _finite(cell: Any) -> Any:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


class _SheetWriter:
    """A workbook of one sheet; a text stays one, whatever it begins with."""

    def __init__(self, path: Path) -> None:
        options = {
            "constant_memory": True,
            "tmpdir": str(path.parent),  # rows stay there if it is never closed
            "strings_to_formulas": False,
            "strings_to_urls": False,
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        self._sheet = self._book.add_worksheet()
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._row = 0

    def write(self, table: pa.Table) -> None:
        if self._row == 0:
            for place, name in enumerate(table.column_names):
                self._sheet.write_string(0, place, name)
            self._row = 1
        if self._row + len(table) > SHEET_ROWS or table.num_columns > SHEET_COLUMNS:
            raise UserError(
                f"a sheet holds {SHEET_ROWS:,} rows and {SHEET_COLUMNS:,} columns, and these are "
                f"more: let the name of scored_rows end in .csv or .parquet"
            )
        for cells in zip(*map(_for_sheet, table.columns), strict=True):
            for place, cell in enumerate(cells):
                self._put(place, cell)
            self._row += 1

    def _put(self, place: int, cell: Any) -> None:
        sheet, row = self._sheet, self._row
        match cell:
            case str():
                if sheet.write_string(row, place, cell) < 0:
                    raise UserError(
                        f"a cell of Excel holds {CELL_TEXT:,} characters, and a text has more: "
                        f"let the name of scored_rows end in .csv or .parquet"
                    )
            case bool():
                sheet.write_boolean(row, place, cell)
            case datetime():
                sheet.write_datetime(row, place, cell, self._day)
            case int() | float():
                sheet.write_number(row, place, cell)

    def close(self) -> None:
        self._book.close()


def _for_sheet(column: Any) -> list[Any]:
    """Cells that Excel keeps as they are; what it would change is written as text."""
    column = plain_column(column)
    kind, types = column.type, pa.types
    if types.is_boolean(kind):
        return list(column.to_pylist())
    if types.is_integer(kind) or types.is_floating(kind):
        return [_for_cell(cell) for cell in column.to_pylist()]
    if types.is_date(kind):
        column, kind = column.cast(pa.timestamp("ms")), pa.timestamp("ms")
    if types.is_timestamp(kind) and kind.tz is None and _are_days(column):
        return list(column.to_pylist())
    return list(as_texts(column).to_pylist())


def _for_cell(number: Any) -> Any:
    if number is None:
        return None
    exact = math.isfinite(number) and (isinstance(number, float) or abs(number) <= EXACT)
    return number if exact else str(number)


def _are_days(column: Any) -> bool:
    """Whether all times are midnights that Excel can count."""
    first = datetime(1900, 3, 1)
    known = (cell for cell in column.to_pylist() if cell is not None)
    return all(cell >= first and not (cell.hour or cell.minute or cell.second) for cell in known)


class _StatisticsWriter:
    """A file of Stata or SPSS, which is written at the end, from memory."""

    def __init__(self, path: Path, suffix: Suffix) -> None:
        self._path, self._suffix = path, suffix
        self._tables: list[pa.Table] = []

    def write(self, table: pa.Table) -> None:
        if not self._tables:
            self._check(table.column_names)
        self._tables.append(_for_statistics(table))

    def _check(self, names: list[str]) -> None:
        longest = NAMES[self._suffix]
        for name in names:
            if not (name.isidentifier() and name.isascii() and len(name) <= longest):
                raise UserError(
                    f"a column of {self._suffix} cannot be called '{name}', but by up to {longest} "
                    f"letters, digits and _: let the name of scored_rows end in .csv or .parquet"
                )

    def close(self) -> None:
        if not self._tables:
            return
        frame = pa.concat_tables(self._tables).to_pandas(date_as_object=False)
        write = pyreadstat.write_dta if self._suffix == ".dta" else pyreadstat.write_sav
        try:
            write(frame, str(self._path))
        except (PyreadstatError, ValueError) as error:
            raise UserError(
                f"{self._suffix} cannot hold these rows ({error}): let the name of scored_rows end "
                f"in .csv or .parquet"
            ) from error


def _for_statistics(table: pa.Table) -> pa.Table:
    """Numbers, texts and times without a zone; truth values in words."""
    columns = [_for_statistic(column) for column in table.columns]
    return pa.table(columns, table.column_names)


def _for_statistic(column: Any) -> Any:
    column = plain_column(column)
    kind, types = column.type, pa.types
    if types.is_integer(kind) or types.is_floating(kind) or types.is_date(kind):
        return column
    return column if types.is_timestamp(kind) and kind.tz is None else as_texts(column)
