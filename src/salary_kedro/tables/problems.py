"""Finds the rows that break the contract, or the rules of the table as a whole."""

from collections.abc import Iterable, Mapping
from typing import Any, assert_never, cast

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.config import ValidationDepth, config_context

from salary_kedro.contract.columns import (
    MAX_TEXT,
    Boolean,
    Category,
    Column,
    Date,
    Integer,
    Number,
)
from salary_kedro.contract.model import Contract, TableRules
from salary_kedro.contract.spelling import Conversion
from salary_kedro.tables.columns import factor_of, missing_cells, plain_spelling, to_texts
from salary_kedro.tables.csv_arguments import listed_texts

#: Why a row is rejected that is the same as an earlier one, if that is forbidden.
SAME_ROW = "repeats an earlier row"


def find_problems(
    raw: pd.DataFrame, clean: pd.DataFrame, contract: Contract
) -> dict[str, pd.Series]:
    """Find the rows that break the contract, all failures of a row at once.

    Args:
        raw: The raw table, one row a record, under its own headers.
        clean: The same rows as `read_columns` gives them.
        contract: What the rows must keep to.

    Returns:
        By field name, one string a row that is broken in that column, indexed like the
        table: the reason, which names the column and what is allowed, never the value.
    """
    broken, rules = _broken_cells(clean, contract), contract.table
    return {column.name: _reasons(raw, clean, column, broken, rules) for column in contract.columns}


def join_reasons(parts: Iterable[pd.Series]) -> pd.Series:
    """Join several findings: one string a row, in the order of the parts."""
    reasons = pd.concat(list(parts))
    if reasons.index.has_duplicates:
        reasons = reasons.groupby(level=0).agg("; ".join)
    return cast("pd.Series", reasons.sort_index())


def find_repeats(raw: pd.DataFrame, clean: pd.DataFrame, contract: Contract) -> pd.Series:
    """Find the rows that may not repeat earlier ones, but do, by the table's rules.

    Returns:
        One string a row that breaks a rule; the whole table is looked at.
    """
    found, rules = [], contract.table
    if key := list(rules.primary_key):
        cells = key_cells(raw, rules)
        lacking = cells.isna().any(axis="columns")
        again = cells.duplicated() & ~lacking
        found += [
            _say(f"{', '.join(key)}: a part of the key is missing", lacking),
            _say(same_key(rules), again),
        ]
    if rules.duplicates == "reject":
        found.append(_say(SAME_ROW, clean.duplicated()))
    return join_reasons(found) if found else pd.Series([], dtype="str", index=raw.index[:0])


def key_cells(raw: pd.DataFrame, rules: TableRules) -> pd.DataFrame:
    """The primary key of each row, as texts; missing where a part of it is."""
    spell = plain_spelling(rules)
    return pd.DataFrame({name: to_texts(raw[name], spell) for name in rules.primary_key})


def same_key(rules: TableRules) -> str:
    """Why a row is rejected that has the primary key of an earlier one."""
    return f"{', '.join(rules.primary_key)}: the key of an earlier row"


def _say(text: str, rows: pd.Series) -> pd.Series:
    return pd.Series(text, index=rows.index[rows], dtype="str")


def _broken_cells(clean: pd.DataFrame, contract: Contract) -> dict[str, pd.Series]:
    """Index labels of the cells that pandera refuses, by field name."""
    try:
        # Nothing in the environment may switch the contract off.
        with config_context(
            validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA
        ):
            # It changes nothing, but would copy the table first.
            table_schema(contract).validate(clean, lazy=True, inplace=True)
    except pa.errors.SchemaErrors as error:
        cells: pd.DataFrame = error.failure_cases[["column", "index"]].drop_duplicates()
        return {str(name): rows["index"] for name, rows in cells.groupby("column")}
    return {}


def _reasons(
    raw: pd.DataFrame,
    clean: pd.DataFrame,
    column: Column,
    broken: Mapping[str, pd.Series],
    rules: TableRules,
) -> pd.Series:
    """Why each row breaks the contract in one column, for the rows that do."""
    empty = clean.index[clean[column.name].isna()]
    missing = missing_cells(raw.loc[empty, column.column], column, rules).to_numpy()
    refused = pd.Index(broken.get(column.name, empty[:0]), dtype=clean.index.dtype)
    unreadable = empty[~missing]
    rows = refused.union(unreadable)
    texts = np.select(
        [rows.isin(unreadable), rows.isin(empty)],
        [f"{column.column}: {_unreadable(column)}", f"{column.column}: missing"],
        default=f"{column.column}: must be {column.allowed}",
    )
    reasons = pd.Series(texts, index=rows, dtype="str")
    if isinstance(column, Number | Integer):
        values = clean.loc[refused, column.name].dropna()
        for far in (values[values > column.limits.high], values[values < column.limits.low]):
            if len(far):
                reasons[far.index] = f"{column.column}: must be {column.wanted(float(far.iloc[0]))}"
        for conversion in column.conversions:
            factors = factor_of(raw.loc[unreadable, conversion.column], conversion.factors, rules)
            reasons[unreadable[factors.isna()]] = _unlisted(column, conversion)
    return reasons


def _unlisted(column: Column, conversion: Conversion) -> str:
    texts = ", ".join(f"'{text}'" for text in conversion.factors)
    return f"{conversion.column}: must be one of {texts}, by which {column.column} is converted"


def _unreadable(column: Column) -> str:
    match column:
        case Number() | Integer():
            return "not a number"
        case Category():
            return "not a text"
        case Boolean():
            texts = ", ".join(f"'{text}'" for text in listed_texts(column))
            return f"must be one of {texts}"
        case Date():
            return f"not a date written as {column.format} (`format` in contract.yml)"
    assert_never(column)


def table_schema(contract: Contract) -> pa.DataFrameSchema:
    """Derive the pandera schema of a table whose columns bear the contract's field names."""
    return pa.DataFrameSchema(
        {column.name: _schema_column(column) for column in contract.columns}, strict=True
    )


def _schema_column(column: Column) -> pa.Column:
    nullable = not column.required
    match column:
        case Category():
            return pa.Column(None, _text_checks(column), nullable=nullable)
        case Boolean():
            return pa.Column("boolean", nullable=nullable)
        case Date():
            return pa.Column("datetime64[ms]", _range_check(column), nullable=nullable)
        case Integer():
            whole = pa.Check(lambda values: values == np.floor(values), name="whole")
            return pa.Column("float64", [_range_check(column), whole], nullable=nullable)
        case Number():
            return pa.Column("float64", _range_check(column), nullable=nullable)
    assert_never(column)


def _text_checks(column: Category) -> list[pa.Check]:
    if column.listed is not None:
        return [pa.Check.isin(column.listed)]
    return [pa.Check.str_length(max_value=MAX_TEXT)]


def _range_check(column: Number | Integer | Date) -> pa.Check:
    """One check for all bounds of a column, and for what its kind can hold."""
    as_value: Any = pd.Timestamp if isinstance(column, Date) else float
    ends = column.interval
    return pa.Check.in_range(
        as_value(ends.low),
        as_value(ends.high),
        include_min=ends.low_inclusive,
        include_max=ends.high_inclusive,
    )
