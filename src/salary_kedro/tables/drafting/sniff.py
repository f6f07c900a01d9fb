"""Finds out how a CSV file is written: encoding, delimiter, decimal mark, missing values."""

import codecs
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.errors import ParserError, ParserWarning

from salary_kedro.contract.model import CsvDialect
from salary_kedro.tables.csv_arguments import KNOWN_MISSING

HEAD_BYTES = 1 << 22
HEAD_ROWS = 200
DELIMITERS = (",", ";", "\t", "|")
#: Decimal mark and what groups thousands, the commonest first.
MARKS = ((".", None), (".", ","), (",", None), (",", "."), (".", "'"), (".", " "), (",", " "))
#: What people write for a missing number.
MISSING_WORDS = frozenset(
    {"?", "-", "--", "–", "—", ".", "..", "*", "n.a.", "n.d.", "k.a.", "unknown", "missing"}
)


def find_encoding(path: Path) -> str:
    """The encoding of a file, by its first bytes; cp1252 where it is not Unicode."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def find_delimiter(path: Path, encoding: str) -> str:
    """What separates the cells: the mark that parts header and rows into the most columns."""
    scores = [(_columns(path, encoding, delimiter), delimiter) for delimiter in DELIMITERS]
    columns, best = max(scores, key=lambda score: score[0])  # of equals, the first
    if columns > 1:
        return best
    header = " ".join(read_header(path, best, encoding))  # its rows may not fit it
    return next((delimiter for delimiter in DELIMITERS if delimiter in header), best)


def _columns(path: Path, encoding: str, delimiter: str) -> int:
    """Named columns if a file is read so; 0 if its rows do not fit its header."""
    try:
        rows = read_texts(path, delimiter, encoding, HEAD_ROWS)
    except (ParserError, ParserWarning, UnicodeError):
        return 0
    full = rows.notna().all(axis="columns")
    named = sum(not str(name).startswith("Unnamed: ") for name in rows.columns)
    return named if full.empty or full.mean() >= 0.9 else 0


def read_texts(path: Path, delimiter: str, encoding: str, rows: int) -> pd.DataFrame:
    """Read the first rows of a file, each cell as the text it is.

    Returns:
        Texts, under the file's headers; missing where a line is short.

    Raises:
        ParserError: If a line has more cells than the header, or a quote is not closed.
        ParserWarning: If all lines have.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Length of header", ParserWarning)
        return pd.read_csv(
            path,
            sep=delimiter,
            encoding=encoding,
            nrows=rows,
            dtype="str",
            keep_default_na=False,
            index_col=False,
            skip_blank_lines=False,
        )


def read_header(path: Path, delimiter: str, encoding: str) -> list[str]:
    """The header's names as they are in the file, repeated ones too."""
    first = pd.read_csv(
        path,
        sep=delimiter,
        encoding=encoding,
        nrows=1,
        header=None,
        dtype="str",
        keep_default_na=False,
        skip_blank_lines=False,
    )
    return [str(name) for name in first.iloc[0]]


def find_marks(texts: Sequence[pd.Index], delimiter: str) -> tuple[str, str | None]:
    """Decimal mark and what groups thousands: those by which the most columns are numbers.

    Args:
        texts: By column, its distinct texts without missing ones.
        delimiter: What separates the cells; it can be no decimal mark.
    """
    known = [column[~_is_missing_word(column)] for column in texts]
    marks = [pair for pair in MARKS if delimiter not in pair]
    others = [column for column in known if not _are_numbers(column, *MARKS[0])]
    if not any(_are_numbers(column[:HEAD_ROWS], *pair) for column in others for pair in marks):
        return MARKS[0]
    counts = [sum(_are_numbers(column, *pair) for column in known) for pair in marks]
    return marks[int(np.argmax(counts))]


def _are_numbers(texts: pd.Index, decimal: str, thousands: str | None) -> bool:
    return len(texts) > 0 and not np.isnan(to_numbers(texts, decimal, thousands)).any()


def to_numbers(texts: pd.Index, decimal: str, thousands: str | None) -> NDArray[np.float64]:
    """Read texts as numbers, strictly; shape (texts,), NaN for what is no finite number."""
    plain = pd.Series(texts, dtype="str")
    wrong = pd.Series(data=False, index=plain.index)
    if thousands:
        grouped = plain.str.contains(thousands, regex=False)
        if grouped.any():
            shape = rf"\s*[-+]?\d{{1,3}}({re.escape(thousands)}\d{{3}})+({re.escape(decimal)}\d*)?"
            wrong |= grouped & ~plain.str.fullmatch(shape)
            plain = plain.str.replace(thousands, "", regex=False)
    if decimal != ".":
        wrong |= plain.str.contains(".", regex=False)
        plain = plain.str.replace(decimal, ".", regex=False)
    numbers = np.asarray(pd.to_numeric(plain, errors="coerce"), dtype=np.float64)
    return np.where(wrong | ~np.isfinite(numbers), np.nan, numbers)


def find_missing(texts: Sequence[pd.Index], dialect: CsvDialect) -> list[str]:
    """Texts such as `?` that stand for a missing value among numbers, as they are written."""
    found: set[str] = set()
    for column in texts:
        strange = column[np.isnan(to_numbers(column, dialect.decimal, dialect.thousands))]
        if len(strange) < len(column) and _is_missing_word(strange).all():
            found.update(strange)
    return sorted(found)


def _is_missing_word(texts: pd.Index) -> NDArray[np.bool_]:
    words: NDArray[np.bool_] = np.asarray(texts.str.strip().str.lower().isin(MISSING_WORDS))
    return words


def without_missing(counts: "pd.Series[Any]", missing: Sequence[str]) -> "pd.Series[Any]":
    """Leave out the texts that stand for a missing value; counts are by text."""
    return counts[~counts.index.isin(["", *KNOWN_MISSING, *missing]) & (counts > 0)]
