"""Where in a file its table is, and what of it is wanted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import pyarrow as pa

from salary_kedro.contract import Boolean, Category, Contract
from salary_kedro.tables.described import Described


@dataclass(frozen=True)
class Wanted:
    """What a contract, or who drafts one, says about where the table is in its file.

    Attributes:
        sheet: Name of the sheet of a spreadsheet; empty for the first visible one.
        named_table: Name of a table within a spreadsheet; empty for a whole sheet.
        skip_rows: Lines above the header.
        header_rows: Lines of the header.
        comment: By what lines above the header begin that belong to nothing.
        labelled: Columns whose codes are wanted as the labels that the file gives them; None
            for those whose every value has one.
        decimal: The decimal mark by which numbers among texts are written, as they are read.
    """

    sheet: str = ""
    named_table: str = ""
    skip_rows: int = 0
    header_rows: int = 1
    comment: str | None = None
    labelled: frozenset[str] | None = None
    decimal: str = "."

    @classmethod
    def of(cls, contract: Contract) -> Self:
        """What a contract says."""
        table, csv = contract.table, contract.table.csv
        texts = (column for column in contract.features if isinstance(column, Category | Boolean))
        return cls(
            sheet=table.sheet,
            named_table=table.named_table,
            skip_rows=csv.skip_rows,
            header_rows=csv.header_rows,
            comment=csv.comment,
            labelled=frozenset({*(column.column for column in texts), *table.filter}),
            decimal=csv.decimal,
        )


class FileTable(Protocol):
    """The table of a file that is not CSV.

    Attributes:
        first_row: How people count the first row: from the top of a sheet, else from 1.
        remarks: Sentences about what was left out, or decided.
    """

    @property
    def first_row(self) -> int:
        """How people count the first row."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was left out, or decided."""

    def by(self, wanted: Wanted) -> "FileTable":
        """The same file, of which something else is wanted."""

    def header(self) -> list[str]:
        """Names of the columns."""

    def chunks(self, rows: int) -> Iterator[pa.Table]:
        """All rows, so many at a time; the first chunk may be empty, if there are none."""

    def described(self) -> Mapping[str, Described]:
        """What the file says about its columns."""
