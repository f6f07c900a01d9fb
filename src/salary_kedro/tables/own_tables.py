"""The tables that we write: told from all others by their headers; how others' columns fit in."""

import csv
import io
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from salary_kedro.errors import UserError
from salary_kedro.tables.formats.opening import open_table
from salary_kedro.tables.formats.packed import open_packed
from salary_kedro.tables.formats.recognise import recognise
from salary_kedro.tables.formats.wanted import Wanted

#: The last columns of scored rows, and the first of rejected ones.
SCORED = ["warnings", "model_name", "model_version", "scored_at"]
REJECTED = ["line", "reasons"]
#: What is put after the name of a raw column that is also one of our own.
RAW = " (raw)"
#: A header of more bytes is not read to its end.
HEADER_BYTES = 1 << 20

_SCORED_END = re.compile(r'warnings([^\w"\r\n])' + r"\1".join(SCORED[1:]) + r"\r?(?:\n|$)")
_REJECTED_START = re.compile(r'line([^\w"\r\n])reasons(?:\1|\r?\n|$)')


def is_scored(path: Path) -> bool:
    """Tell whether a file holds scored rows.

    Raises:
        OSError: It cannot be read.
    """
    return read_header(path)[-len(SCORED) :] == SCORED


def is_rejected(path: Path) -> bool:
    """Tell whether a file holds rejected rows.

    Raises:
        OSError: It cannot be read.
    """
    return read_header(path)[: len(REJECTED)] == REJECTED


def read_header(path: Path) -> list[str]:
    """The header of a table of ours, whose delimiter tells itself; empty for another one."""
    try:
        kind = recognise(path)
        if kind != "csv":
            with open_table(path, kind, Wanted()) as table:
                return table.header()
        with open_packed(path) as file:
            head = file.read(HEADER_BYTES).decode("utf-8-sig", errors="replace")
    except UserError:
        return []
    mark = _REJECTED_START.match(head) or _SCORED_END.search(head)
    if mark is None:
        return []
    try:
        return next(csv.reader(io.StringIO(head, newline=""), delimiter=mark[1]))
    except (csv.Error, ValueError):
        return []


def rename_beside(names: Iterable[str], own: Collection[str], mark: str = RAW) -> list[str]:
    """Names for raw columns that stand beside columns of our own: none bears the name of one.

    Args:
        names: Names of the raw columns.
        own: Names of our own.
        mark: What is put after a name that is taken.
    """
    names = list(names)
    taken = {*names, *own}
    renamed = []
    for name in names:
        new = name
        while name in own and new in taken:
            new = f"{new}{mark}"
        renamed.append(new)
    return renamed
