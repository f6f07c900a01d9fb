"""Tables as people send them: CSV and spreadsheets, read as they were meant and written safely."""

import csv
import io
import json
import math
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import xlsxwriter

import workbook_reader
from workbook_reader import FAR

#: What a cell holds; a day is its ISO text, and None an empty cell.
Cell = str | float | bool | None
Row = tuple[Cell, ...]

MAX_BYTES, MAX_UNPACKED_BYTES = 10_000_000, 200_000_000
#: What reads a workbook, and for how long it may.
READER, READ_SECONDS = Path(workbook_reader.__file__), 60
MAX_COLUMNS = 1_000
#: Names of spreadsheets end so; every other file is read as CSV.
WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
SEPARATORS = {";": "semicolons", "\t": "tabs", ",": "commas", "|": "bars"}
#: So many rows at the top are looked at to find the separator, and the header.
LOOKED_AT, TITLES = 50, 20
BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
# A spreadsheet runs a text that begins so; see OWASP, "CSV Injection". The service's own tables
# are written by the same rule, so that each reads what the other has made harmless.
SIGNS = r"[=+\-@\t\r＝＋－＠]"
NUMBER = r"[+-]?[0-9.,]*[0-9][0-9.,]*([eE][+-]?[0-9]+)?%?"
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:([ ,.'\u2019])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")
PLAIN = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?")


class SheetError(Exception):
    """A file that cannot be read as a table; its text says why and what to do."""


@dataclass(frozen=True)
class Sheet:
    """A table as it was found.

    Attributes:
        headers: The cells of its header, in order; those without a text are empty.
        rows: The rows that hold anything, each as long as the header.
        lines: Where in the file each of them begins, counted from 1.
        empty: Number of rows between them that hold nothing.
        told: How it was read, in words such as "separated by semicolons".
        names: The sheets of its workbook; none for CSV.
        name: Which of them it is.
        separator: What stands between two cells of CSV; "" in a workbook.
    """

    headers: tuple[str, ...]
    rows: tuple[Row, ...]
    lines: tuple[int, ...]
    empty: int = 0
    told: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    name: str = ""
    separator: str = ""


def read_sheet(
    name: str, content: bytes, is_header: Callable[[str], bool], sheet: str | None = None
) -> Sheet:
    """Read a file that somebody has sent.

    Args:
        name: Its name, whose end tells a workbook from CSV.
        content: Its bytes.
        is_header: Whether a text is the header of a column that is looked for; titles above the
            header are passed over by it.
        sheet: Which sheet of a workbook to read; by default the first that holds anything.

    Raises:
        SheetError: If it is too large, no such file, or holds no row.
    """
    if len(content) > MAX_BYTES:
        raise SheetError(
            f"{name} has {len(content) / 1e6:,.0f} MB; this page reads up to "
            f"{MAX_BYTES / 1e6:,.0f} MB. Split it, or leave out columns that the model does not use"
        )
    if name.lower().endswith(WORKBOOKS):
        return _read_workbook(name, content, is_header, sheet)
    return _read_csv(name, content, is_header)


def _read_csv(name: str, content: bytes, is_header: Callable[[str], bool]) -> Sheet:
    text, encoding = _decode(name, content)
    try:
        separator, text = _separator(text, is_header)
        numbered = list(_records(text, separator))
    except csv.Error as error:
        raise SheetError(f"{name} cannot be read as CSV ({error})") from error
    sheet = _table(name, numbered, is_header, encoding)
    parted = (f"separated by {SEPARATORS[separator]}",) if len(sheet.headers) > 1 else ()
    return replace(sheet, separator=separator, told=(*parted, *sheet.told))


def _decode(name: str, content: bytes) -> tuple[str, tuple[str, ...]]:
    """The text, and in words how it was decoded if not as UTF-8."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            try:
                return content.decode(encoding), () if encoding == "utf-8-sig" else ("UTF-16",)
            except UnicodeDecodeError as error:
                raise SheetError(f"{name} is damaged: it begins as {encoding} ({error})") from error
    if b"\0" in content:
        raise SheetError(
            f"{name} is no text. Send CSV, or a spreadsheet whose name ends in "
            f"{', '.join(WORKBOOKS)}"
        )
    try:
        return content.decode(), ()
    except UnicodeDecodeError:
        # What Excel writes in the West; every byte is some character in it.
        return content.decode("cp1252", errors="replace"), ("encoded as Windows-1252",)


def _separator(text: str, is_header: Callable[[str], bool]) -> tuple[str, str]:
    """What stands between two cells; and the text to read by it."""
    first, _, rest = text.partition("\n")
    if told := re.fullmatch(r"sep=(.)\r?", first):  # as Excel writes and reads it
        return (told[1] if told[1] in SEPARATORS else ","), rest
    return max(SEPARATORS, key=lambda each: _fitness(text, each, is_header)), text


def _fitness(text: str, separator: str, is_header: Callable[[str], bool]) -> tuple[int, float, int]:
    """How well a separator fits: headers found by it, share of rows as wide, and their width."""
    rows = [row for _, (_, row) in zip(range(LOOKED_AT), _records(text, separator), strict=False)]
    held = [row for row in rows if _holds(row)]
    if not held:
        return 0, 0.0, 0
    header = max(held[:TITLES], key=lambda row: _matches(row, is_header))
    same = sum(len(row) == len(header) for row in held)
    return _matches(header, is_header), same / len(held), len(header)


def _matches(row: Iterable[Cell], is_header: Callable[[str], bool]) -> int:
    return sum(is_header(_text(cell)) for cell in islice(row, MAX_COLUMNS))


def _records(text: str, separator: str) -> Iterator[tuple[int, list[Cell]]]:
    """Each row with the line on which it begins."""
    reader, begin = csv.reader(io.StringIO(text, newline=""), delimiter=separator), 1
    for row in reader:
        yield begin, [_restored(cell.strip()) or None for cell in row]
        begin = reader.line_num + 1


def _read_workbook(
    name: str, content: bytes, is_header: Callable[[str], bool], sheet: str | None
) -> Sheet:
    _refuse_bomb(name, content)
    found = _read_apart(content, sheet)
    if problem := found.get("error"):
        raise SheetError(
            f"{name} cannot be read as a spreadsheet ({problem}). Open it, remove its password if "
            "it has one, and save it again, or send CSV"
        )
    names, chosen = tuple(found["names"]), str(found["name"])
    rows = [[_read_cell(cell) for cell in row] for row in found["rows"]]
    told = (f"sheet '{chosen}'",) if len(names) > 1 else ()
    table = _table(name, list(enumerate(rows, 1)), is_header, told)
    return replace(table, names=names, name=chosen)


def _read_apart(content: bytes, sheet: str | None) -> dict[str, Any]:
    """What a process of its own makes of a workbook: a crafted one ends that process alone."""
    command = [sys.executable, "-I", str(READER), *([sheet] if sheet else [])]
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=READ_SECONDS, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return {"error": f"it takes too much memory or time; perhaps {FAR}"}
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _refuse_bomb(name: str, content: bytes) -> None:
    """Refuse what grows beyond all bounds once it is unpacked."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        size = sum(entry.file_size for entry in packed.infolist())
    if size > MAX_UNPACKED_BYTES:
        raise SheetError(f"{name} unpacks to {size / 1e6:,.0f} MB, which is too much. Split it")


def _read_cell(cell: Cell) -> Cell:
    """What a cell of a workbook holds."""
    return (_restored(cell.strip()) or None) if isinstance(cell, str) else cell


def _holds(row: Iterable[Cell]) -> bool:
    return any(cell is not None for cell in row)


def _table(
    name: str,
    numbered: Sequence[tuple[int, Sequence[Cell]]],
    is_header: Callable[[str], bool],
    told: Sequence[str],
) -> Sheet:
    """Part the header from the rows; what is empty is passed over."""
    held = [(line, row) for line, row in numbered if _holds(row)]
    if not held:
        raise SheetError(f"{name} is empty")
    if (widest := max(len(row) for _, row in held)) > MAX_COLUMNS:
        raise SheetError(
            f"{name} has {widest:,} columns; this page reads up to {MAX_COLUMNS:,}. Leave out "
            "those that the model does not use"
        )
    matches = [_matches(row, is_header) for _, row in held[:TITLES]]
    at = matches.index(max(matches))
    (line, first), body = held[at], held[at + 1 :]
    if not body:
        raise SheetError(f"{name} has a header, but no row beneath it")
    headers = [_text(cell) for cell in first]
    while headers and not headers[-1]:
        headers.pop()
    rows = tuple(_fitted(name, row, len(headers), line) for line, row in body)
    empty = sum(not _holds(row) for number, row in numbered if line < number < body[-1][0])
    titles = (f"its header on line {line}",) if at else ()
    lines = tuple(number for number, _ in body)
    return Sheet(tuple(headers), rows, lines, empty, (*told, *titles))


def _fitted(name: str, row: Sequence[Cell], width: int, line: int) -> Row:
    """A row as long as the header.

    Raises:
        SheetError: If it holds more than the header names: its cells may be another's.
    """
    if _holds(row[width:]):
        raise SheetError(
            f"line {line} of {name} has {len(row)} cells, but its header {width}. A number with a "
            "decimal comma, or a text with a separator in it, needs quotes around it"
        )
    padded = (cell for _, cell in zip_longest(range(width), row[:width]))
    return tuple(padded)


def _text(cell: Cell) -> str:
    """A cell as a text on one line."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    return " ".join(cell.split()) if isinstance(cell, str) else number_text(cell)


def number_text(value: float | None) -> str:
    """A number as it would be typed: 5 for 5.0; nothing for none."""
    return "" if value is None else f"{value:.15g}"


def decimal_mark(texts: Iterable[str], otherwise: str | None) -> str | None:
    """Which mark the decimals of some numbers have, by those that can be read in one way only.

    Args:
        texts: The numbers, as they are written; other texts say nothing.
        otherwise: What to answer if none of them tells.

    Returns:
        `.` or `,`; None if some tell the one and some the other.
    """
    told: set[str] = set()
    for text in texts:
        readings = {mark: read_number(text, mark) for mark in ".,"}
        known = [mark for mark, value in readings.items() if value is not None]
        told.update(known if len(known) == 1 else ())
    return told.pop() if len(told) == 1 else (None if told else otherwise)


def read_number(text: str, mark: str | None) -> float | None:
    """The number that a text means.

    Args:
        text: Such as `1.234,5`, `1 234.5` or `-5`.
        mark: The decimal mark; None if it is not known: then a text that reads in two ways is
            not read.

    Returns:
        None if it is no number, or not surely one, or beyond what a number can be.
    """
    if mark is None:
        found = {read_number(text, each) for each in ".,"} - {None}
        return found.pop() if len(found) == 1 else None
    plain = text.strip().replace("\u2212", "-").replace("\u00a0", " ").replace("\u202f", " ")
    if (grouped := GROUPED.fullmatch(plain)) and grouped[1] != mark:
        plain = plain.replace(grouped[1], "")
    if not PLAIN.fullmatch(plain) or ("," if mark == "." else ".") in plain:
        return None
    number = float(plain.replace(",", "."))
    return number if math.isfinite(number) else None


def safe_text(text: str) -> str:
    """A text that no spreadsheet runs as a formula: one that would be run gets a quote before it.

    Plain numbers, such as `-5`, stay as they are.
    """
    runs = re.match(f"'*{SIGNS}", text) and not re.fullmatch(NUMBER, text)
    return f"'{text}" if runs else text


def _restored(text: str) -> str:
    """The text that `safe_text` was given."""
    return text[1:] if re.match(f"'+{SIGNS}", text) else text


def write_csv(
    headers: Sequence[str], rows: Iterable[Sequence[Cell]], separator: str = ",", mark: str = "."
) -> bytes:
    """Write CSV that Excel opens as UTF-8, and whose texts it does not run.

    Args:
        headers: The header.
        rows: Cells in its order.
        separator: What stands between two cells.
        mark: The decimal mark.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=separator or ",")
    writer.writerow([safe_text(header) for header in headers])
    writer.writerows([_written(cell, mark) for cell in row] for row in rows)
    return file.getvalue().encode("utf-8-sig")


def _written(cell: Cell, mark: str) -> str:
    match cell:
        case bool() | str():
            return safe_text(_text(cell) if isinstance(cell, bool) else cell)
    return number_text(cell).replace(".", mark)


@dataclass(frozen=True)
class Choice:
    """What a column of a workbook offers.

    Attributes:
        column: Place of the column, from 0.
        texts: The texts to choose from.
    """

    column: int
    texts: tuple[str, ...]


def write_workbook(
    headers: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    choices: Iterable[Choice] = (),
    notes: Sequence[Sequence[Cell]] = (),
) -> bytes:
    """Write a workbook: a table with a fixed header, and perhaps a sheet of notes.

    Args:
        headers: The header.
        rows: Cells in its order.
        choices: Columns whose cells offer a list.
        notes: Rows of a second sheet, the first its header.
    """
    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        _fill(book, book.add_worksheet("People"), [headers, *rows])
        for choice in choices:
            if sum(map(len, choice.texts)) + len(choice.texts) <= 255:  # as much as Excel takes
                book.worksheets()[0].data_validation(
                    1, choice.column, 10_000, choice.column, _offer(choice)
                )
        if notes:
            _fill(book, book.add_worksheet("What to enter"), notes)
    return file.getvalue()


def _offer(choice: Choice) -> dict[str, Any]:
    return {"validate": "list", "source": list(choice.texts), "error_type": "warning"}


def _fill(book: xlsxwriter.Workbook, sheet: Any, rows: Sequence[Sequence[Cell]]) -> None:
    """Write rows, the first of them as the header."""
    bold = book.add_format({"bold": True})
    for line, row in enumerate(rows):
        for place, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(line, place, safe_text(cell), None if line else bold)
            elif cell is not None:
                sheet.write(line, place, cell)
    sheet.freeze_panes(1, 0)
    sheet.autofit()
