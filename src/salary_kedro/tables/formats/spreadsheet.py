"""Spreadsheets: .xlsx .xlsm .xlsb .xls .ods, each cell as it is; macros never run."""

import gc
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, pairwise, takewhile
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import python_calamine as calamine

from salary_kedro.errors import UserError
from salary_kedro.tables.described import Described
from salary_kedro.tables.formats.cells import as_column, as_text
from salary_kedro.tables.formats.guards import check_zip
from salary_kedro.tables.formats.wanted import Wanted

Row = list[Any]


@contextmanager
def _kept() -> Iterator[None]:
    """Look for no garbage: a million cells are none, and looking costs a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True)
class Cells:
    """The cells of the part of a workbook that holds the table.

    Attributes:
        rows: All rows from the first that holds anything; all are of one length.
        top: Number of the first of them in the sheet, from 0.
        left: Number of their first column in the sheet, from 0.
        merged: Merged areas, each by its first and last cell in the sheet.
        errors: Cells of the sheet that hold an error.
        names: Names of the columns, if the workbook knows them apart from its cells.
        remarks: Sentences about what was decided.
    """

    rows: list[Row]
    top: int
    left: int = 0
    merged: Sequence[tuple[tuple[int, int], tuple[int, int]]] = ()
    errors: int = 0
    names: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """A header and the rows below it.

    Attributes:
        names: Names of the columns.
        rows: The rows; all are of one length.
        first_row: Number of the first of them in the sheet, from 1.
        remarks: Sentences about what was decided.
    """

    names: list[str]
    rows: list[Row]
    first_row: int
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Workbook:
    """A workbook, of which one sheet or table is read.

    Attributes:
        path: The file.
        sheet: Name of the sheet; empty for the first visible one that holds a table.
        named_table: Name of a table within a sheet; empty for a whole sheet.
    """

    path: Path
    sheet: str
    named_table: str

    @cached_property
    def cells(self) -> Cells:
        """The cells, read once.

        Raises:
            UserError: If the file is damaged, encrypted, or has no such sheet.
        """
        errors = check_zip(self.path) if zipfile.is_zipfile(self.path) else {}
        tables = bool(self.named_table)
        try:
            with _kept(), calamine.load_workbook(self.path, load_tables=tables) as workbook:
                if self.named_table:
                    return _named_table(workbook, self.named_table, self.path)
                return _sheet(workbook, self.sheet, self.path, errors)
        except calamine.PasswordError as error:
            raise UserError(f"{self.path} is encrypted: save it without a password") from error
        except (calamine.CalamineError, OSError, ValueError) as error:
            raise UserError(
                f"{self.path} is damaged or was not copied whole: open it and save it again"
            ) from error


@dataclass(frozen=True)
class SpreadsheetTable:
    """A table in a workbook.

    Attributes:
        workbook: The workbook.
        wanted: Where in its sheet the table is.
    """

    workbook: Workbook
    wanted: Wanted

    @classmethod
    def open(cls, path: Path, wanted: Wanted) -> Self:
        """The table of a file; nothing is read yet."""
        return cls(Workbook(path, wanted.sheet, wanted.named_table), wanted)

    def by(self, wanted: Wanted) -> "SpreadsheetTable":
        """The same file, of which something else is wanted."""
        book = self.workbook
        same = (book.sheet, book.named_table) == (wanted.sheet, wanted.named_table)
        return replace(self, wanted=wanted) if same else self.open(book.path, wanted)

    def lines(self, head: int, tail: int) -> tuple[list[list[str]], list[list[str]]]:
        """The first and the last lines of the sheet, as texts."""
        cells = self.workbook.cells
        rows = [*([[""]] * cells.top), *cells.rows[: max(head - cells.top, 0)]]
        last = _without_end(cells.rows)[max(head - cells.top, 0) :][-tail:]
        return _as_texts(rows), _as_texts(last)

    @cached_property
    def _sheet(self) -> Sheet:
        return _below_header(self.workbook.cells, self.wanted)

    @cached_property
    def _table(self) -> pa.Table:
        with _kept():
            columns = zip(*self._sheet.rows, strict=True) if self._sheet.rows else iter(())
            arrays = [as_column(cells, decimal=self.wanted.decimal) for cells in columns] or [
                pa.nulls(0, pa.large_string()) for _ in self._sheet.names
            ]
        return pa.table(arrays, self._sheet.names)

    @property
    def first_row(self) -> int:
        """Number of the first row in its sheet, from 1."""
        return self._sheet.first_row

    @property
    def remarks(self) -> tuple[str, ...]:
        """Which sheet was read, and what became of cells that hold no value."""
        return self._sheet.remarks

    def header(self) -> list[str]:
        """Names of the columns."""
        return self._sheet.names

    def chunks(self, rows: int) -> Iterator[pa.Table]:
        """All rows, so many at a time."""
        for start in range(0, max(len(self._table), 1), rows):
            yield self._table.slice(start, rows)

    def described(self) -> Mapping[str, Described]:
        """Nothing: a spreadsheet says nothing about its columns."""
        return {}


def _as_texts(rows: Iterable[Row]) -> list[list[str]]:
    return [[as_text(cell) for cell in row] for row in rows]


def _named_table(workbook: Any, name: str, path: Path) -> Cells:
    known = workbook.table_names
    if name not in known:
        raise UserError(f"{path} has no table '{name}': {_listed('its tables are', known)}")
    table = workbook.get_table_by_name(name)
    names = tuple(str(column) for column in table.columns)
    return Cells(table.to_python(), (table.start or (1, 0))[0], names=names)


def _sheet(workbook: Any, wanted: str, path: Path, errors: Mapping[str, int]) -> Cells:
    """The named sheet, or the first visible one that holds a table."""
    names = [sheet.name for sheet in workbook.sheets_metadata]
    if wanted:
        if wanted not in names:
            raise UserError(f"{path} has no sheet '{wanted}': {_listed('its sheets are', names)}")
        return _cells(workbook.get_sheet_by_name(wanted), errors)
    visible = [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.visible == calamine.SheetVisibleEnum.Visible
        and sheet.typ == calamine.SheetTypeEnum.WorkSheet
    ]
    if found := _first_table(workbook, visible, errors):
        name, cells = found
        return replace(cells, remarks=_which(name, [other for other in visible if other != name]))
    raise UserError(
        f"{path} has no visible sheet with a header and rows below it: "
        f"{_listed('name the sheet; there are', names)}"
    )


def _first_table(
    workbook: Any, visible: Sequence[str], errors: Mapping[str, int]
) -> tuple[str, Cells] | None:
    """The first sheet with a table, and its name; one of a single column, if there is no other."""
    narrow = []
    for name in visible:
        cells = _cells(workbook.get_sheet_by_name(name), errors)
        if _has_columns(cells.rows):
            return name, cells
        if len(_without_end(cells.rows)) > 1:
            narrow.append((name, cells))
    return narrow[0] if narrow else None


def _has_columns(rows: Iterable[Row]) -> bool:
    """Whether two lines, such as a header and a row, hold two cells each: a cover has none such."""
    full = (row for row in rows if sum(cell != "" for cell in row) > 1)
    return len(list(islice(full, 2))) == 2


def _cells(sheet: Any, errors: Mapping[str, int]) -> Cells:
    top, left = sheet.start or (0, 0)
    merged = sheet.merged_cell_ranges or ()
    return Cells(sheet.to_python(), top, left, merged, errors.get(sheet.name, 0))


def _below_header(cells: Cells, wanted: Wanted) -> Sheet:
    """Header and rows."""
    if cells.names is not None:
        return Sheet(list(cells.names), _without_end(cells.rows), cells.top + 1, cells.remarks)
    rows, above = cells.rows, max(wanted.skip_rows - cells.top, 0)
    above += sum(1 for _ in takewhile(lambda row: _is_above(row, wanted.comment), rows[above:]))
    body = above + wanted.header_rows
    names = _names(rows[above:body], _merged(cells, cells.top + above, cells.top + body))
    below = sum(area[0][0] >= cells.top + body for area in cells.merged)
    named, kept = _named(names, _without_end(rows[body:]))
    remarks = (*cells.remarks, *_remarks(cells.errors, below))
    return Sheet(named, kept, cells.top + body + 1, remarks)


def _which(name: str, others: Sequence[str]) -> tuple[str, ...]:
    if not others:
        return ()
    listed = ", ".join(f"'{other}'" for other in others)
    remark = (
        f"Read from sheet '{name}', the first with a table; the file has {listed} too "
        f"(--sheet, or sheet under table in contract.yml, names another)."
    )
    return (remark,)


def _listed(what: str, names: Sequence[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    return f"{what} {listed}" if names else "it has none"


def _remarks(errors: int, merged: int) -> tuple[str, ...]:
    """What became of the cells of the rows that hold no value of their own."""
    found = {
        f"{errors:,} cells hold an error, such as #DIV/0!, and count as missing.": errors,
        f"{merged:,} merged cells in the rows hold their value in the first cell alone.": merged,
    }
    return tuple(text for text, count in found.items() if count)


def _is_above(row: Row, comment: str | None) -> bool:
    """Whether a line above the header is empty, or a comment."""
    first = next((cell for cell in row if cell != ""), "")
    return first == "" or (comment is not None and str(first).startswith(comment))


def _merged(cells: Cells, top: int, end: int) -> list[tuple[int, int, int]]:
    """Merged areas of the header: line of it, first and last column."""
    return [
        (area[0][0] - top, area[0][1] - cells.left, area[1][1] - cells.left)
        for area in cells.merged
        if top <= area[0][0] < end and area[1][1] > area[0][1]
    ]


def _names(header: list[Row], merged: list[tuple[int, int, int]]) -> list[str]:
    """The names in the lines of a header, joined; one that spans several columns is for each."""
    lines = [[as_text(cell).strip() for cell in line] for line in header]
    for line, first, last in merged:
        for place in range(first + 1, last + 1):
            number = f" ({place - first + 1})" if len(lines) == 1 else ""
            lines[line][place] = f"{lines[line][first]}{number}"
    for upper, lower in pairwise(lines):
        for place in range(1, len(upper)):
            if not upper[place] and lower[place]:
                upper[place] = upper[place - 1]
    return [" ".join(part for part in parts if part) for parts in zip(*lines, strict=True)]


def _named(names: list[str], rows: list[Row]) -> tuple[list[str], list[Row]]:
    """Leave out the columns without name and values; those without a name get one."""
    nameless = [place for place, name in enumerate(names) if not name]
    empty = {place for place in nameless if all(row[place] == "" for row in rows)}
    kept = [place for place in range(len(names)) if place not in empty]
    called = [names[place] or f"Unnamed: {place}" for place in kept]
    return called, [[row[place] for place in kept] for row in rows] if empty else rows


def _without_end(rows: list[Row]) -> list[Row]:
    """Leave out the empty rows after the last one that holds something."""
    end = len(rows)
    while end and all(cell == "" for cell in rows[end - 1]):
        end -= 1
    return rows[:end]
