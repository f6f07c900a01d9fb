"""Arrow IPC files and streams, Feather, ORC."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
from pyarrow import orc

from salary_kedro.errors import UserError
from salary_kedro.tables.described import Described
from salary_kedro.tables.formats.plain import describe_dictionaries, is_column
from salary_kedro.tables.formats.wanted import Wanted


@dataclass(frozen=True)
class ArrowTable:
    """A file of record batches.

    Attributes:
        path: The file.
        kind: `arrow` for IPC files and Feather, `arrow stream` or `orc`.
    """

    path: Path
    kind: str
    first_row = 1

    @cached_property
    def _schema(self) -> pa.Schema:
        with self._batches() as (schema, _):
            return schema

    @contextmanager
    def _batches(self) -> Iterator[tuple[pa.Schema, Iterator[Any]]]:
        with pa.OSFile(str(self.path)) as source:
            match self.kind:
                case "orc":
                    file = orc.ORCFile(source)
                    yield file.schema, (file.read_stripe(n) for n in range(file.nstripes))
                case "arrow":
                    file = pa.ipc.open_file(source)
                    yield file.schema, (file.get_batch(n) for n in range(file.num_record_batches))
                case _:
                    stream = pa.ipc.open_stream(source)
                    yield stream.schema, iter(stream)

    @property
    def _kept(self) -> list[int]:
        return [place for place, field in enumerate(self._schema) if is_column(field.type)]

    @property
    def remarks(self) -> tuple[str, ...]:
        """Which columns are left out."""
        return nested_remarks(self._schema)

    def by(self, _: Wanted) -> Self:
        """The same table: there is but one."""
        return self

    def header(self) -> list[str]:
        """Names of the columns."""
        names = [self._schema.names[place] or f"Unnamed: {place}" for place in self._kept]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise UserError(
                f"{self.path} has more than one column '{twice[0]}': give each its own name"
            )
        return names

    def chunks(self, rows: int) -> Iterator[pa.Table]:
        """All rows, at most so many at a time."""
        names, kept = self.header(), self._kept
        with self._batches() as (schema, batches):
            yield pa.Table.from_batches([], schema).select(kept).rename_columns(names)
            for batch in batches:
                table = pa.Table.from_batches([batch]).select(kept).rename_columns(names)
                for start in range(0, len(table), rows):
                    yield table.slice(start, rows)

    def described(self) -> Mapping[str, Described]:
        """The categories of ordered dictionaries."""
        return next(
            (describe_dictionaries(chunk) for chunk in self.chunks(1 << 16) if len(chunk)), {}
        )


def nested_remarks(schema: pa.Schema) -> tuple[str, ...]:
    """Which columns are left out, for they are no columns of single values."""
    nested = ", ".join(f"'{field.name}'" for field in schema if not is_column(field.type))
    return (f"Lists and structs are no column of values, so left out: {nested}.",) * bool(nested)
