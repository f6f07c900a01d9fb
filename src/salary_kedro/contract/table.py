"""Checks tables against the contract: every broken row gets its line and its reasons."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandas.api.types import (
    is_bool_dtype,
    is_numeric_dtype,
    is_object_dtype,
    is_string_dtype,
)
from pandera.config import ValidationDepth, config_context

from salary_kedro.contract.model import Column, Contract, ContractError, Feature

HEADER_LINES = 1


def check_header(header: Sequence[object], contract: Contract) -> None:
    """Check that a raw table has every column of the contract.

    Raises:
        ContractError: Names the missing columns, the ones found, and the likely cause;
            or a column that is there twice.
    """
    # pandas has renamed a second column of the same name.
    names = [column.column for column in contract.columns]
    twice = [name for name in names if f"{name}.1" in header and f"{name}.1" not in names]
    if twice:
        raise ContractError(
            f"the table has more than one column '{twice[0]}': give each a name of its own"
        )
    missing = [column.column for column in contract.columns if column.column not in header]
    if not missing:
        return
    found = ", ".join(f"'{name}'" for name in header)
    wanted = ", ".join(f"'{name}'" for name in missing)
    hint = "correct the file's header, or `column` in contract.yml"
    if len(header) == 1 and (delimiter := _other_delimiter(str(header[0]))):
        quoted = '"\\t"' if delimiter == "\t" else repr(delimiter)  # as YAML reads it
        setting = f"load_args: {{sep: {quoted}}}"
        hint = f"its delimiter seems to be {delimiter!r}: set `{setting}` in catalog.yml"
    raise ContractError(f"the table has no column {wanted}; it has {found}: {hint}")


def _other_delimiter(header: str) -> str | None:
    return next((mark for mark in (";", "\t", "|", ",") if mark in header), None)


def table_schema(contract: Contract) -> pa.DataFrameSchema:
    """Derive the pandera schema of a table whose columns bear the contract's field names."""
    return pa.DataFrameSchema(
        {column.name: _schema_column(column) for column in contract.columns}, strict=True
    )


def _schema_column(column: Column) -> pa.Column:
    checks = [pa.Check.in_range(-column.limit, column.limit)]
    if column.kind == "integer":
        checks.append(pa.Check(lambda values: values == np.floor(values), name="whole"))
    for check, bound in (
        (pa.Check.ge, column.minimum),
        (pa.Check.le, column.maximum),
        (pa.Check.gt, column.exclusive_minimum),
        (pa.Check.lt, column.exclusive_maximum),
    ):
        if bound is not None:
            checks.append(check(bound))
    return pa.Column("float64", checks, nullable=_may_be_missing(column))


def _may_be_missing(column: Column) -> bool:
    return isinstance(column, Feature) and not column.required


def read_columns(raw: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Take the contract's columns out of a raw table, as float64 under their field names.

    What is not a number becomes NaN.
    """
    return pd.DataFrame({column.name: _to_float(raw[column.column]) for column in contract.columns})


def _to_float(values: pd.Series) -> pd.Series:
    if not (is_numeric_dtype(values) or is_string_dtype(values) or is_object_dtype(values)):
        return pd.Series(np.nan, index=values.index)  # dates are no numbers
    if is_bool_dtype(values):
        return pd.Series(np.nan, index=values.index)
    if is_object_dtype(values):
        values = values.mask(
            values.map(lambda value: isinstance(value, bool))
        )  # nor are truth values among others
    return pd.to_numeric(values, errors="coerce").astype("float64")


def find_problems(raw: pd.DataFrame, clean: pd.DataFrame, contract: Contract) -> pd.Series:
    """Find the rows that break the contract, all failures of a row at once.

    Args:
        raw: The raw table, one row a record, under its own headers.
        clean: The same rows as `read_columns` gives them.
        contract: What the rows must keep to.

    Returns:
        One string a broken row, indexed like the table: the reasons, each naming
        its column and what is allowed, never the value.
    """
    broken = _broken_cells(clean, contract)
    parts = [_reasons(raw, clean, column, broken) for column in contract.columns]
    reasons: pd.Series = pd.concat(parts).groupby(level=0, sort=True).agg("; ".join)
    return reasons


def _broken_cells(clean: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """The cells pandera refuses: columns `column` and `index`, once each."""
    try:
        # Nothing in the environment may switch the contract off.
        with config_context(
            validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA
        ):
            table_schema(contract).validate(clean, lazy=True)
    except pa.errors.SchemaErrors as error:
        cells: pd.DataFrame = error.failure_cases[["column", "index"]].drop_duplicates()
        return cells
    return pd.DataFrame({"column": [], "index": []})


def _reasons(
    raw: pd.DataFrame, clean: pd.DataFrame, column: Column, broken: pd.DataFrame
) -> pd.Series:
    """Why each row breaks the contract in one column, for the rows that do."""
    missing = raw[column.column].isna()
    unreadable = clean[column.name].isna() & ~missing
    refused = clean.index.isin(broken.loc[broken["column"] == column.name, "index"])
    rows = unreadable | refused
    texts = np.select(
        [unreadable[rows], missing[rows]],
        [f"{column.column}: not a number", f"{column.column}: missing"],
        default=f"{column.column}: must be {column.allowed}",
    )
    return pd.Series(texts, index=clean.index[rows], dtype="str")


def line_numbers(raw: pd.DataFrame) -> pd.Series:
    """Line on which each record starts in its file, the header being line 1.

    Quoted cells may hold line breaks; the lines they add are counted.
    """
    added = pd.Series(0.0, index=raw.index)
    texts: pd.DataFrame = raw.select_dtypes("str")
    for name in texts.columns:
        added += texts[name].str.count("\n").fillna(0)
    header = HEADER_LINES + sum(str(name).count("\n") for name in raw.columns)
    before = added.cumsum().shift(fill_value=0)
    return (before + np.arange(len(raw)) + header + 1).astype("int64")
