"""Nodes that take a table whole, or in parts."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from salary_kedro.partitions.table import PartedTable, RawTable


def either(whole: Callable[..., Any], parted: Callable[..., Any]) -> Callable[..., Any]:
    """A node function, and what it does instead where the catalog gives a table in parts."""

    @wraps(whole)
    def take(**inputs: Any) -> Any:
        in_parts = any(isinstance(value, PartedTable | RawTable) for value in inputs.values())
        return (parted if in_parts else whole)(**inputs)

    return take


def in_memory(whole: Callable[..., Any]) -> Callable[..., Any]:
    """A node function, which gets the sample of a table in parts."""

    @wraps(whole)
    def take(**inputs: Any) -> Any:
        return whole(
            **{
                name: value.in_memory() if isinstance(value, PartedTable) else value
                for name, value in inputs.items()
            }
        )

    return take
