"""Tables in parts: where each part is, and how it becomes a table of pandas."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any

import pandas as pd
import pyarrow as pa

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.partitions.cluster import Cluster
from salary_kedro.partitions.storage import (
    begin_folder,
    lie_within,
    open_place,
    read_part,
    seen_by_workers,
    write_part,
)
from salary_kedro.tables.formats.cells import unify
from salary_kedro.tables.formats.parquet import MAGIC, column_names, open_files
from salary_kedro.tables.formats.wanted import Wanted
from salary_kedro.tables.lines import FIRST_ROW
from salary_kedro.tables.reader import as_frame
from salary_kedro.tables.row_keys import KEY

#: The sample of the keys of clean rows, in their folder.
KEYS_SAMPLE = "keys.parquet"
#: Columns beside those of the rows, as no field can be called: what names each row, and its number
#: in its table.
ROW_KEY, NUMBER = "_key", "_number"


@dataclass(frozen=True)
class RawPart:
    """Row groups of a Parquet file that others have written.

    Attributes:
        fragment: They, as pyarrow reads them.
        schema: The columns of the whole table.
        names: What the columns are called, by place.
        first: Number of the first row, from 0.
    """

    fragment: Any
    schema: pa.Schema
    names: dict[int, str]
    first: int

    def cells(self) -> pa.Table:
        """All columns."""
        with seen_by_workers(self.fragment.path):
            found = self.fragment.to_table(schema=self.schema)
        return found.select(list(self.names)).rename_columns(list(self.names.values()))

    def frame(self, contract: Contract) -> pd.DataFrame:
        """The rows as `whole.read_table` gives a table; they know where in theirs they are."""
        found = as_frame(unify([self.cells()], Wanted.of(contract).decimal))
        found.attrs[FIRST_ROW] = 1 + self.first
        return found


@dataclass(frozen=True)
class RawTable:
    """A Parquet file, or all Parquet files of a folder, that others have written.

    Attributes:
        path: The file or folder, here or in an object store.
        cluster: Who handles its parts.
        output: The folder for what is made of them; empty for none.
        owner: Whose that is, by which earlier runs are told from those of others; empty if nobody
            says so.
    """

    path: str
    cluster: Cluster
    output: str = ""
    owner: str = ""

    def begin_output(self) -> str:
        """Make the folder of this run in `output`.

        Raises:
            UserError: None is named, or it is mixed up with the table.
        """
        if not self.output:
            raise UserError(
                f"nothing says where the valid rows of {self.path} go: name a folder of its own "
                f"as output of raw_salaries in catalog.yml, which all workers see"
            )
        if lie_within(self.output, self.path):
            raise UserError(
                f"{self.output} and {self.path} lie within each other: name a folder of its own "
                f"as output of raw_salaries in catalog.yml"
            )
        return begin_folder(self.output, self.owner)

    @cached_property
    def _opened(self) -> tuple[list[Any], pa.Schema]:
        system, path = open_place(self.path)
        if not system.exists(path):
            raise UserError(
                f"there is no file or folder {self.path}: put the table there, or name another "
                f"path in the environment's catalog.yml"
            )
        try:
            files = [*_parquet_files(system, path)]
            if not files:
                raise UserError(
                    f"{self.path} holds no Parquet file: tables in parts are of Parquet alone; "
                    f"write the table so, or name another environment with --env"
                )
            return open_files(files, path, system)
        except pa.ArrowException as error:
            raise UserError(
                f"{self.path} is damaged or was not copied whole: bring it again"
            ) from error

    def header(self) -> list[str]:
        """Names of the columns."""
        return list(self._names.values())

    @cached_property
    def _names(self) -> dict[int, str]:
        return column_names(self._opened[1], self.path)

    @cached_property
    def parts(self) -> tuple[RawPart, ...]:
        """Its parts, in the order of the names of their files."""
        split = [
            part
            for fragment in self._opened[0]
            for part in _split(fragment, self.cluster.part_rows)
        ]
        starts = accumulate((rows for _, rows in split), initial=0)
        return tuple(
            RawPart(part, self._opened[1], self._names, first)
            for (part, _), first in zip(split, starts, strict=False)
        )

    @cached_property
    def _rows(self) -> int:
        return sum(group.num_rows for part in self._opened[0] for group in part.row_groups)

    def __len__(self) -> int:
        return self._rows

    def refuse_empty(self) -> None:
        """Check that there are rows.

        Raises:
            UserError: There are none.
        """
        if len(self) == 0:
            raise UserError(f"{self.path} has a header but no rows: bring at least one row of data")


def refuse_parts(raw: object) -> None:
    """Check that what the catalog gives as a raw table is not in parts.

    Raises:
        UserError: It is; says what looks at all of it.
    """
    if isinstance(raw, RawTable):
        raise UserError(
            f"{raw.path} is a table in parts, which this command would have to hold in memory: "
            f"`kedro run --pipelines data_engineering` checks all of it, and `kedro contract check "
            f"FILE` one of its files"
        )


def _parquet_files(system: Any, path: str) -> Iterator[str]:
    """The Parquet files below a folder, but for hidden ones, sorted by folder; or the one file."""
    files = [path] if system.isfile(path) else system.find(path)
    for found in sorted(files, key=lambda name: name.split("/")):
        below = found.removeprefix(path).strip("/").split("/")
        hidden = any(name.startswith(("_", ".")) for name in below)
        if not hidden and system.cat_file(found, start=0, end=len(MAGIC)) == MAGIC:
            yield found


def _split(fragment: Any, most: int) -> Iterator[tuple[Any, int]]:
    """A file's row groups, several together as long as they are no more rows."""
    groups: list[int] = []
    rows = 0
    for group in fragment.row_groups:
        if groups and rows + group.num_rows > most:
            yield fragment.subset(row_group_ids=groups), rows
            groups, rows = [], 0
        groups.append(group.id)
        rows += group.num_rows
    if groups:
        yield fragment.subset(row_group_ids=groups), rows


@dataclass(frozen=True)
class Part:
    """A Parquet file of clean rows, and of what names each.

    Attributes:
        path: The file.
        rows: How many.
        first: Number of the first row, from 0.
    """

    path: str
    rows: int
    first: int

    def frame(self) -> pd.DataFrame:
        """The rows with their keys, by their numbers among all clean rows."""
        return _numbered(read_part(self.path).to_pandas(), self.first)

    def column(self, name: str) -> pd.Series:
        """One column of the rows."""
        found: pd.DataFrame = read_part(self.path, [name]).to_pandas()
        return found[name]


def _numbered(found: pd.DataFrame, first: int) -> pd.DataFrame:
    if NUMBER in found:
        return found.set_index(NUMBER).rename_axis(None)
    return found.set_axis(pd.RangeIndex(first, first + len(found)), axis="index")


@dataclass(frozen=True)
class PartedTable:
    """Clean rows in files of our own.

    Attributes:
        folder: The folder of the files.
        parts: Its parts, in their order.
        sha256: Its fingerprint, which is that of its parts.
        sample: The file of the rows that stand for all where one process looks at them; empty if
            there is none.
        cluster: Who handles its parts.
    """

    folder: str
    parts: tuple[Part, ...]
    sha256: str
    sample: str = ""
    cluster: Cluster = field(default_factory=Cluster)

    def __len__(self) -> int:
        return sum(part.rows for part in self.parts)

    def in_memory(self) -> pd.DataFrame:
        """Its sample, indexed by the numbers of the rows."""
        if not self.sample:
            raise UserError("these rows are in parts, and there is no sample of them")
        return _numbered(read_part(self.sample).to_pandas(), 0)


def with_keys(rows: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """The rows of a part, numbered from 0, each with what names it."""
    return rows.reset_index(drop=True).assign(**{ROW_KEY: keys[KEY]})


def write_rows(rows: pd.DataFrame, path: str, *, numbered: bool = False) -> None:
    """Write rows, and their numbers if they are not simply those of their place."""
    if numbered:
        rows = rows.rename_axis(NUMBER).reset_index()
    write_part(pa.Table.from_pandas(rows, preserve_index=False), path)


def split_keys(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of a part, and what names each."""
    return rows.drop(columns=ROW_KEY), rows[[ROW_KEY]].rename(columns={ROW_KEY: KEY})


def put_together(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of several parts; a category of one of them is one of all."""
    for name in parts[0].columns:
        if all(isinstance(part[name].dtype, pd.CategoricalDtype) for part in parts):
            found = {text for part in parts for text in part[name].cat.categories}
            texts = pd.Index(sorted(found), dtype="str")
            parts = [part.assign(**{name: part[name].cat.set_categories(texts)}) for part in parts]
    return pd.concat(parts)


def joined_print(prints: Iterable[str]) -> str:
    """The fingerprint of a table, by those of its parts."""
    return hashlib.sha256("\n".join(prints).encode()).hexdigest()


def number_parts(paths: Sequence[str], rows: Sequence[int]) -> tuple[Part, ...]:
    """Parts that follow each other, each with the number of its first row."""
    starts = accumulate(rows, initial=0)
    return tuple(Part(*part) for part in zip(paths, rows, starts, strict=False))
