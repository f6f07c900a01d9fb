"""Reads a workbook in a process of its own, for a crafted one can end the process that reads it.

A sheet is laid out in memory with all that lies between its cells: one cell far to the right and
below takes more memory than there is, and no error tells of that. Here only this process ends.

Called as `python -I workbook_reader.py [SHEET]` with the file on standard input; it answers JSON.
"""

import io
import json
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

#: Bytes that reading may take, and seconds of computing.
MOST_BYTES, MOST_SECONDS = 1 << 30, 30
#: Cells that a sheet may span, empty ones included: 10,000 rows of 200.
MOST_CELLS = 2_000_000
FAR = (
    "a cell stands far to the right of the table or below it: copy the table alone into a new "
    "workbook"
)


def bound_resources() -> None:
    """Let the system refuse what goes beyond the bounds, where it can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in (
        (resource.RLIMIT_AS, MOST_BYTES),
        (resource.RLIMIT_CPU, MOST_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def read(content: bytes, sheet: str | None) -> dict[str, Any]:
    """The names of the sheets, and the cells of the one named, or else of the first with any.

    Raises:
        CalamineError, OSError, ValueError: If it cannot be read.
    """
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    names = book.sheet_names
    chosen, rows = "", []
    for chosen in [sheet] if sheet in names else names:
        rows = list(rows_of(book, chosen))
        if any(str(cell).strip() for row in rows for cell in row):
            break
    return {"names": names, "name": chosen, "rows": rows}


def rows_of(book: CalamineWorkbook, name: str) -> Iterator[list[object]]:
    """The rows of a sheet, from its first on.

    Raises:
        ValueError: If it spans more cells than are read.
    """
    sheet = book.get_sheet_by_name(name)
    if sheet.end is None:
        return
    height, width = (last + 1 for last in sheet.end)
    if height * width > MOST_CELLS:
        raise ValueError(FAR)
    for row in sheet.to_python(skip_empty_area=False):
        yield [cell_of(value) for value in row]


def cell_of(value: object) -> object:
    """What a cell holds; a day is its ISO text."""
    match value:
        case bool():
            return value
        case int() | float():
            return float(value)
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime() | date() | time():
            return value.isoformat()
    return str(value)


def main() -> None:
    """Answer what the workbook holds, or why it cannot be read."""
    bound_resources()
    sheet = sys.argv[1] if len(sys.argv) > 1 else None
    try:
        answer = read(sys.stdin.buffer.read(), sheet)
    except (CalamineError, OSError, ValueError) as error:
        answer = {"error": str(error)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
