"""Puts the chunks of a CSV file together as if pandas had read it at once, in less memory."""

from collections.abc import Sequence

import pandas as pd
from pandas.api.types import union_categoricals

#: Whole numbers up to here, of either sign, are exact as float64.
EXACT = 2**53


def put_together(chunks: Sequence[pd.DataFrame]) -> pd.DataFrame | None:
    """Put the chunks of a table together, which share their headers.

    Of each cell, pandas decides by its column what it is, so that chunks may differ in that.

    Returns:
        What pandas reads at once, numbered from 0; None if the chunks do not tell what that is.
    """
    if len(chunks) == 1:
        return chunks[0]
    names, found = chunks[0].columns, []
    for place in range(len(names)):
        column = _joined([chunk.iloc[:, place] for chunk in chunks])
        if column is None:
            return None
        found.append(column)
    return pd.concat(found, axis="columns", keys=names)


def _joined(parts: Sequence[pd.Series]) -> pd.Series | None:
    """A column of all parts; None if these differ in more than whole numbers and others."""
    dtypes = {str(part.dtype) for part in parts}
    if dtypes == {"category"}:
        return _joined_categories(parts)
    if dtypes == {"int64", "float64"} and all(map(_is_exact, parts)):
        return pd.concat(parts, ignore_index=True)
    return pd.concat(parts, ignore_index=True) if len(dtypes) == 1 else None


def _joined_categories(parts: Sequence[pd.Series]) -> pd.Series | None:
    """Categories in their order, as pandas sorts those that it reads at once."""
    if len({str(part.cat.categories.dtype) for part in parts}) > 1:
        return None
    return pd.Series(union_categoricals([*parts], sort_categories=True))


def _is_exact(numbers: pd.Series) -> bool:
    """Whether no number loses a digit as float64."""
    return numbers.dtype == "float64" or -EXACT <= numbers.min() <= numbers.max() <= EXACT
