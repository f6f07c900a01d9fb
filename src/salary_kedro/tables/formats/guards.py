"""Bounds for packed files: what a small file unpacks to takes neither all time nor all memory."""

import re
import zipfile
import zlib
from collections.abc import Iterator
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
            sizes = [_measure(path, file, member) for member in members]
            if sum(size for size, _ in sizes) > most:  # members may share their bytes
                raise too_large(path, most)
            errors = {m.filename: found for m, (_, found) in zip(members, sizes, strict=True)}
            return {name: errors[part] for name, part in _sheets(file).items() if part in errors}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise UserError(f"{path} is damaged or was not copied whole: bring it again") from error


def _sheets(file: zipfile.ZipFile) -> dict[str, str]:
    """The member that holds each sheet of an .xlsx file, by the sheet's name."""
    book, relations = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
    if not {book, relations} <= set(file.namelist()):
        return {}
    targets = {
        node.get("Id"): str(node.get("Target")).removeprefix("/xl/")
        for node in ElementTree.fromstring(file.read(relations))  # noqa: S314 - of bounded size
    }
    found = {}
    for node in ElementTree.fromstring(file.read(book)).iter():  # noqa: S314 - of bounded size
        if node.tag.endswith("}sheet"):
            part = next((targets.get(v) for k, v in node.items() if k.endswith("}id")), None)
            found[str(node.get("name"))] = f"xl/{part}"
    return found


def _measure(path: Path, file: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[int, int]:
    """Bytes of a member, and cells in it that hold an error, if it is a worksheet."""
    blocks = unpacked(file, member)
    if re.fullmatch(r"xl/worksheets/[^/]+\.xml", member.filename):
        return _measure_sheet(path, blocks)
    if member.filename == "content.xml":
        return _measure_document(path, blocks), 0
    return sum(map(len, blocks)), 0


def unpacked(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The content of a member, a block at a time; never more than its directory says."""
    with file.open(member) as stream:
        while block := stream.read(BLOCK):
            yield block


_ROW = re.compile(rb'<(?:\w+:)?row [^>]*?r="(\d+)"')
_WIDE = re.compile(rb'<(?:\w+:)?c [^>]*?r="([A-Z]{2,3})\d')
_MAYBE_WIDE = re.compile(rb'r="[A-Z]{2}')


def _measure_sheet(path: Path, blocks: Iterator[bytes]) -> tuple[int, int]:
    """Bytes of a sheet's XML, and cells that hold an error.

    Raises:
        UserError: If its cells reach so far that no memory holds what lies between them.
    """
    total = errors = rows = 0
    columns, tail = 26, b""
    for block in blocks:
        total += len(block)
        text = tail + block
        errors += text.count(b't="e"') - tail.count(b't="e"')
        if found := _ROW.findall(text, max(text.rfind(b"<row "), 0)):
            rows = max(rows, int(found[-1]))
        if _MAYBE_WIDE.search(text):
            columns = max([columns, *map(_number, set(_WIDE.findall(text)))])
        tail = text[-200:]
    _check_extent(path, rows, columns)
    return total, errors


def _check_extent(path: Path, rows: int, columns: int) -> None:
    if rows * columns > MOST_CELLS:
        raise UserError(
            f"{path} has cells as far as row {rows:,} and column {columns:,}, with almost nothing "
            f"between: delete the cells that stand far from the table"
        )


_PART = re.compile(rb"<table:(table-row|table-cell|covered-table-cell|table)(?=[\s/>])([^>]*)")
_REPEATED = re.compile(rb'number-(?:rows|columns)-repeated="(\d{1,9})"')


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
        end = max(text.rfind(b">") + 1, 0)
        for kind, keys in _PART.findall(text, 0, end):
            if kind == b"table":
                _check_extent(path, sheet.rows, sheet.columns)
                sheet = _Extent()
            sheet.meet(kind, keys)
        tail = text[end:]
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
    for letter in column:
        number = number * 26 + letter - ord("A") + 1
    return number
