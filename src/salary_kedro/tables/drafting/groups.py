"""Recognises pay of two kinds in one column, such as by the hour and by the year."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

#: Between two groups no value lies for more than this factor, and each has this share of the rows.
GAP, MIN_SHARE = 50, 0.05


def groups_remark(target: str, sizes: NDArray[np.float64]) -> Iterator[str]:
    """Ask about a target whose values lie in two groups far apart.

    Args:
        target: Its header.
        sizes: Its values, shape (cells,).
    """
    known = np.sort(sizes[sizes > 0])
    if len(known) < 2:
        return
    gaps = known[1:] / known[:-1]
    place = int(np.argmax(gaps)) + 1
    low, high = known[:place], known[place:]
    if gaps[place - 1] <= GAP or min(len(low), len(high)) < MIN_SHARE * len(sizes):
        return
    yield (
        f"'{target}' holds two groups of values, and nothing between them: {_told(low)}, "
        f"{_told(high)}. Are they paid by the hour and by the year? A model of both predicts "
        f"neither: bring the rows of one alone, or bring a column that tells which is which."
    )


def _told(values: NDArray[np.float64]) -> str:
    return f"{len(values):,} rows from {values[0]:,.6g} to {values[-1]:,.6g}"
