"""Example rows made from the contract alone, never from anybody's data."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, assert_never

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

EXAMPLE_ROWS = 5


def example_rows(contract: Contract) -> list[list[Any]]:
    """Five rows of the contract's inputs, in their order, as JSON holds them.

    They go from one end of each range to the other; an example stands for an open end.
    """
    columns = [_values(column) for column in contract.inputs]
    return [list(row) for row in zip(*columns, strict=True)]


def _values(column: Column) -> list[Any]:
    match column:
        case Category():
            known = column.listed or (column.example,)
            return [known[i % len(known)] for i in range(EXAMPLE_ROWS)]
        case Boolean():
            return [column.example, *([False, True] * EXAMPLE_ROWS)][:EXAMPLE_ROWS]
        case Date():
            first, last = ((end - EPOCH).days for end in _range(column))
            days = np.linspace(first, last, EXAMPLE_ROWS).round()
            found = [EPOCH + timedelta(days=day) for day in days]
            return [day.isoformat() for day in _allowed(found, column)]
        case Integer():
            return [int(value) for value in _allowed(np.round(_spread(column)), column)]
        case Number():
            return [float(value) for value in _allowed(_spread(column), column)]
    assert_never(column)


def _spread(column: Number | Integer) -> NDArray[np.float64]:
    limits = column.limits
    low, high = (float(np.clip(end, limits.low, limits.high)) for end in _range(column))
    return low + np.linspace(0, 1, EXAMPLE_ROWS) * (high - low)


def _range(column: Number | Integer | Date) -> list[Any]:
    ends = (column.bounds.low, column.bounds.high)
    return [column.example if end is None else end for end in ends]


def _allowed(values: Iterable[Any], column: Number | Integer | Date) -> list[Any]:
    """The values; the column's own example in place of those that lie on an excluded end."""
    return [value if column.allows(value) else column.example for value in values]
