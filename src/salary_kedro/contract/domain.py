"""What the training rows covered, and warnings about rows that lie outside of it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import assert_never

import numpy as np
from pydantic import BaseModel, ConfigDict

from salary_kedro.contract.columns import (
    EPOCH,
    Boolean,
    Category,
    Column,
    Date,
    Integer,
    Number,
    Target,
)
from salary_kedro.contract.encoding import Row, Value, encode
from salary_kedro.contract.interval import Interval
from salary_kedro.contract.model import Contract

MAX_SHOWN = 40


class Domain(BaseModel):
    """What the training rows covered, by field name.

    Attributes:
        ranges: Smallest and largest training value, as the model saw it: of a date, days
            since 1970.
        categories: The categories that were met, often enough where they are learned,
            in alphabetical order.
        others: Fields of learned categories of which training met rarer texts too: it knows
            what any other text is taken for.
    """

    model_config = ConfigDict(frozen=True)

    ranges: Mapping[str, tuple[float, float]] = {}
    categories: Mapping[str, tuple[str, ...]] = {}
    others: tuple[str, ...] = ()

    def met(self, name: str) -> tuple[str, ...] | None:
        """The texts of a field beside which any is strange; None if none is."""
        return None if name in self.others else self.categories.get(name)


class DomainCheck:
    """Tells what in a row lies outside the training data."""

    def __init__(self, domain: Domain, contract: Contract) -> None:
        """Prepare the checks; a field that the domain does not know is not checked."""
        self._columns = contract.inputs
        self._ranges = domain.ranges
        found = {name: domain.met(name) for name in domain.categories}
        self._met = {name: frozenset(texts) for name, texts in found.items() if texts is not None}

    def warn(self, row: Row) -> list[str]:
        """One sentence for each value of a checked row that training did not cover."""
        return list(self.warn_by_field(row).values())

    def warn_by_field(self, row: Row) -> dict[str, str]:
        """The same, by the name of the field."""
        pairs = zip(row, self._columns, strict=True)
        return {column.name: text for value, column in pairs if (text := self._warn(value, column))}

    def warn_columns(self, columns: Sequence[Sequence[Value]]) -> dict[int, dict[str, str]]:
        """The same for many rows, by the place of those with anything to warn of.

        Args:
            columns: Checked values of each input, in the contract's order; all equally long.
        """
        pairs = zip(columns, self._columns, strict=True)
        places = {place for values, column in pairs for place in self._beyond(values, column)}
        return {
            place: self.warn_by_field([values[place] for values in columns])
            for place in sorted(places)
        }

    def _beyond(self, values: Sequence[Value], column: Column) -> Sequence[int]:
        """The places of the values that training did not cover."""
        if isinstance(column, Category | Date):
            strange = {value for value in set(values) if self._warn(value, column)}
            return [place for place, x in enumerate(values) if x in strange] if strange else ()
        if column.name not in self._ranges:
            return ()
        low, high = self._ranges[column.name]
        numbers = np.array(values, dtype=np.float64)  # NaN where there is none
        places: list[int] = np.flatnonzero((numbers < low) | (numbers > high)).tolist()
        return places

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


def impossible(value: float, target: Target) -> str | None:
    """The warning about a prediction that the target itself may not be; None if it may."""
    if value in target.bounds:
        return None
    is_low = target.bounds.low is not None and value <= target.bounds.low
    remedy = ": a model with log_scale predicts no such value" if _may_log(target, is_low) else ""
    return f"{target.label} is predicted as {value:,.6g}, but must be {target.allowed}{remedy}"


def _may_log(target: Target, is_low: bool) -> bool:
    """Whether the logarithm would keep predictions above the lower bound."""
    return is_low and not target.log_scale and Interval.above(0).covers(target.bounds)


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
