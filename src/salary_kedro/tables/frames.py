"""Clean tables as a fitted Pipeline takes them, and what training rows covered."""

import pandas as pd

from salary_kedro.contract.columns import EPOCH, Boolean, Category, Column, Date
from salary_kedro.contract.domain import Domain, outside, unmet
from salary_kedro.contract.model import Contract

SECONDS = 86_400


def encode_frame(clean: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Encode a clean table as `encode_rows` does rows.

    Returns:
        The contract's inputs, in their order, under their field names: float64 with NaN
        for what is missing; categories as objects.
    """
    return pd.DataFrame(
        {column.name: _encode(clean[column.name], column) for column in contract.inputs}
    )


def _encode(values: pd.Series, column: Column) -> pd.Series:
    if isinstance(column, Category):
        return values.astype(object)
    if isinstance(column, Date):
        days = (values - pd.Timestamp(EPOCH)).dt.total_seconds() / SECONDS
        return days.astype("float64")
    return values.astype("float64")


def learn_domain(train: pd.DataFrame, contract: Contract) -> Domain:
    """Learn what clean training rows cover, column by column."""
    encoded = encode_frame(train, contract)
    ranges, categories = {}, {}
    for column in contract.inputs:
        values = encoded[column.name].dropna()
        if isinstance(column, Category):
            categories[column.name] = _met(values, column)
        elif len(values) and not isinstance(column, Boolean):
            ranges[column.name] = (float(values.min()), float(values.max()))
    return Domain(ranges=ranges, categories=categories)


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
        before = warnings[found.index]
        warnings[found.index] = before.where(before == "", before + "; ") + found
    return warnings


def _column_warnings(values: pd.Series, domain: Domain, column: Column) -> pd.Series:
    if column.name in domain.categories:
        strange = values[~values.isin(domain.categories[column.name])]
        return strange.map(lambda text: unmet(column, text)).astype("str")
    if column.name not in domain.ranges:
        return pd.Series([], dtype="str", index=values.index[:0])
    low, high = domain.ranges[column.name]
    strange = values[(values < low) | (values > high)]
    return pd.Series(outside(column, low, high), index=strange.index, dtype="str")
