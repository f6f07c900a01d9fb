"""What the rows show of a column, for people: counts alone, no cells of single rows."""

import math
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from salary_kedro.contract.columns import Boolean, Category, Column, Date, Integer, Number
from salary_kedro.tables.drafting.facts import Facts

#: A text in fewer rows than this is not shown: it may be one person's.
MIN_SHOWN = 5
MAX_TEXTS, BINS = 12, 24
#: A histogram reaches from one to the other; what lies beyond is in its end bins.
REACH = (1, 99)


@dataclass(frozen=True)
class Picture:
    """What the rows show of a column.

    Attributes:
        rows: Rows that were looked at.
        missing: Rows without a value.
        distinct: Different texts.
        edges: Edges of the bins of its numbers, rounded; empty if it holds none.
        bins: Rows by bin.
        texts: The commonest texts and their rows, none of a few rows alone.
        others: Rows with another text.
        why: Why the column is taken for what it is.
    """

    rows: int
    missing: int
    distinct: int
    why: str
    edges: tuple[float, ...] = ()
    bins: tuple[int, ...] = ()
    texts: tuple[tuple[str, int], ...] = ()
    others: int = 0

    @property
    def said(self) -> str:
        """Why the column is taken for what it is, and how many values are missing."""
        missing = f"; {self.missing:,} are missing ({self.missing / self.rows:.1%})"
        text = f"{self.why}{missing if self.missing else ''}"
        return text[0].upper() + text[1:]


def picture_of(fact: Facts, column: Column) -> Picture:
    """Draw a column as it is proposed."""
    cells = int(fact.counts.sum())
    frame = (fact.rows, fact.rows - cells, len(fact.counts), why(fact, column))
    if column.use in ("ignore", "split"):  # which numbers people
        return Picture(*frame)
    if isinstance(column, Number | Integer):
        edges, bins = _bins(fact)
        return Picture(*frame, edges=edges, bins=bins)
    if isinstance(column, Date):
        return Picture(*frame)
    shown = fact.counts[fact.counts >= MIN_SHOWN].iloc[:MAX_TEXTS]
    texts = tuple((str(text), int(count)) for text, count in shown.items())
    return Picture(*frame, texts=texts, others=cells - int(shown.sum()))


def _bins(fact: Facts) -> tuple[tuple[float, ...], tuple[int, ...]]:
    low, high = map(float, np.percentile(fact.sizes, REACH))
    if low == high:
        return (), ()
    whole = bool((fact.sizes == np.floor(fact.sizes)).all())
    width = math.ceil((high - low + 1) / BINS) if whole else (high - low) / BINS
    bins = math.ceil((high - low + whole) / width)
    reach = (low, low + bins * width)
    counts, edges = np.histogram(np.clip(fact.sizes, low, high), bins=bins, range=reach)
    return tuple(float(f"{edge:.2g}") for edge in edges), tuple(map(int, counts))


def why(fact: Facts, column: Column) -> str:
    """Why a column is taken for what it is."""
    cells = int(fact.counts.sum())
    match column:
        case Number() | Integer():
            numbers = int(fact.counts[fact.are_numbers].sum())
            whole = "whole numbers" if isinstance(column, Integer) else "numbers"
            distinct = f"{len(fact.counts):,} of them different"
            return f"{numbers:,} of {cells:,} values are {whole}, {distinct}"
        case Category():
            rarest = int(fact.counts.min()) if cells else 0
            if len(fact.counts) == 1:
                return f"one text, in {rarest:,} rows"
            return f"{len(fact.counts):,} different texts, each in {rarest:,} or more rows"
        case Boolean():
            return "its values are ways to write yes and no"
        case Date():
            return f"{cells:,} values are dates, written as {column.format}"
    assert_never(column)
