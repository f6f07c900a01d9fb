"""Example rows made from the contract alone, never from anybody's data."""

from datetime import timedelta
from typing import Any

import numpy as np

from salary_kedro.contract.columns import Boolean, Category, Column, Date, Integer
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
    low, high = (column.example if end is None else end for end in column.ends)
    shares = np.linspace(0, 1, EXAMPLE_ROWS)
    if isinstance(column, Date):
        days = (high - low).days
        return [(low + timedelta(days=round(share * days))).isoformat() for share in shares]
    values = low + shares * (high - low)
    return [float(value) for value in (np.round(values) if isinstance(column, Integer) else values)]
