"""Tells of the cells that do not fit their column: how many, of which shape, on which lines."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.contract.columns import MAX_NUMBER

#: A column keeps its kind where at least this share of its cells is of it.
KEPT_SHARE = 0.95
MAX_SHAPES, MAX_LINES, MAX_SHAPE = 5, 5, 24


@dataclass(frozen=True)
class Oddities:
    """Cells of a column that are not of its kind; none of them is shown.

    Attributes:
        count: How many.
        cells: Cells of the column that have a value.
        shapes: The commonest shapes, each with its cells.
        lines: The first lines of the file that hold one.
    """

    count: int
    cells: int
    shapes: tuple[tuple[str, int], ...]
    lines: tuple[int, ...]

    def __str__(self) -> str:
        shown = ", ".join(f"{shape} ({count:,})" for shape, count in self.shapes)
        lines = ", ".join(map(str, self.lines))
        more = " and others" if self.count > len(self.lines) else ""
        word = "line" if self.count == 1 else "lines"
        return f"of the shape {shown}, {word} {lines}{more}"


def shape_of(text: str) -> str:
    """What a text looks like without what it says: digits are 9, letters a."""
    if _is_huge(text):
        return "a number beyond bounds"
    short = text if len(text) <= MAX_SHAPE else f"{text[:MAX_SHAPE]}…"
    return f"'{''.join(map(_mask, short))}'"


def _is_huge(text: str) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    return not math.isnan(number) and abs(number) > MAX_NUMBER


def _mask(char: str) -> str:
    if char.isdigit():
        return "9"
    if char.isalpha():
        return "a"
    return char if char.isprintable() else " "


def keeps_kind(counts: "pd.Series[Any]", fits: NDArray[np.bool_]) -> bool:
    """Whether so many cells are of a kind that the others do not decide.

    Args:
        counts: Cells by distinct text, without missing ones.
        fits: Whether each text is of the kind, shape (texts,).
    """
    cells = int(counts.sum())
    return cells > 0 and int(counts[fits].sum()) >= KEPT_SHARE * cells


def odd_cells(
    values: pd.Series, lines: pd.Series, counts: "pd.Series[Any]", fits: NDArray[np.bool_]
) -> Oddities | None:
    """The cells that are not of a kind; None if all are.

    Args:
        values: All cells of the column as texts, in their order.
        lines: The line of the file on which each row starts, indexed like the cells.
        counts: Cells by distinct text, without missing ones.
        fits: Whether each text is of the kind, shape (texts,).
    """
    odd = counts[~fits]
    if odd.empty:
        return None
    shapes = odd.groupby(odd.index.map(shape_of)).sum().sort_values(ascending=False, kind="stable")
    first = lines[values.isin(odd.index)].iloc[:MAX_LINES]
    shown = zip(shapes.index[:MAX_SHAPES], shapes.iloc[:MAX_SHAPES], strict=True)
    return Oddities(
        count=int(odd.sum()),
        cells=int(counts.sum()),
        shapes=tuple((str(shape), int(count)) for shape, count in shown),
        lines=tuple(int(line) for line in first),
    )


def share_of(odd: Oddities | None) -> float:
    """Their share of the cells that have a value, 0 to 1."""
    return odd.count / odd.cells if odd else 0.0


def odd_remark(odd: Oddities, kind: str = "number") -> str:
    """What the person who edits the draft should know of them.

    Args:
        odd: The cells.
        kind: What the others are.
    """
    one = f"is not a {kind}, and its row is rejected"
    many = f"are not {kind}s, and their rows are rejected"
    return f"{odd.count:,} of {odd.cells:,} cells {one if odd.count == 1 else many}: {odd}."
