"""JSON Lines: one record a line, each of which may have other keys."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from salary_kedro.errors import UserError
from salary_kedro.tables.described import Described
from salary_kedro.tables.formats.cells import as_column
from salary_kedro.tables.formats.packed import open_packed
from salary_kedro.tables.formats.wanted import Wanted

#: Bytes of one line.
MOST_LINE = 1 << 24


@dataclass(frozen=True)
class JsonLinesTable:
    """A file of JSON records, packed or not.

    Attributes:
        path: The file.
        decimal: The decimal mark of numbers among texts.
    """

    path: Path
    decimal: str = "."
    first_row = 1

    @cached_property
    def _kinds(self) -> dict[str, set[type]]:
        """The kinds of cells of each key, in the order in which the keys are met."""
        kinds: dict[str, set[type]] = {}
        for record in self._records():
            for key, cell in record.items():
                kinds.setdefault(key, set()).add(type(cell))
        return kinds

    def _records(self) -> Iterator[dict[str, Any]]:
        with open_packed(self.path) as file:
            number = 0
            while line := file.readline(MOST_LINE):
                number += 1
                if line.strip():
                    yield self._record(line, number)

    def _record(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise UserError(
                f"{self.path}, line {number:,} is no JSON record: write one {{…}} a line"
            )
        return record

    @cached_property
    def _names(self) -> list[str]:
        return [key for key, kinds in self._kinds.items() if not kinds & {list, dict}]

    @property
    def remarks(self) -> tuple[str, ...]:
        """Which keys are left out."""
        nested = ", ".join(f"'{key}'" for key in self._kinds if key not in self._names)
        return (f"Lists and objects are no column of values, so left out: {nested}.",) * bool(
            nested
        )

    def by(self, wanted: Wanted) -> "JsonLinesTable":
        """The same table: there is but one."""
        return replace(self, decimal=wanted.decimal)

    def header(self) -> list[str]:
        """Names of the columns: all keys of all records."""
        return self._names

    def chunks(self, rows: int) -> Iterator[pa.Table]:
        """All rows, so many at a time; a column is of one type in all of them."""
        records = self._records()
        while True:
            chunk = list(islice(records, rows))
            columns = [self._column(name, chunk) for name in self._names]
            yield pa.table(columns, self._names)
            if len(chunk) < rows:
                return

    def _column(self, name: str, records: list[dict[str, Any]]) -> pa.Array:
        cells = [record.get(name) for record in records]
        return as_column(cells, self._kinds[name], self.decimal)

    def described(self) -> Mapping[str, Described]:
        """Nothing: a record says nothing about its keys."""
        return {}
