"""A table of any size and format, read in chunks."""

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from salary_kedro.contract import Contract, CsvDialect
from salary_kedro.contract.formulas import plain_text
from salary_kedro.errors import UserError
from salary_kedro.tables.csv_arguments import csv_arguments
from salary_kedro.tables.csv_lines import csv_table
from salary_kedro.tables.csv_rows import CsvRows, as_texts, open_rows
from salary_kedro.tables.formats.opening import open_table
from salary_kedro.tables.formats.packed import packing
from salary_kedro.tables.formats.plain import plain_table
from salary_kedro.tables.formats.recognise import Format, recognise
from salary_kedro.tables.formats.wanted import Wanted
from salary_kedro.tables.header import names_may_be_cells, tidy_names
from salary_kedro.tables.own_tables import is_rejected, is_scored
from salary_kedro.tables.spreadsheet import plain_frame, restore
from salary_kedro.tables.unreadable import readable

#: Largest whole number up to which floats keep all, and what else holds them beside missing ones.
EXACT = 2**53
WHOLE = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}


@dataclass(frozen=True)
class Chunk:
    """Some rows that follow each other.

    Attributes:
        cells: All columns as the file holds them; those of CSV are texts.
        values: The contract's columns as `read_table` gives them for training, indexed from 0.
        lines: Line on which each row starts in its CSV file, the header being line 1; of a
            spreadsheet, its number in the sheet; else the number of the row, from 1.
        position: Bytes of CSV, or rows of another format, that were read up to the last row.
    """

    cells: pa.Table
    values: pd.DataFrame
    lines: NDArray[np.int64]
    position: int


@dataclass(frozen=True)
class TableReader:
    """A table in a file of any format, or in a folder of Parquet, told by what it holds.

    Attributes:
        path: The file.
        spreadsheet_safe: Whether the texts of a CSV file that scoring has written are
            read as they were before they were made harmless.
        parameter: What names the file for a run.
    """

    path: Path
    spreadsheet_safe: bool = True
    parameter: str = "rows_to_score"

    def header(self, contract: Contract) -> list[str]:
        """Read the names of all columns.

        Args:
            contract: Says how CSV is written.

        Raises:
            UserError: If the file is not there, cannot be read, or has no rows.
        """
        with readable(self.path, contract.table.csv, self.parameter):
            kind = recognise(self.path)
            names, rows = (
                self._csv_header(contract) if kind == "csv" else self._other_header(kind, contract)
            )
        if rows == 0:
            raise UserError(f"{self.path} has a header but no rows: bring at least one row of data")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            name = "of one name" if names_may_be_cells(contract.table.csv) else f"'{twice[0]}'"
            raise UserError(f"{self.path} has more than one column {name}: give each its own name")
        return names

    def is_csv(self) -> bool:
        """Tell whether the file is CSV, packed or not.

        Raises:
            UserError: If it is of no format that is read.
        """
        return recognise(self.path) == "csv"

    def chunks(self, contract: Contract, rows: int) -> Iterator[Chunk]:
        """Read all rows, a chunk at a time; a terminal shows how far it is.

        Args:
            contract: Its columns are typed as for training.
            rows: Most rows of a chunk.

        Raises:
            UserError: If the file cannot be read to its end.
        """
        quiet = not sys.stderr.isatty()
        with readable(self.path, contract.table.csv, self.parameter):
            kind = recognise(self.path)
            plain = kind == "csv" and packing(self.path) is None
        length = self.path.stat().st_size if plain else 0
        with click.progressbar(
            length=length, label=self.path.name, file=sys.stderr, hidden=quiet or not length
        ) as bar:
            chunks = self._chunks(kind, contract, rows)
            while True:
                with readable(self.path, contract.table.csv, self.parameter):
                    chunk = next(chunks, None)
                if chunk is None:
                    return
                yield chunk
                bar.update(chunk.position - bar.pos)

    def _chunks(self, kind: Format, contract: Contract, rows: int) -> Iterator[Chunk]:
        if kind != "csv":
            return _read_other(self.path, kind, contract, rows)
        if self._is_own_csv():
            return _read_own_csv(self.path, contract, rows, safe=self.spreadsheet_safe)
        return _read_csv(self.path, contract, rows)

    def _csv_header(self, contract: Contract) -> tuple[list[str], int]:
        """The names of all columns, and how many rows there are, of which one is enough."""
        own = self._is_own_csv()
        contract = _as_written(contract) if own else contract
        with open_rows(self.path, contract) as file:
            first: pd.DataFrame = pd.read_csv(
                file.source, nrows=1, **as_texts(contract), **file.names
            )
        first = plain_frame(first) if own and self.spreadsheet_safe else first
        return [str(name) for name in first.columns], len(first)

    def _other_header(self, kind: Format, contract: Contract) -> tuple[list[str], int]:
        with open_table(self.path, kind, Wanted.of(contract)) as table:
            names = tidy_names(table.header(), contract)
            return names, next((1 for part in table.chunks(1) if len(part)), 0)

    def _is_own_csv(self) -> bool:
        return is_scored(self.path) or is_rejected(self.path)


def _read_other(path: Path, kind: Format, contract: Contract, rows: int) -> Iterator[Chunk]:
    """Read what is no CSV: its cells are typed already."""
    with open_table(path, kind, Wanted.of(contract)) as table:
        names, before = tidy_names(table.header(), contract), 0
        for part in table.chunks(rows):
            if len(part):
                cells = part.rename_columns(names)
                values = as_frame(cells.select(_needed(names, contract)))
                lines = np.arange(before, before + len(cells)) + table.first_row
                before += len(cells)
                yield Chunk(cells, values, lines, before)


def as_frame(table: pa.Table) -> pd.DataFrame:
    """A table of a format that types its cells, as pandas holds it."""
    table = plain_table(table)
    found: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    for place, column in enumerate(table.columns):
        if _would_be_rounded(column):
            found.isetitem(place, column.to_pandas(types_mapper=WHOLE.get))
    return found


def _would_be_rounded(column: pa.ChunkedArray) -> bool:
    """Whether pandas would take whole numbers for floats, as some are missing, and lose digits."""
    if column.type not in WHOLE or column.null_count == 0:
        return False
    ends = pc.min_max(column).as_py()
    return ends["min"] is not None and max(-ends["min"], ends["max"]) > EXACT


def _as_written(contract: Contract) -> Contract:
    """The contract of what scoring has written: UTF-8 below one header, whatever a model reads."""
    kept = ("delimiter", "decimal", "thousands", "missing")
    csv = CsvDialect(**{key: getattr(contract.table.csv, key) for key in kept})
    return contract.model_copy(update={"table": contract.table.model_copy(update={"csv": csv})})


def _read_own_csv(path: Path, contract: Contract, rows: int, *, safe: bool) -> Iterator[Chunk]:
    """Read what scoring has written: the texts as they were, and of these what the model needs."""
    contract = _as_written(contract)
    with (
        open_rows(path, contract) as file,
        pd.read_csv(file.source, chunksize=rows, **as_texts(contract)) as chunks,
    ):
        line = 0
        for texts in chunks:
            line = line or _first_line(texts, file)
            written = pa.Table.from_pandas(texts, preserve_index=False)
            lines, line = _starts(written, line)
            cells = _plain(written) if safe else written
            again = csv_table(
                cells.select(_needed(cells.column_names, contract)), contract.table.csv
            )
            values = pd.read_csv(io.BytesIO(again), **csv_arguments(contract))
            yield Chunk(cells, values, lines, file.position())


def _needed(names: list[str], contract: Contract) -> list[str]:
    return [name for name in names if name in contract.headers]


def _first_line(texts: pd.DataFrame, file: CsvRows) -> int:
    return file.first_line + sum(name.count("\n") for name in texts.columns)


def _plain(table: pa.Table) -> pa.Table:
    names = [plain_text(name) for name in table.column_names]
    return pa.table([restore(column) for column in table.columns], names)


def _read_csv(path: Path, contract: Contract, rows: int) -> Iterator[Chunk]:
    """Read twice side by side: every cell as it is, and what the model needs as in training."""
    names = list(contract.headers)
    with (
        open_rows(path, contract) as file,
        open_rows(path, contract) as again,
        pd.read_csv(file.source, chunksize=rows, **as_texts(contract), **file.names) as texts,
        pd.read_csv(
            again.source, chunksize=rows, usecols=names, **csv_arguments(contract), **again.names
        ) as typed,
    ):
        line = 0
        for cells, values in zip(texts, typed, strict=True):
            line = line or _first_line(cells, file)
            table = pa.Table.from_pandas(cells, preserve_index=False)
            lines, line = _starts(table, line)
            yield Chunk(table, values.reset_index(drop=True), lines, file.position())


def _starts(table: pa.Table, first: int) -> tuple[NDArray[np.int64], int]:
    """Line on which each row starts, the first being given, and that of the row after them."""
    ends = first + np.cumsum(1 + _line_breaks(table))
    return np.concatenate([[first], ends[:-1]]), int(ends[-1])


def _line_breaks(table: pa.Table) -> NDArray[np.int64]:
    """How many line breaks the cells of each row hold."""
    found = np.zeros(len(table), dtype=np.int64)
    for column in table.columns:
        found += pc.fill_null(pc.count_substring(column, "\n"), 0).to_numpy()
    return found
