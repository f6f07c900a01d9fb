"""Tells on which line of its file a record starts."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

HEADER_LINES = 1
#: Attributes of a frame: how people count its first row, if not by lines of CSV; on which
#: line of CSV the rows begin, if other lines stand above a header of one.
FIRST_ROW, FIRST_LINE = "first_row", "first_line"


def line_numbers(raw: pd.DataFrame, rows: pd.Index) -> pd.Series:
    """Line on which some records start in their file, the header being line 1.

    Quoted cells may hold line breaks; the lines they add are counted. A table that is no
    CSV says itself how its rows are counted.

    Args:
        raw: The whole table.
        rows: Labels of the records.
    """
    if rows.empty:
        return pd.Series([], dtype="int64", index=rows)  # most tables have no broken rows
    if FIRST_ROW in raw.attrs:
        return pd.Series(np.arange(len(raw)) + raw.attrs[FIRST_ROW], index=raw.index)[rows]
    first = raw.attrs.get(FIRST_LINE, HEADER_LINES + 1)
    first += sum(str(name).count("\n") for name in raw.columns)
    lines = np.arange(len(raw)) + first
    texts = raw.select_dtypes(["str", "category"])
    for name in texts:
        added = _line_breaks(texts[name])
        if added.any():
            lines[1:] += added.cumsum()[:-1]
    return pd.Series(lines, index=raw.index)[rows]


def _line_breaks(cells: pd.Series) -> NDArray[np.int64]:
    """Line breaks within each cell."""
    if isinstance(cells.dtype, pd.CategoricalDtype):
        within = [str(text).count("\n") for text in cells.cat.categories]
        by_code = np.array([*within, 0], dtype=np.int64)  # a missing cell has the code -1
        return by_code[cells.cat.codes.to_numpy()]
    return np.asarray(cells.str.count("\n").fillna(0), dtype=np.int64)
