"""Bounds for packed files: what a small file unpacks to takes neither all time nor all memory."""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Container, Iterator
from pathlib import Path
from xml.etree import ElementTree

from salary_kedro.errors import UserError

#: Bytes to which a file may unpack whatever its size; beyond, not more than so many times it.
FREE, RATIO = 256 << 20, 250
#: Bytes to which any file may unpack.
MOST = 64 << 30
#: Of a spreadsheet, which is held in memory as a whole.
MOST_SHEET = 3 << 30
#: Cells that a sheet may span, empty ones included.
MOST_CELLS = 60_000_000
#: Bytes of the parts of a workbook that say which sheets it has, and of one piece of XML.
MOST_BOOK, MOST_PIECE = 4 << 20, 1 << 20
BOOK, RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
BLOCK = 1 << 20


def limit(path: Path, most: int = MOST) -> int:
    """Bytes to which a file may unpack."""
    return min(most, max(FREE, RATIO * path.stat().st_size))


def too_large(path: Path, most: int) -> UserError:
    """What is said of a file that unpacks to more than it may."""
    return UserError(
        f"{path} unpacks to more than {most >> 20:,} MB, far more than its size lets expect: if it "
        f"is what you mean, unpack it yourself"
    )


DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ElementTree.ParseError)


def check_zip(path: Path) -> dict[str, int]:
    """Check what a zip file unpacks to, whatever its directory says.

    Returns:
        Of an .xlsx file, by the name of each sheet, how many of its cells hold an error.

    Raises:
        UserError: If it is damaged, or unpacks to more than it may.
    """
    most = limit(path, MOST_SHEET)
    try:
        with zipfile.ZipFile(path) as file:
            members = file.infolist()
            if any(member.flag_bits & 1 for member in members):
                raise UserError(f"{path} is encrypted: save it without a password")
            if sum(member.file_size for member in members) > most:
                raise too_large(path, most)
            sheets = _sheets(path, file)
            sizes = [_measure(path, file, member, {*sheets.values()}) for member in members]
            if sum(size for size, _ in sizes) > most:  # members may share their bytes
                raise too_large(path, most)
            errors = {
                m.filename.lower(): found for m, (_, found) in zip(members, sizes, strict=True)
            }
            return {name: errors[part] for name, part in sheets.items() if part in errors}
    except (*DAMAGED, ValueError) as error:
        raise UserError(f"{path} is damaged or was not copied whole: bring it again") from error


def _sheets(path: Path, file: zipfile.ZipFile) -> dict[str, str]:
    """The member that holds each sheet of an .xlsx file, by the sheet's name."""
    if not {BOOK, RELATIONS} <= set(file.namelist()):
        return {}
    targets = {
        node.get("Id"): _member(str(node.get("Target"))) for node in _parsed(path, file, RELATIONS)
    }
    found = {}
    for node in _parsed(path, file, BOOK).iter():
        if node.tag.rpartition("}")[2] == "sheet":
            part = next((targets.get(v) for k, v in node.items() if k.endswith("}id")), None)
            found[str(node.get("name"))] = str(part)
    return found


def _member(target: str) -> str:
    """The member that a relation of a workbook names."""
    return posixpath.normpath(posixpath.join("/xl", target)).lstrip("/").lower()


def _parsed(path: Path, file: zipfile.ZipFile, name: str) -> ElementTree.Element:
    with file.open(name) as stream:
        content = stream.read(MOST_BOOK + 1)
    if len(content) > MOST_BOOK:
        raise UserError(f"{path} names far more sheets than people can use: save its table alone")
    return ElementTree.fromstring(content)  # noqa: S314 - of bounded size


def _measure(
    path: Path, file: zipfile.ZipFile, member: zipfile.ZipInfo, sheets: Container[str]
) -> tuple[int, int]:
    """Bytes of a member, and cells in it that hold an error, if it is a worksheet."""
    if (name := member.filename.lower()) in sheets or name.startswith("xl/worksheets/"):
        return _measure_sheet(path, file, member)
    blocks = unpacked(file, member)
    if name == "content.xml":
        return _measure_document(path, blocks), 0
    return sum(map(len, blocks)), 0


def unpacked(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The content of a member, a block at a time; never more than its directory says."""
    with file.open(member) as stream:
        while block := stream.read(BLOCK):
            yield block


_ROW = re.compile(rb"""r\s*=\s*["']\$?[A-Za-z]{0,3}\$?(\d{4,9})""")
_WIDE = re.compile(rb"""r\s*=\s*["']\$?([A-Za-z]{2,3})\$?\d""")
#: Shapes: each digit is a 0, each letter an A, and quotes are alike. What has none of these
#: shapes is not searched, which would take most of the time that looking at a sheet takes.
SHAPE = bytes.maketrans(
    b"123456789bcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZa'",
    b"0" * 9 + b"A" * 52 + b'"',
)
FAR_SHAPE, WIDE_SHAPES = b"000000", (b'"AA0', b'"AAA0')
#: Rows of a sheet in which no number of a row has six digits.
NEAR_ROWS = 99_999


def _measure_sheet(path: Path, file: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[int, int]:
    """Bytes of a sheet's XML, and cells that hold an error.

    Raises:
        UserError: If its cells reach so far that no memory holds what lies between them.
    """
    total = errors = 0
    rows, columns, tail = NEAR_ROWS, 26, b""
    for block in unpacked(file, member):
        total += len(block)
        text = tail + block
        errors += text.count(b't="e"') - tail.count(b't="e"')
        shape = text.translate(SHAPE, b"$")
        if FAR_SHAPE + b'"' in shape or FAR_SHAPE + b" " in shape:
            rows = max([rows, *map(int, set(_ROW.findall(text)))])
        if b"AA0" in shape and any(wide in shape for wide in WIDE_SHAPES):
            columns = max([columns, *map(_number, set(_WIDE.findall(text)))])
        tail = _tail(path, text)
    if rows == NEAR_ROWS and rows * columns > MOST_CELLS:
        rows = _last_row(path, unpacked(file, member))
    _check_extent(path, rows, columns)
    return total, errors


def _last_row(path: Path, blocks: Iterator[bytes]) -> int:
    """The largest number of a row in a sheet's XML; of fewer than 999, no width is too much."""
    last, tail = 999, b""
    for block in blocks:
        text = tail + block
        last = max([last, *map(int, set(_ROW.findall(text)))])
        tail = _tail(path, text)
    return last


def _tail(path: Path, text: bytes) -> bytes:
    """What of XML is looked at again, as it may go on in the next block."""
    tail = text[max(text.rfind(b"<"), 0) :]
    if len(tail) > MOST_PIECE:
        raise UserError(f"{path} is no workbook that a spreadsheet has written: save it again")
    return tail


def _check_extent(path: Path, rows: int, columns: int) -> None:
    if rows * columns > MOST_CELLS:
        raise UserError(
            f"{path} has cells as far as row {rows:,} and column {columns:,}, with almost nothing "
            f"between: delete the cells that stand far from the table"
        )


_PART = re.compile(
    rb"""<table:(table-row|table-cell|covered-table-cell|table)(?=[\s/>])"""
    rb"""((?:[^>"']|"[^"]*"|'[^']*')*+)"""
)
_REPEATED = re.compile(rb"""number-(?:rows|columns)-repeated\s*=\s*["']\s*\+?(\d{1,9})""")


def _measure_document(path: Path, blocks: Iterator[bytes]) -> int:
    """Bytes of the XML of an OpenDocument spreadsheet, whose rows and cells may be repeated.

    Raises:
        UserError: If its cells reach so far that no memory holds what lies between them.
    """
    total, tail = 0, b""
    sheet = _Extent()
    for block in blocks:
        total += len(block)
        text = tail + block
        tail = _tail(path, text)
        for kind, keys in _PART.findall(text, 0, len(text) - len(tail)):
            if kind == b"table":
                _check_extent(path, sheet.rows, sheet.columns)
                sheet = _Extent()
            sheet.meet(kind, keys)
    _check_extent(path, sheet.rows, sheet.columns)
    return total


class _Extent:
    """How far the cells of a sheet reach that hold something."""

    def __init__(self) -> None:
        self.rows = self.columns = 0
        self._row = self._column = 0

    def meet(self, kind: bytes, keys: bytes) -> None:
        """Go on by a row or a cell; kind is its tag, keys its attributes."""
        found = _REPEATED.search(keys)
        times = int(found[1]) if found else 1
        if kind == b"table-row":
            self._row, self._column = self._row + times, 0
        elif kind.endswith(b"cell"):
            self._column += times
            if b"value-type" in keys:
                self.rows = self._row
                self.columns = max(self.columns, self._column)


def _number(column: bytes) -> int:
    """The number of a column that is called by letters, from 1."""
    number = 0
    for letter in column.upper():
        number = number * 26 + letter - ord("A") + 1
    return number
