"""Reads what stands above the rows of a CSV file: titles, comments, a header of several lines."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import pairwise
from typing import BinaryIO, TextIO, cast

from salary_kedro.contract.model import CsvDialect
from salary_kedro.contract.spelling import tidy


def is_plain(dialect: CsvDialect) -> bool:
    """Whether a file begins with a header of one line."""
    return not dialect.skip_rows and dialect.header_rows == 1 and dialect.comment is None


def from_header(file: BinaryIO, dialect: CsvDialect) -> tuple[BinaryIO | TextIO, int]:
    """A CSV file as if it began with a header of one line, and on which line its rows begin.

    Args:
        file: The file, from its beginning.
        dialect: How it is written.
    """
    if is_plain(dialect):
        return file, 2
    text = io.TextIOWrapper(file, encoding=dialect.encoding, newline="")
    with ExitStack() as stack:
        stack.callback(text.detach)  # else an error would close the file
        header, lines = _read_header(text, dialect)
        stack.pop_all()
    written = io.StringIO()
    csv.writer(written, delimiter=dialect.delimiter).writerow(join_names(header))
    return cast("TextIO", _Joined(written.getvalue(), text)), lines + 1


def _read_header(text: TextIO, dialect: CsvDialect) -> tuple[list[list[str]], int]:
    """The lines of a header, and how many of the file end with it."""
    lines = _Counted(text)
    for _ in range(dialect.skip_rows):
        next(lines, "")
    first = next((line for line in lines if not _is_above(line, dialect)), "")
    rows = csv.reader(_again(first, lines), delimiter=dialect.delimiter)
    header = [row for _, row in zip(range(dialect.header_rows), rows, strict=False)]
    return header, lines.count


def join_names(header: Sequence[Sequence[str]]) -> list[str]:
    """The names in the lines of a header, joined by a space.

    An empty upper cell takes the one to its left where the lower one has a name.
    """
    width = max(map(len, header), default=0)
    lines = [[*map(tidy, line), *[""] * (width - len(line))] for line in header]
    for upper, lower in pairwise(lines):
        for place in range(1, width):
            if not upper[place] and lower[place]:
                upper[place] = upper[place - 1]
    return [" ".join(filter(None, parts)) for parts in zip(*lines, strict=True)]


def _is_above(line: str, dialect: CsvDialect) -> bool:
    """Whether a line above the header is empty, or a comment."""
    text = line.strip(f' \t\r\n"{dialect.delimiter}')
    return not text or (dialect.comment is not None and text.startswith(dialect.comment))


def _again(first: str, lines: Iterable[str]) -> Iterator[str]:
    yield first
    yield from lines


class _Counted(Iterator[str]):
    """The lines of a file, counted as they are read."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.count = 0

    def __next__(self) -> str:
        line = self._file.readline()
        if not line:
            raise StopIteration
        self.count += 1
        return line


class _Joined(io.TextIOBase):
    """A text, and then the rest of a file."""

    def __init__(self, first: str, rest: io.TextIOWrapper) -> None:
        self._first, self._rest = first, rest

    def readable(self) -> bool:
        """It can be read, and nothing else."""
        return True

    def read(self, size: int | None = -1, /) -> str:
        """At most so many characters; all of them if the size is negative."""
        wanted = -1 if size is None else size
        if not self._first:
            return self._rest.read(wanted)
        found, self._first = self._first, ""
        return found if wanted >= 0 else found + self._rest.read()

    def close(self) -> None:
        """Leave the file to whoever opened it."""
        if not self.closed:
            with suppress(ValueError):  # it is closed already
                self._rest.detach()
        super().close()
