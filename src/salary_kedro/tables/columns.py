"""Reads the cells of raw columns as what the contract says they are."""

from typing import assert_never

import numpy as np
import pandas as pd
from pandas.api.types import (
    infer_dtype,
    is_bool_dtype,
    is_datetime64_any_dtype,
    is_numeric_dtype,
    is_object_dtype,
    is_string_dtype,
)

from salary_kedro.contract.columns import Boolean, Category, Column, Date, Integer, Number
from salary_kedro.contract.model import Contract, CsvDialect


def read_columns(raw: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Take the contract's columns out of a raw table, typed, under their field names.

    Numbers become float64, categories pandas' `category` of texts, booleans
    `boolean`, dates `datetime64[ms]`. What is not of its kind becomes missing.
    """
    csv = contract.table.csv
    return pd.DataFrame(
        {column.name: _read(raw[column.column], column, csv) for column in contract.columns}
    )


def _read(values: pd.Series, column: Column, csv: CsvDialect) -> pd.Series:
    match column:
        case Number() | Integer():
            return _to_float(values, csv)
        case Category():
            return _to_texts(values)
        case Boolean():
            known = dict.fromkeys(column.true_values, True)
            known |= dict.fromkeys(column.false_values, False)
            return _recode(_to_texts(values), pd.Series(known, dtype="boolean"))
        case Date():
            return _to_days(values, column)
    assert_never(column)


def _to_float(values: pd.Series, csv: CsvDialect) -> pd.Series:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if is_object_dtype(values):  # booleans among others are no numbers
        values = values.mask(values.map(lambda value: isinstance(value, bool)))
    elif is_string_dtype(values):
        values = _plain_numbers(values, csv)
    elif is_bool_dtype(values) or not is_numeric_dtype(values):
        return pd.Series(np.nan, index=values.index)
    return pd.to_numeric(values, errors="coerce").astype("float64")


def _plain_numbers(texts: pd.Series, csv: CsvDialect) -> pd.Series:
    """Texts of numbers as Python writes them.

    pandas applies a dialect's marks to a column of numbers alone: one cell that is none
    makes it a column of texts.
    """
    if csv.thousands:
        texts = texts.str.replace(csv.thousands, "", regex=False)
    if csv.decimal != ".":
        texts = texts.mask(texts.str.contains(".", regex=False, na=False))
        texts = texts.str.replace(csv.decimal, ".", regex=False)
    return texts


def _to_texts(values: pd.Series) -> pd.Series:
    """Cells as texts, a whole number without a decimal point; an empty text is missing."""
    if is_object_dtype(values):  # they may be of several types, and not all can be hashed
        values = values.map(_text, na_action="ignore").astype("str")
    if not isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype("category")
    known = values.cat.categories.map(_text).astype("str")
    texts = known.unique().drop("", errors="ignore")
    if len(texts) == len(known):
        return values.cat.rename_categories(list(texts))
    places = np.append(texts.get_indexer(known), -1)  # a missing cell has the code -1
    found = places[values.cat.codes.to_numpy()]
    return pd.Series(pd.Categorical.from_codes(found, texts), index=values.index)


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _recode(texts: pd.Series, values: pd.Series) -> pd.Series:
    """Replace each text by its value; missing where it has none."""
    by_code = values.reindex(texts.cat.categories).array
    found = by_code.take(texts.cat.codes.to_numpy(), allow_fill=True)
    return pd.Series(found, index=texts.index)


def _to_days(values: pd.Series, column: Date) -> pd.Series:
    if is_object_dtype(values) and infer_dtype(values, skipna=True) == "date":
        values = pd.to_datetime(values)
    if is_datetime64_any_dtype(values):
        days: pd.Series = values.dt.tz_localize(None).dt.normalize().astype("datetime64[ms]")
        return days
    texts = _to_texts(values)
    known = texts.cat.categories
    midnights = pd.to_datetime(known, format=column.format, errors="coerce").normalize()
    return _recode(texts, pd.Series(midnights, index=known).astype("datetime64[ms]"))
