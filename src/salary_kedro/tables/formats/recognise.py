"""Tells what a file is by what it holds: its name may say anything."""

import json
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Literal

from salary_kedro.errors import UserError
from salary_kedro.tables.formats.packed import document_in, open_packed, packing_of
from salary_kedro.tables.formats.parquet import parquet_files

Format = Literal[
    "csv", "parquet", "arrow", "arrow stream", "orc", "jsonl",
    "xlsx", "xlsb", "xls", "ods", "dta", "sav", "por", "sas7bdat", "xpt",
]  # fmt: skip
HEAD = 1 << 16

MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"\xff\xff\xff\xff", "arrow stream"),
    (b"<stata_dta>", "dta"),
    (b"$FL2", "sav"),
    (b"$FL3", "sav"),
    (b"\0" * 12 + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf\xbd\x92\x08\x00\x09\xc7\x31\x8c", "sas7bdat"),
    (b"HEADER RECORD*******LIB", "xpt"),
)
#: Versions of Stata files before 13, by their first byte.
OLD_STATA = frozenset(b"\x69\x6c\x6e\x6f\x71\x72\x73")
SAVE = "save its table as CSV, Parquet or .xlsx"
R_WAY = "write the data frame with arrow::write_parquet or write.csv"
#: What is known but not read: how it begins, what it is, and what to do.
REFUSED: tuple[tuple[bytes, str, str], ...] = (
    (
        b"SQLite format 3\0",
        "a SQLite database",
        "name its table: --sql sqlite:///{path} --table NAME",
    ),
    (b"FEA1", "a Feather file of version 1", "write it again with pyarrow.feather.write_feather"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", SAVE),
    *((b"RD%c%c\n" % kind, "R's own format", R_WAY) for kind in product(b"AX", b"23")),
    (b"X\n\0\0\0", "R's own format", R_WAY),
    (b"%PDF", "a PDF document", "ask for the table that it was made from, or copy it to a sheet"),
    (b"{\\rtf", "a text document", SAVE),
    (b"Obj\x01", "an Avro file", SAVE),
    (b"\0\x01\0\0Standard ", "an Access database", SAVE),
    (b"MATLAB 5.0 MAT-file", "a MATLAB file", SAVE),
    (b"\x93NUMPY", "a NumPy array", SAVE),
    (b"\x89PNG", "a picture", "ask for the table that it was made from"),
    (b"\xff\xd8\xff", "a picture", "ask for the table that it was made from"),
)
#: What is in no text.
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
PICKLE = re.compile(rb"\x80[\x02-\x05]")


def recognise(path: Path) -> Format:
    """Tell the format of a file or folder; of a packed file, that of what is in it.

    Raises:
        OSError: If it cannot be read.
        UserError: If it is something else; says what, and what to do.
    """
    if path.is_dir():
        return _recognise_folder(path)
    with path.open("rb") as file:
        head = file.read(HEAD)
    if packing_of(head) == ".zip" and (document := document_in(path)):
        return _workbook(path, document)
    if packing_of(head):
        with open_packed(path) as stream:
            head = stream.read(HEAD)
        if packing_of(head):
            raise UserError(f"{path} is packed twice: unpack it once")
    return _by_head(head, path)


def _recognise_folder(path: Path) -> Format:
    if parquet_files(path):
        return "parquet"
    raise UserError(f"{path} is a folder without Parquet files: name the file of the table")


def _workbook(path: Path, document: str) -> Format:
    match document:
        case "ods" | "xlsb" | "xlsx":
            return document
    raise _refusal(path, document, "export its table as .xlsx or CSV")


def _by_head(head: bytes, path: Path) -> Format:
    for magic, kind in MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(b"ORC") and CONTROL.search(head):
        return "orc"
    if b"SPSSPORT" in head[:600] or head.startswith(b"ASCII SPSS PORT FILE"):
        return "por"
    if head[:1] and head[0] in OLD_STATA and head[1:2] in (b"\1", b"\2") and head[2:3] == b"\1":
        return "dta"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return _old_office(path)
    for magic, what, way in REFUSED:
        if head.startswith(magic):
            raise _refusal(path, what, way.format(path=path))
    if PICKLE.match(head):
        way = "a pickle runs code when it is opened; " + SAVE
        raise _refusal(path, "a pickle of Python", way)
    return _by_text(head, path)


def _refusal(path: Path, what: str, way: str) -> UserError:
    return UserError(f"{path} is {what}, which is not read: {way}")


def _old_office(path: Path) -> Format:
    """A workbook of Excel 97 to 2003, or an encrypted one of any Excel."""
    content = path.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise UserError(f"{path} is encrypted: save it without a password")
    if any(name.encode("utf-16-le") in content for name in ("Workbook\0", "Book\0")):
        return "xls"
    raise _refusal(path, "a document of an old Office", SAVE)


def _by_text(head: bytes, path: Path) -> Format:
    if _is_binary(head):
        raise _refusal(path, "a binary file of no known format", SAVE)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:4096].lower()
    for shows, what, way in TEXTS:
        if shows(start):
            raise _refusal(path, what, way)
    if JSON.match(start):
        return _json(head, path)
    if _is_fixed_width(head):
        way = "save it with a mark between the cells, for example in a spreadsheet as CSV"
        raise _refusal(path, "text in columns of fixed width", way)
    return "csv"


#: How a JSON document begins; a header may begin so too, but for what comes next.
JSON = re.compile(
    rb'(?!\[[^\[\]{}"\n]*\]\s*[,;\t|])(\{\s*(["}]|$)|\[\s*([\[{"\]\d-]|true|false|null|$))'
)


def _begins(*texts: bytes) -> Callable[[bytes], bool]:
    return lambda start: start.startswith(texts)


def _is_arff(start: bytes) -> bool:
    return re.search(rb"(^|\n)\s*@relation\s", start) is not None


def _is_px(start: bytes) -> bool:
    return re.match(rb'(charset|axis-version)\s*=\s*"', start) is not None


#: Formats of text: how each is known, what it is, and what to do.
TEXTS: tuple[tuple[Callable[[bytes], bool], str, str], ...] = (
    (_begins(b"<!doctype html", b"<html", b"<table", b"<head"), "an HTML page", SAVE),
    (_begins(b"<?xml", b"<workbook"), "an XML file", "open it in a spreadsheet and save as .xlsx"),
    (_is_arff, "an ARFF file", "save it as CSV, for example in Weka"),
    (_is_px, "a PC-Axis file", "its publisher also gives the table as CSV"),
)


def _json(head: bytes, path: Path) -> Format:
    line = head.split(b"\n", 1)[0]
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        first = None
    if isinstance(first, dict) and "dimension" not in first:
        return "jsonl"
    if b'"dimension"' in head:
        raise _refusal(path, "a JSON-stat file", "its publisher also gives the table as CSV")
    way = "write one record a line (JSON Lines), or a CSV file"
    raise _refusal(path, "one JSON document", way)


def _is_binary(head: bytes) -> bool:
    """Whether bytes are no text: zeros are no part of one, but for UTF-16 and UTF-32."""
    zeros = head.count(0)
    if zeros * 100 < len(head) or head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        return False
    return min(head[::2].count(0), head[1::2].count(0)) > 0


def _is_fixed_width(head: bytes) -> bool:
    """Whether lines are of one length, with blanks in the same places, and no delimiter."""
    lines = [line.rstrip(b"\r") for line in head.split(b"\n")[:50]]
    lines = lines[:-1] if len(head) == HEAD or len(lines) > 1 else lines
    if len(lines) < 3 or any(mark in lines[0] for mark in (b",", b";", b"\t", b"|")):
        return False
    blanks = set.intersection(*({m.start() for m in re.finditer(b" ", line)} for line in lines))
    padded = sum(b"  " in line for line in lines)
    return len(set(map(len, lines))) <= 2 and bool(blanks) and padded * 2 > len(lines)
