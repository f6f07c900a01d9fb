"""Turns the values of rows into what a fitted Pipeline takes, for training and serving alike.

scikit-learn takes numbers and texts: a day becomes the number of days since 1970, yes and no
become 1 and 0. What must be learned from data stays in the Pipeline.
"""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, assert_never, cast

import numpy as np
from numpy.typing import NDArray

from salary_kedro.contract.columns import (
    EPOCH,
    Boolean,
    Category,
    Column,
    Date,
    Integer,
    Number,
)
from salary_kedro.contract.model import Contract

#: A value as a checked request holds it; a day may be its ISO text, as JSON holds it.
Value = float | str | bool | date | None
Row = Sequence[Value]
#: A column as the model sees it: numbers with NaN for a missing one, or texts with None or NaN.
Encoded = NDArray[np.float64] | list[Any]


def encode_rows(rows: Sequence[Row], contract: Contract) -> NDArray[Any]:
    """Encode rows that are given by position.

    Args:
        rows: Each holds the contract's inputs in their order; None for a missing one.
        contract: Names the kinds.

    Returns:
        Shape (rows, inputs); float64 with NaN for what is missing, or objects if the
        model takes categories, which stay texts.
    """
    return as_matrix(encode_columns(rows, contract), contract)


def encode_columns(rows: Sequence[Row], contract: Contract) -> list[Encoded]:
    """Encode rows that are given by position, as columns, one for each input."""
    columns = zip(*rows, strict=True) if rows else [()] * len(contract.inputs)
    return [
        encode_column(values, column)
        for values, column in zip(columns, contract.inputs, strict=True)
    ]


def encode_column(values: Sequence[Value], column: Column) -> Encoded:
    """Encode a column of values, shape (rows,), as `encode` does one by one; a text stays one."""
    if isinstance(column, Category):
        return [*values]
    if isinstance(column, Date):
        return np.array([encode(value, column) for value in values], dtype=np.float64)
    return np.array(values, dtype=np.float64)  # which makes NaN of None


def as_matrix(columns: Sequence[Encoded], contract: Contract) -> NDArray[Any]:
    """Encoded columns as a fitted Pipeline takes them, see `encode_rows`."""
    kind = object if contract.has_categories else np.float64
    found = np.empty((len(columns[0]), len(columns)), dtype=kind)
    for place, values in enumerate(columns):
        is_text = isinstance(values, list)
        found[:, place] = [math.nan if v is None else v for v in values] if is_text else values
    return found


def encode(value: Value, column: Column) -> float | str:
    """Encode one value of a column."""
    if value is None:
        return math.nan
    match column:
        case Number() | Integer() | Boolean():
            return float(cast("float", value))
        case Category():
            return str(value)
        case Date():
            day = value if isinstance(value, date) else date.fromisoformat(str(value))
            return float((day - EPOCH).days)
    assert_never(column)


def decode(value: Any, column: Column) -> Value:
    """The value of a column that is encoded so: None for NaN, a day for whole days since 1970."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return None
    return EPOCH + timedelta(days=int(value)) if isinstance(column, Date) else value
