"""The file that a contract is drafted from: CSV, however it is written, or Parquet."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from salary_kedro.contract import Contract, CsvDialect
from salary_kedro.errors import UserError
from salary_kedro.tables.csv_arguments import csv_arguments
from salary_kedro.tables.csv_top import from_header
from salary_kedro.tables.drafting.sniff import (
    find_dialect,
    find_encoding,
    read_header,
    read_texts,
)

PARQUET, PACKED = b"PAR1", {b"PK\x03\x04": "an Excel or zip file", b"\x1f\x8b": "a gzip file"}


@dataclass(frozen=True)
class RawCsv:
    """A CSV file.

    Attributes:
        path: Where it is.
        dialect: How it is written.
        remarks: What the person who edits the draft should know of it.
    """

    path: Path
    dialect: CsvDialect
    remarks: tuple[str, ...] = ()
    suffix = ".csv"

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
class RawParquet:
    """A Parquet file.

    Attributes:
        path: Where it is.
        remarks: What the person who edits the draft should know of it.
    """

    path: Path
    remarks: tuple[str, ...] = ()
    suffix = ".parquet"

    def texts(self, rows: int) -> tuple[pd.DataFrame, CsvDialect]:
        """The first rows as texts, under the file's headers, and how it is written."""
        raw = self._head(rows)
        texts = {str(name): _as_texts(raw[name]) for name in raw.columns}
        return pd.DataFrame(texts, index=raw.index), CsvDialect()

    def read(self, contract: Contract, rows: int) -> pd.DataFrame:
        """The first rows, as a run reads them by a contract."""
        names = [column.column for column in contract.columns]
        return self._head(rows)[names]

    def _head(self, rows: int) -> pd.DataFrame:
        with pq.ParquetFile(self.path) as file:
            names = [item.name for item in file.schema_arrow if not pa.types.is_nested(item.type)]
            batches = []
            for batch in file.iter_batches(batch_size=min(rows, 1 << 16), columns=names):
                batches.append(batch)
                if sum(map(len, batches)) >= rows:
                    break
            table = pa.Table.from_batches(batches) if batches else file.read(names)
        found: pd.DataFrame = table.slice(0, rows).to_pandas()
        return found.reset_index(drop=True)


RawFile = RawCsv | RawParquet


def open_raw(path: Path) -> RawFile:
    """Tell what a file is, and how it is written.

    Raises:
        OSError: It cannot be read.
        UserError: It is neither CSV nor Parquet; or two columns have one name.
    """
    with path.open("rb") as file:
        head = file.read(4)
    for magic, what in PACKED.items():
        if head.startswith(magic):
            raise UserError(f"{path} is {what}: save it as CSV or Parquet first")
    return RawParquet(path) if head == PARQUET else _open_csv(path)


def _open_csv(path: Path) -> RawCsv:
    """Find out how a CSV file is written, but for numbers.

    Raises:
        UserError: If two columns have one name, or a line does not fit the header.
    """
    dialect, remarks = find_dialect(path, find_encoding(path))
    header = [name for name in read_header(path, dialect) if name]
    if twice := [name for name in header if header.count(name) > 1]:
        raise UserError(f"the table has more than one column '{twice[0]}': give each its own name")
    return RawCsv(path, dialect, remarks)


def _as_texts(values: pd.Series) -> pd.Series:
    """A column of Parquet as a CSV file would hold it."""
    if pd.api.types.is_datetime64_any_dtype(values):
        texts = values.dt.strftime("%Y-%m-%d")
    elif pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        fits = values.abs().max() < 2**62
        texts = (values.astype("Int64") if fits else values).astype("str")
    else:
        texts = values.map(str)
    found: pd.Series = texts.where(values.notna(), "").astype("str")
    return found
