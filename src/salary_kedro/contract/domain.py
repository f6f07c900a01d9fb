"""What the training rows covered, and warnings about rows that lie outside of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from salary_kedro.contract.columns import (
    EPOCH,
    Boolean,
    Category,
    Column,
    Date,
    Integer,
    Number,
)
from salary_kedro.contract.encoding import Row, Value, encode
from salary_kedro.contract.model import Contract

MAX_SHOWN = 40


class Domain(BaseModel):
    """What the training rows covered, by field name.

    Attributes:
        ranges: Smallest and largest training value, as the model saw it: of a date, days
            since 1970.
        categories: The categories that were met, often enough where they are learned,
            in alphabetical order.
    """

    model_config = ConfigDict(frozen=True)

    ranges: Mapping[str, tuple[float, float]] = {}
    categories: Mapping[str, tuple[str, ...]] = {}


class DomainCheck:
    """Tells what in a row lies outside the training data."""

    def __init__(self, domain: Domain, contract: Contract) -> None:
        """Prepare the checks; a field that the domain does not know is not checked."""
        self._columns = contract.inputs
        self._ranges = domain.ranges
        self._met = {name: frozenset(texts) for name, texts in domain.categories.items()}

    def warn(self, row: Row) -> list[str]:
        """One sentence for each value of a checked row that training did not cover."""
        return list(self.warn_by_field(row).values())

    def warn_by_field(self, row: Row) -> dict[str, str]:
        """The same, by the name of the field."""
        pairs = zip(row, self._columns, strict=True)
        return {column.name: text for value, column in pairs if (text := self._warn(value, column))}

    def _warn(self, value: Value, column: Column) -> str | None:
        if value is None:
            return None
        if isinstance(column, Category):
            met = self._met.get(column.name)
            return None if met is None or value in met else unmet(column, str(value))
        if column.name not in self._ranges:
            return None
        low, high = self._ranges[column.name]
        return None if low <= float(encode(value, column)) <= high else outside(column, low, high)


def outside(column: Column, low: float, high: float) -> str:
    """The warning about a value beyond the training range."""
    ends = f"{_show(low, column)} to {_show(high, column)} {column.unit}".rstrip()
    return f"{column.label} is outside the training range: {ends}"


def unmet(column: Column, text: str) -> str:
    """The warning about a category that training did not meet."""
    shown = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
    return f"{column.label} '{shown}' did not occur in the training data"


def as_json(value: float, column: Column) -> float | str:
    """One end of a range as requests hold it: a day as its ISO text."""
    match column:
        case Number() | Integer() | Boolean() | Category():
            return value
        case Date():
            return (EPOCH + timedelta(days=value)).isoformat()
    assert_never(column)


def _show(value: float, column: Column) -> str:
    end = as_json(value, column)
    return end if isinstance(end, str) else f"{end:.15g}"
