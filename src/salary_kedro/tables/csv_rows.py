"""Opens a CSV file, packed or not, such that pandas meets its header first and then its rows."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from salary_kedro.contract import Contract
from salary_kedro.tables.csv_arguments import csv_arguments
from salary_kedro.tables.csv_top import from_header, is_plain
from salary_kedro.tables.formats.packed import open_packed, packing
from salary_kedro.tables.header import tidy_names
from salary_kedro.tables.unreadable import Utf8Error

#: How many bytes are looked at at once, of a file that may be of another encoding.
BLOCK = 1 << 20


@dataclass(frozen=True)
class CsvRows:
    """A CSV file that is open at its header.

    Attributes:
        source: What pandas reads: the file's path, where nothing stands in the way.
        first_line: On which line of the file the rows begin, if no name holds a line break.
        names: How pandas is told the names of the columns, if they differ from the header's.
    """

    source: Any
    first_line: int
    names: dict[str, Any]

    def position(self) -> int:
        """How far the file is read, in bytes; 0 if that is not known."""
        tell = getattr(self.source, "tell", None)
        try:
            return int(tell()) if tell else 0
        except OSError:
            return 0


def as_texts(contract: Contract) -> dict[str, Any]:
    """How `pandas.read_csv` reads each cell as it is."""
    return {**csv_arguments(contract), "dtype": "str", "na_filter": False}


@contextmanager
def open_rows(path: Path, contract: Contract) -> Iterator[CsvRows]:
    """Open a CSV file.

    Args:
        path: The file.
        contract: Says how it is written, and names columns whatever spaces the header has.

    Raises:
        Utf8Error: It is UTF-8, but is to be read as something else, which would take any bytes.
    """
    csv = contract.table.csv
    _check_encoding(path, csv.encoding)
    with open_packed(path) as file:
        head: pd.DataFrame = pd.read_csv(from_header(file, csv)[0], nrows=0, **as_texts(contract))
    names = tidy_names([str(name) for name in head.columns], contract)
    told = {} if names == list(head.columns) else {"header": 0, "names": names}
    if is_plain(csv) and packing(path) is None:
        with path.open("rb") as file:
            yield CsvRows(file, 2, told)
        return
    with open_packed(path) as file:
        source, line = from_header(file, csv)
        yield CsvRows(source, line, told)


def _check_encoding(path: Path, encoding: str) -> None:
    """Look at the first text outside ASCII: as UTF-8, does it hold letters of the encoding?"""
    if codecs.lookup(encoding).name.startswith("utf"):
        return
    with open_packed(path) as file:
        blocks = iter(partial(file.read, BLOCK), b"")
        block = next((block for block in blocks if not block.isascii()), b"")
    with suppress(UnicodeDecodeError):
        text, _ = codecs.utf_8_decode(block, "strict", False)  # the last letter may be cut
        if any(not letter.isascii() for letter in text.encode(encoding, "ignore").decode(encoding)):
            raise Utf8Error
