"""Turns the values of rows into what a fitted Pipeline takes, for training and serving alike.

scikit-learn takes numbers and texts: a day becomes the number of days since 1970, yes and no
become 1 and 0. What must be learned from data stays in the Pipeline.
"""

import math
from collections.abc import Sequence
from datetime import date
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from salary_kedro.contract.columns import EPOCH, Category, Column, Date
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
    if isinstance(column, Category):
        return str(value)
    if isinstance(column, Date):
        day = value if isinstance(value, date) else date.fromisoformat(str(value))
        return float((day - EPOCH).days)
    return float(cast("float", value))  # a number or a truth value
