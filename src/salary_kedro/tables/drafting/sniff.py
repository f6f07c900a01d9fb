"""Finds out how a CSV file is written: delimiter, decimal mark, missing values."""

import csv
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.errors import ParserError, ParserWarning

from salary_kedro.contract.model import CsvDialect
from salary_kedro.contract.spelling import NumberReader, tidy
from salary_kedro.tables.csv_arguments import KNOWN_MISSING
from salary_kedro.tables.csv_top import from_header, is_plain
from salary_kedro.tables.drafting.codes import MISSING_WORDS
from salary_kedro.tables.drafting.edges import HEAD, TAIL, find_edges
from salary_kedro.tables.drafting.oddities import KEPT_SHARE
from salary_kedro.tables.drafting.spellings import core_of
from salary_kedro.tables.lines import FIRST_LINE

HEAD_ROWS = 200
MAX_LINE, TAIL_BYTES = 10_000, 1 << 18
DELIMITERS = (",", ";", "\t", "|")
#: Decimal mark and what groups thousands, the commonest first.
MARKS = (
    *((".", None), (".", ","), (",", None), (",", "."), (".", "'"), (".", " "), (",", " ")),
    (",", "'"),
)
PLAIN = r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*"
#: Distinct texts of a column by which marks are found.
MARKED_TEXTS = 2_000


def find_dialect(
    path: Path, encoding: str, skip_rows: int | None = None
) -> tuple[CsvDialect, tuple[str, ...]]:
    """How a CSV file is written, but for marks and missing values, and what is doubted of it.

    The delimiter is the mark that parts header and rows into the most columns.

    Args:
        path: The file.
        encoding: Its encoding.
        skip_rows: Lines above the header; None to find them.
    """
    head, tail = _lines(path, encoding, skip_rows or 0)
    said = re.fullmatch(r'\s*"?sep=(.)"?\s*', head[0]) if head else None
    marks = (said[1],) if said and said[1] in DELIMITERS else DELIMITERS
    plain = [CsvDialect(delimiter=mark, encoding=encoding) for mark in marks]
    tried = [_try(path, dialect, head, tail, skip_rows) for dialect in plain]
    columns, dialect, remarks = max(tried, key=lambda found: found[0])  # of equals, the first
    if columns > 1:
        return dialect, remarks
    header = " ".join(read_header(path, dialect))  # its rows may not fit it
    mark = next((mark for mark in marks if mark in header), dialect.delimiter)
    return dialect.model_copy(update={"delimiter": mark}), remarks


def _try(
    path: Path,
    dialect: CsvDialect,
    head: Sequence[str],
    tail: Sequence[str],
    skip_rows: int | None,
) -> tuple[int, CsvDialect, tuple[str, ...]]:
    """Named columns if a file is read by a delimiter, how it is written then, and remarks."""
    delimiter = dialect.delimiter
    reader = csv.reader(head, delimiter=delimiter)
    starts, rows = [0], []
    for row in _unbroken(reader):
        rows.append(row)
        starts.append(reader.line_num)
    last = [*rows[HEAD:], *_unbroken(csv.reader(tail, delimiter=delimiter))]
    edges = find_edges(rows[:HEAD], last)
    skipped = starts[edges.skip_rows] if skip_rows is None else skip_rows
    dialect = replace(edges, skip_rows=skipped).within(dialect)
    return _columns(path, dialect), dialect, edges.remarks


def _unbroken(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows of a file, to the first that cannot be read."""
    with suppress(csv.Error):
        yield from reader


def _lines(path: Path, encoding: str, skipped: int) -> tuple[list[str], list[str]]:
    """The first lines of a file below those that are skipped, and the last if those are not all."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        head = [line[:MAX_LINE] for line in islice(file, skipped, skipped + HEAD + TAIL)]
    if len(head) < HEAD + TAIL:
        return head, []
    with path.open("rb") as raw:
        start = raw.read(2)
        raw.seek(-min(path.stat().st_size - 2, TAIL_BYTES) & ~1, os.SEEK_END)
        text = (start + raw.read()).decode(encoding, errors="replace")  # with a byte order mark
    return head, text.splitlines(keepends=True)[1:][-TAIL:]


def _columns(path: Path, dialect: CsvDialect) -> int:
    """Named columns if a file is read so; 0 if its rows do not fit its header."""
    try:
        rows = read_texts(path, dialect, HEAD_ROWS)
    except (ParserError, ParserWarning, UnicodeError, csv.Error):
        return 0
    full = rows.notna().all(axis="columns")
    named = sum(not str(name).startswith("Unnamed: ") for name in rows.columns)
    return named if full.empty or full.mean() >= 0.9 else 0


def read_texts(path: Path, dialect: CsvDialect, rows: int) -> pd.DataFrame:
    """Read the first rows of a file, each cell as the text it is.

    Returns:
        Texts, under the file's headers; missing where a line is short.

    Raises:
        ParserError: If a line has more cells than the header, or a quote is not closed.
        ParserWarning: If all lines have.
    """
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.filterwarnings("error", "Length of header", ParserWarning)
        source, line = from_header(file, dialect)
        found: pd.DataFrame = pd.read_csv(
            source,
            sep=dialect.delimiter,
            encoding=dialect.encoding,
            nrows=rows,
            dtype="str",
            keep_default_na=False,
            index_col=False,
            skip_blank_lines=False,
        )
    if not is_plain(dialect):
        found.attrs[FIRST_LINE] = line
    return found


def read_header(path: Path, dialect: CsvDialect) -> list[str]:
    """The header's names as they are in the file, repeated ones too."""
    with path.open("rb") as file:
        first = pd.read_csv(
            from_header(file, dialect)[0],
            sep=dialect.delimiter,
            encoding=dialect.encoding,
            nrows=1,
            header=None,
            dtype="str",
            keep_default_na=False,
            skip_blank_lines=False,
        )
    return [str(name) for name in first.iloc[0]]


def find_marks(texts: Sequence[pd.Index], delimiter: str) -> tuple[str, str | None]:
    """Decimal mark and what groups thousands: those by which the most columns are numbers.

    Where `1,234` alone is written the comma groups thousands, but `1.234` is a little more
    than one, unless semicolons separate the cells: a comma is the decimal mark there.

    Args:
        texts: By column, its distinct texts without missing ones.
        delimiter: What separates the cells; a cell that holds it was quoted.
    """
    known = [_cores(column[~_is_missing_word(column)][:MARKED_TEXTS]) for column in texts]
    marks = list(MARKS)
    others = [column for column in known if not _are_numbers(column, *MARKS[0])]
    if delimiter == ";" and any(_are_grouped(column) for column in known):
        marks = [pair for pair in marks if pair[0] == ","]
    elif not any(_are_numbers(column[:HEAD_ROWS], *pair) for column in others for pair in marks):
        return MARKS[0]
    counts = [sum(_are_numbers(column, *pair) for column in known) for pair in marks]
    return marks[int(np.argmax(counts))]


def _cores(texts: pd.Index) -> pd.Index:
    """The numbers within texts, without currency signs and units."""
    if len(texts) == 0 or texts[:HEAD_ROWS].str.fullmatch(PLAIN).all():
        return texts
    return pd.Index([core_of(text) for text in texts], dtype="str")


def _are_grouped(texts: pd.Index) -> bool:
    """Whether all texts but whole numbers look like `45.000`, and one does."""
    grouped = texts.str.fullmatch(r"[-+]?[1-9]\d{0,2}(\.\d{3})+")
    return bool(grouped.any() and (grouped | texts.str.fullmatch(r"\d+")).all())


def _are_numbers(texts: pd.Index, decimal: str, thousands: str | None) -> bool:
    """Whether nearly all texts are numbers."""
    numbers = to_numbers(texts, decimal, thousands)
    return len(texts) > 0 and np.isnan(numbers).mean() <= 1 - KEPT_SHARE


def to_numbers(texts: pd.Index, decimal: str, thousands: str | None) -> NDArray[np.float64]:
    """Read texts as numbers, strictly; shape (texts,), NaN for what is no finite number."""
    numbers = np.full(len(texts), np.nan)
    plain = np.asarray(texts.str.fullmatch(PLAIN), dtype=bool)
    if decimal != ".":
        plain &= ~np.asarray(texts.str.contains(".", regex=False), dtype=bool)
    numbers[plain] = texts[plain].astype("float64")
    reader = NumberReader(CsvDialect(delimiter="|", decimal=decimal, thousands=thousands))
    for place in np.flatnonzero(~plain).tolist():
        if (number := reader.read(texts[place])) is not None:
            numbers[place] = number
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _is_missing_word(texts: pd.Index) -> NDArray[np.bool_]:
    words: NDArray[np.bool_] = np.asarray(texts.str.strip().str.lower().isin(MISSING_WORDS))
    return words


def without_missing(counts: "pd.Series[Any]") -> "pd.Series[Any]":
    """Leave out the texts that stand for a missing value; counts are by text."""
    lacking = {"", *KNOWN_MISSING}
    texts = counts.index.tolist()  # ten times as fast as to go through the index
    known = [text not in lacking and tidy(text) not in lacking for text in texts]
    return counts[np.array(known, dtype=bool) & (counts > 0)]


def usual_missing(texts: pd.DataFrame) -> tuple[str, ...]:
    """Texts in a table that mean no value to pandas, but for empty ones."""
    found = {tidy(text) for name in texts.columns for text in texts[name].unique().tolist()}
    return tuple(sorted(found & set(KNOWN_MISSING) - {""}))
