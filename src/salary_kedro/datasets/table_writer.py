"""Two tables, CSV or Parquet, that are written in chunks and appear whole or not at all."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from salary_kedro.contract import CsvDialect
from salary_kedro.datasets.table_reader import PARQUET, known_suffix
from salary_kedro.errors import UserError

TEXT = pa.large_string()


class TableWriter(Protocol):
    """Appends rows to a table."""

    def write(self, table: pa.Table) -> None:
        """Append rows; all tables have the columns of the first, which may have no rows."""


@dataclass(frozen=True)
class ScoredTables:
    """Where scored rows go, and beside them the rejected ones, in the same format."""

    path: Path

    @property
    def rejected(self) -> Path:
        """Path of the rejected rows."""
        return self.path.with_name(f"{self.path.stem}_rejected{self.path.suffix}")

    @contextmanager
    def replace(
        self, dialect: CsvDialect, source: Path
    ) -> Iterator[tuple[TableWriter, TableWriter]]:
        """Write both tables aside, then move them to their places, the scored rows last.

        Args:
            dialect: How CSV is written; its encoding is always UTF-8.
            source: The file that is read meanwhile.

        Raises:
            UserError: If they cannot be written. What was there before is unchanged.
        """
        suffix = known_suffix(self.path)
        self._check(source)
        try:
            with _scratch_folder(self.path) as folder:
                drafts = [folder / path.name for path in (self.path, self.rejected)]
                with (
                    _writer(drafts[0], suffix, dialect) as scored,
                    _writer(drafts[1], suffix, dialect) as rejected,
                ):
                    yield scored, rejected
                drafts[1].replace(self.rejected)
                drafts[0].replace(self.path)
        except OSError as error:
            raise UserError(
                f"{self.path} cannot be written ({error.strerror or error}): its folder must be "
                f"one that you may write to, with room for it"
            ) from error

    def _check(self, source: Path) -> None:
        for path in (self.path, self.rejected):
            if path.is_dir():
                raise UserError(f"{path} is a folder, but should be a file: name another one")
            if path.resolve() == source.resolve():
                raise UserError(
                    f"{source} would be replaced by what is made of it: name another file for "
                    f"scored_rows"
                )


@contextmanager
def _scratch_folder(path: Path) -> Iterator[Path]:
    """A hidden folder beside a file; what a run that was killed has left there is removed."""
    folder = path.with_name(f".{path.name}.part")
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(f"another run is writing {path}: wait until it has ended") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # another run may begin once the lock is free
        lock.release()


@contextmanager
def _writer(path: Path, suffix: str, dialect: CsvDialect) -> Iterator[TableWriter]:
    writer = _ParquetWriter(path) if suffix == PARQUET else _CsvWriter(path, dialect)
    try:
        yield writer
    finally:
        writer.close()


class _ParquetWriter:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        if self._file is None:
            self._file = pq.ParquetWriter(self._path, table.schema)
        if len(table):
            self._file.write_table(table)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class _CsvWriter:
    def __init__(self, path: Path, dialect: CsvDialect) -> None:
        self._dialect = dialect
        self._file = path.open("wb")

    def write(self, table: pa.Table) -> None:
        if self._file.tell() == 0:
            header = [pa.array([name], TEXT) for name in table.column_names]
            self._file.write(csv_lines(header, self._dialect))
        if len(table):
            self._file.write(csv_lines(table.combine_chunks().columns, self._dialect))

    def close(self) -> None:
        self._file.close()


def csv_lines(columns: list[pa.ChunkedArray | pa.Array], dialect: CsvDialect) -> bytes:
    """Write columns of one length as lines of CSV, in UTF-8.

    Numbers are written so that reading them gives the same number, and a missing value
    as nothing. Cells are quoted where they must be.

    Raises:
        UserError: If a column is of a type that CSV has no words for.
    """
    cells = [_quote(_as_text(column, dialect.decimal), dialect.delimiter) for column in columns]
    lines = pc.binary_join_element_wise(*cells, pa.scalar(dialect.delimiter, TEXT))
    if isinstance(lines, pa.ChunkedArray):
        lines = lines.combine_chunks()
    whole = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), pa.scalar("\n", TEXT))
    return whole[0].as_buffer().to_pybytes() + b"\n"


def _as_text(column: pa.ChunkedArray | pa.Array, decimal: str) -> pa.ChunkedArray | pa.Array:
    try:
        texts = pc.fill_null(pc.cast(column, TEXT), "")
    except pa.ArrowNotImplementedError as error:
        raise UserError(
            f"a column of type {column.type} cannot be written as CSV: let the name of "
            f"scored_rows end in .parquet"
        ) from error
    if decimal != "." and pa.types.is_floating(column.type):
        return pc.replace_substring(texts, ".", decimal)
    return texts


def _quote(texts: pa.ChunkedArray | pa.Array, delimiter: str) -> pa.ChunkedArray | pa.Array:
    """Put double quotes around the cells that hold a delimiter, a quote or a line break."""
    special = pc.match_substring_regex(texts, f'[{re.escape(delimiter)}"\r\n]')
    if not pc.any(special).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    mark = pa.scalar('"', TEXT)
    quoted = pc.binary_join_element_wise(mark, doubled, mark, pa.scalar("", TEXT))
    return pc.if_else(special, quoted, texts)
