"""Turns the values of rows into what a fitted Pipeline takes, for training and serving alike.

scikit-learn takes numbers and texts: a day becomes the number of days since 1970, yes and no
become 1 and 0. What must be learned from data stays in the Pipeline.
"""

import math
from collections.abc import Sequence
from datetime import date
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


def encode_rows(rows: Sequence[Row], contract: Contract) -> NDArray[Any]:
    """Encode rows that are given by position.

    Args:
        rows: Each holds the contract's inputs in their order; None for a missing one.
        contract: Names the kinds.

    Returns:
        Shape (rows, inputs); float64 with NaN for what is missing, or objects if the
        model takes categories, which stay texts.
    """
    encoded = [
        [encode(value, column) for value, column in zip(row, contract.inputs, strict=True)]
        for row in rows
    ]
    return np.array(encoded, dtype=object if contract.has_categories else np.float64)


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
