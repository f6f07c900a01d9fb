"""A table of any size, CSV or Parquet, read in chunks."""

import io
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, assert_never, get_args

import click
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pandas.errors import ParserWarning

from salary_kedro.contract import Contract, CsvDialect
from salary_kedro.contract.formulas import plain_text
from salary_kedro.errors import UserError
from salary_kedro.tables.csv_arguments import csv_arguments
from salary_kedro.tables.csv_lines import csv_table
from salary_kedro.tables.lines import HEADER_LINES
from salary_kedro.tables.own_tables import is_rejected, is_scored
from salary_kedro.tables.spreadsheet import plain_frame, restore
from salary_kedro.tables.unreadable import explain_path, explain_reader, quotes_a_row

Suffix = Literal[".csv", ".parquet"]
SUFFIXES: tuple[Suffix, ...] = get_args(Suffix)


@dataclass(frozen=True)
class Chunk:
    """Some rows that follow each other.

    Attributes:
        cells: All columns as the file holds them; those of CSV are texts.
        values: The contract's columns as `pandas.read_csv` or `read_parquet` gives
            them for training, indexed from 0.
        lines: Line on which each row starts in its CSV file, the header being line 1; of
            Parquet, the number of the row, from 1.
        position: Bytes of CSV, or rows of Parquet, that were read up to the last row.
    """

    cells: pa.Table
    values: pd.DataFrame
    lines: NDArray[np.int64]
    position: int


@dataclass(frozen=True)
class TableReader:
    """A CSV or Parquet file, told by its suffix.

    Attributes:
        path: The file.
        spreadsheet_safe: Whether the texts of a CSV file that scoring has written are
            read as they were before they were made harmless.
    """

    path: Path
    spreadsheet_safe: bool = True

    def header(self, contract: Contract) -> list[str]:
        """Read the names of all columns.

        Args:
            contract: Says how CSV is written.

        Raises:
            UserError: If the file is not there, cannot be read, or has no rows.
        """
        suffix = known_suffix(self.path)
        with _readable(self.path, contract.table.csv):
            match suffix:
                case ".parquet":
                    file = pq.ParquetFile(self.path)
                    names, rows = list[str](file.schema_arrow.names), file.metadata.num_rows
                case ".csv":
                    names, rows = self._csv_header(contract)
                case _:
                    assert_never(suffix)
        if rows == 0:
            raise UserError(f"{self.path} has a header but no rows: bring at least one row of data")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise UserError(
                f"{self.path} has more than one column '{twice[0]}': give each its own name"
            )
        return names

    def chunks(self, contract: Contract, rows: int) -> Iterator[Chunk]:
        """Read all rows, a chunk at a time; a terminal shows how far it is.

        Args:
            contract: Its columns are typed as for training.
            rows: Most rows of a chunk.

        Raises:
            UserError: If the file cannot be read to its end.
        """
        suffix = known_suffix(self.path)
        match suffix:
            case ".parquet":
                length, read = pq.ParquetFile(self.path).metadata.num_rows, _read_parquet
            case ".csv":
                own = partial(_read_own_csv, safe=self.spreadsheet_safe)
                length, read = self.path.stat().st_size, own if self._is_own_csv() else _read_csv
            case _:
                assert_never(suffix)
        quiet = not sys.stderr.isatty()
        with click.progressbar(
            length=length, label=self.path.name, file=sys.stderr, hidden=quiet
        ) as bar:
            chunks = read(self.path, contract, rows)
            while True:
                with _readable(self.path, contract.table.csv):
                    chunk = next(chunks, None)
                if chunk is None:
                    return
                yield chunk
                bar.update(chunk.position - bar.pos)

    def _csv_header(self, contract: Contract) -> tuple[list[str], int]:
        """The names of all columns, and how many rows there are, of which one is enough."""
        own = self._is_own_csv()
        arguments = _as_texts(_in_utf8(contract) if own else contract)
        first: pd.DataFrame = pd.read_csv(self.path, nrows=1, **arguments)
        first = plain_frame(first) if own and self.spreadsheet_safe else first
        return [str(name) for name in first.columns], len(first)

    def _is_own_csv(self) -> bool:
        return is_scored(self.path) or is_rejected(self.path)


def known_suffix(path: Path) -> Suffix:
    """Tell the format of a file.

    Raises:
        UserError: If its name ends otherwise than in a known suffix.
    """
    suffix = path.suffix.lower()
    for known in SUFFIXES:
        if suffix == known:
            return known
    ends = " or ".join(SUFFIXES)
    raise UserError(f"{path} does not say its format: its name must end in {ends}")


def _as_texts(contract: Contract) -> dict[str, Any]:
    """How `pandas.read_csv` reads each cell as it is."""
    return {**csv_arguments(contract), "dtype": "str", "na_filter": False}


def _in_utf8(contract: Contract) -> Contract:
    """The contract of what scoring has written: UTF-8, whatever its model's table is in."""
    csv = contract.table.csv.model_copy(update={"encoding": "utf-8-sig"})
    return contract.model_copy(update={"table": contract.table.model_copy(update={"csv": csv})})


def _read_own_csv(path: Path, contract: Contract, rows: int, *, safe: bool) -> Iterator[Chunk]:
    """Read what scoring has written: the texts as they were, and of these what the model needs."""
    contract = _in_utf8(contract)
    names = [column.column for column in contract.columns]
    with (
        path.open("rb") as file,
        pd.read_csv(file, chunksize=rows, **_as_texts(contract)) as chunks,
    ):
        line = 0
        for texts in chunks:
            line = line or HEADER_LINES + sum(name.count("\n") for name in texts.columns) + 1
            written = pa.Table.from_pandas(texts, preserve_index=False)
            lines, line = _starts(written, line)
            cells = _plain(written) if safe else written
            again = csv_table(cells.select(names), contract.table.csv)
            values = pd.read_csv(io.BytesIO(again), **csv_arguments(contract))
            yield Chunk(cells, values, lines, file.tell())


def _plain(table: pa.Table) -> pa.Table:
    names = [plain_text(name) for name in table.column_names]
    return pa.table([restore(column) for column in table.columns], names)


def _read_csv(path: Path, contract: Contract, rows: int) -> Iterator[Chunk]:
    """Read twice side by side: every cell as it is, and what the model needs as in training."""
    names = [column.column for column in contract.columns]
    with (
        path.open("rb") as file,
        pd.read_csv(file, chunksize=rows, **_as_texts(contract)) as texts,
        pd.read_csv(path, chunksize=rows, usecols=names, **csv_arguments(contract)) as typed,
    ):
        line = 0
        for cells, values in zip(texts, typed, strict=True):
            line = line or HEADER_LINES + sum(name.count("\n") for name in cells.columns) + 1
            table = pa.Table.from_pandas(cells, preserve_index=False)
            lines, line = _starts(table, line)
            yield Chunk(table, values.reset_index(drop=True), lines, file.tell())


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


def _read_parquet(path: Path, contract: Contract, rows: int) -> Iterator[Chunk]:
    names = [column.column for column in contract.columns]
    before = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=rows):
            table = pa.Table.from_batches([batch])
            values = table.select(names).to_pandas(ignore_metadata=True)
            lines = np.arange(before + 1, before + len(table) + 1)
            before += len(table)
            yield Chunk(table, values, lines, before)


@contextmanager
def _readable(path: Path, csv: CsvDialect) -> Iterator[None]:
    """Say why a file cannot be read, without its contents: salaries are personal data."""
    try:
        with warnings.catch_warnings():
            # pandas only warns when it drops the fields that the header has no name for.
            warnings.filterwarnings("error", "Length of header", ParserWarning)
            yield
    except FileNotFoundError as error:
        raise UserError(
            f"there is no file {path}: correct the path, or put the file there"
        ) from error
    except pa.ArrowException as error:
        raise UserError(f"{path} cannot be read as Parquet: write the file again") from error
    except OSError as error:
        raise UserError(explain_path(error, path)) from error
    except (ValueError, LookupError, ParserWarning) as error:
        message = explain_reader(error, path, csv.encoding, csv.delimiter, for_scoring=True)
        raise UserError(message or f"{path} cannot be read as CSV") from (
            None if quotes_a_row(error) else error
        )
