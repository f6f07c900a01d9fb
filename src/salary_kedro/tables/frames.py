"""Clean tables as a fitted Pipeline takes them, and what training rows covered."""

from typing import assert_never

import numpy as np
import pandas as pd
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
from salary_kedro.contract.domain import Domain, outside, unmet
from salary_kedro.contract.encoding import Encoded
from salary_kedro.contract.model import Contract

SECONDS = 86_400
#: An odd number whose bits are mixed well: 2**64 over the golden ratio.
FACTOR = np.uint64(0x9E3779B97F4A7C15)


def encode_frame(clean: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Encode a clean table as `encode_rows` does rows.

    Returns:
        The contract's inputs, in their order, under their field names: float64 with NaN
        for what is missing; categories as objects.
    """
    return pd.DataFrame(
        {column.name: encode_column(clean[column.name], column) for column in contract.inputs}
    )


def encoded_columns(encoded: pd.DataFrame, contract: Contract) -> list[Encoded]:
    """The columns of an encoded table, as a bundle takes them, see `contract.encoding`."""
    return [
        encoded[column.name].tolist()
        if isinstance(column, Category)
        else encoded[column.name].to_numpy(dtype="float64")
        for column in contract.inputs
    ]


def encode_column(values: pd.Series, column: Column) -> pd.Series:
    """Encode a clean column: float64 with NaN for what is missing, or objects if a category."""
    match column:
        case Number() | Integer() | Boolean():
            return values.astype("float64")
        case Category():
            return values.astype(object)
        case Date():
            days = (values - pd.Timestamp(EPOCH)).dt.total_seconds() / SECONDS
            return days.astype("float64")
    assert_never(column)


def equal_rows(clean: pd.DataFrame) -> pd.Series:
    """Number the different rows of a clean table from 0, in their order; equal ones share one.

    Only rows that share a hash are compared.
    """
    hashes = _hashes(clean)
    ordered = np.sort(hashes)  # in a fraction of the time of a hash table
    shared = ordered[1:][ordered[1:] == ordered[:-1]]
    firsts = np.arange(len(clean))  # the place of the first row that is equal
    if len(shared):
        columns = list(clean.columns)
        alike = pd.Series(hashes).isin(shared).to_numpy()
        groups = clean[alike].groupby(columns, sort=False, dropna=False, observed=True).ngroup()
        places = np.flatnonzero(alike)
        firsts[places] = places[~groups.duplicated()][groups]
    is_first = firsts == np.arange(len(clean))
    return pd.Series((np.cumsum(is_first) - 1)[firsts], index=clean.index)


def count_repeats(clean: pd.DataFrame) -> int:
    """Count the rows of a clean table that are equal to an earlier one."""
    return len(clean) - int(equal_rows(clean).max() + 1) if len(clean) else 0


def _hashes(clean: pd.DataFrame) -> NDArray[np.uint64]:
    """Numbers that are the same for equal rows of one table, and hardly ever for others."""
    found = np.zeros(len(clean), dtype=np.uint64)
    for name in clean.columns:
        found ^= _bits(clean[name])
        found *= FACTOR
        found ^= found >> np.uint64(32)
    return found


def _bits(values: pd.Series) -> NDArray[np.uint64]:
    """64 bits a cell, the same for equal cells of one column."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes = values.cat.codes.to_numpy()
    elif values.dtype == "float64":
        numbers = values.to_numpy() + 0.0  # -0.0 + 0.0 is 0.0
        return np.where(np.isnan(numbers), np.nan, numbers).view(np.uint64)
    elif values.dtype == "boolean":
        codes = values.to_numpy(dtype=np.int8, na_value=-1)
    elif values.dtype.kind == "M" and isinstance(values.dtype, np.dtype):
        return values.to_numpy().view(np.uint64)
    else:
        codes = pd.factorize(values)[0]
    return codes.astype(np.int64).view(np.uint64)


def learn_domain(train: pd.DataFrame, contract: Contract) -> Domain:
    """Learn what clean training rows cover, column by column."""
    encoded = encode_frame(train, contract)
    ranges, categories, others = {}, {}, []
    for column in contract.inputs:
        values = encoded[column.name].dropna()
        match column:
            case Category():
                met = categories[column.name] = _met(values, column)
                if not values.isin(met).all():
                    others.append(column.name)
            case Number() | Integer() | Date():
                if len(values):
                    ranges[column.name] = (float(values.min()), float(values.max()))
            case Boolean():
                pass
            case _:
                assert_never(column)
    return Domain(ranges=ranges, categories=categories, others=tuple(others))


def _met(values: pd.Series, column: Category) -> tuple[str, ...]:
    counts = values.value_counts()
    return tuple(sorted(counts.index[counts >= column.min_count]))


def domain_warnings(encoded: pd.DataFrame, domain: Domain, contract: Contract) -> pd.Series:
    """Warnings about rows outside of what training covered.

    Args:
        encoded: The rows as `encode_frame` gives them.
        domain: What training covered.
        contract: Names the columns.

    Returns:
        One text a row, indexed alike: its warnings, joined by "; ", often none.
    """
    warnings = pd.Series("", index=encoded.index, dtype="str")
    for column in contract.inputs:
        found = _column_warnings(encoded[column.name].dropna(), domain, column)
        warnings[found.index] = join_warnings(warnings[found.index], found)
    return warnings


def join_warnings(first: pd.Series, second: pd.Series) -> pd.Series:
    """Join two texts a row, either of which may be empty."""
    both = (first != "") & (second != "")
    return first.where(~both, first + "; ") + second


def _column_warnings(values: pd.Series, domain: Domain, column: Column) -> pd.Series:
    if isinstance(column, Category):
        met = domain.met(column.name)
        strange = values[:0] if met is None else values[~values.isin(met)]
        return strange.map(lambda text: unmet(column, text)).astype("str")
    if column.name not in domain.ranges:
        return pd.Series([], dtype="str", index=values.index[:0])
    low, high = domain.ranges[column.name]
    strange = values[(values < low) | (values > high)]
    return pd.Series(outside(column, low, high), index=strange.index, dtype="str")
