"""Reads the cells of raw columns as what the contract says they are."""

from collections.abc import Callable
from typing import assert_never

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import (
    infer_dtype,
    is_bool_dtype,
    is_datetime64_any_dtype,
    is_numeric_dtype,
    is_object_dtype,
    is_string_dtype,
)

from salary_kedro.contract.columns import Boolean, Category, Column, Date, Integer, Number
from salary_kedro.contract.model import Contract, CsvDialect, TableRules
from salary_kedro.contract.spelling import NumberReader, tidy
from salary_kedro.tables.csv_arguments import KNOWN_MISSING, listed_texts

HUNDRED_YEARS = pd.DateOffset(years=100)


def read_columns(raw: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Take the contract's columns out of a raw table, typed, under their field names.

    Numbers become float64, categories pandas' `category` of texts, booleans
    `boolean`, dates `datetime64[ms]`. What is not of its kind becomes missing.
    """
    columns = {column.name: _read(raw, column, contract.table) for column in contract.columns}
    return pd.DataFrame(columns, copy=False)


def _read(raw: pd.DataFrame, column: Column, rules: TableRules) -> pd.Series:
    values = raw[column.column]
    match column:
        case Number() | Integer():
            numbers = _to_float(values, column, rules.csv)
            for conversion in column.conversions:
                factors = factor_of(raw[conversion.column], conversion.factors, rules)
                numbers = numbers * factors
            return numbers
        case Category():
            return to_texts(values, _spelling(column, rules))
        case Boolean():
            known = dict.fromkeys(column.true_values, True)
            known |= dict.fromkeys(column.false_values, False)
            texts = to_texts(values, _spelling(column, rules))
            return _recode(texts, pd.Series(known, dtype="boolean"))
        case Date():
            return _to_days(values, column, rules)
    assert_never(column)


def missing_cells(values: pd.Series, column: Column, rules: TableRules) -> "pd.Series[bool]":
    """Tell which cells of a raw column have no value: empty ones, and the texts that say so."""
    empty = values.isna() | (values == "")
    if is_numeric_dtype(values) and not is_bool_dtype(values):
        return empty | values.isin(_codes(column))
    if is_datetime64_any_dtype(values):
        return empty
    texts = to_texts(values, _spelling(column, rules))
    if isinstance(column, Number | Integer):
        codes = _codes(column)
        read = NumberReader(rules.csv, column.written).read
        marked = [text for text in texts.cat.categories if codes and read(text) in codes]
        return empty | texts.isna() | texts.isin(marked)
    return empty | texts.isna()


def factor_of(texts: pd.Series, factors: object, rules: TableRules) -> "pd.Series[float]":
    """By what each row's text multiplies a number; missing for a text that is not listed."""
    known = pd.Series(factors, dtype="float64")
    found: pd.Series[float] = _recode(to_texts(texts, plain_spelling(rules)), known)
    return found


def plain_spelling(rules: TableRules) -> Callable[[str], str]:
    """A raw text that has no column of the contract, as texts of rules are compared with it."""
    return tidy if rules.trim else str


def _spelling(column: Column, rules: TableRules) -> Callable[[str], str]:
    """How a raw text of a column is understood; an empty text for one that means no value."""
    plain = plain_spelling(rules)
    listed = frozenset(listed_texts(column))
    lacking = {*map(plain, (*column.missing_values, *(rules.csv.missing or ()))), ""} - listed
    # Those of CSV that have spaces around them, which pandas leaves.
    padded = set(KNOWN_MISSING) - listed if rules.csv.missing is None else set()

    def spell(given: str) -> str:
        if given in listed:
            return given
        text = plain(given)
        if text in lacking or (text in padded and text != given):
            return ""
        return column.spelled(text, trim=rules.trim) if isinstance(column, Category) else text

    return spell


def _to_float(values: pd.Series, column: Number | Integer, csv: CsvDialect) -> pd.Series:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if is_object_dtype(values):
        numbers = _mixed_numbers(values, column, csv)
    elif is_string_dtype(values):
        numbers = _numbers(values, column, csv)
    elif is_bool_dtype(values) or not is_numeric_dtype(values):
        return pd.Series(np.nan, index=values.index)
    else:
        numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    codes = _codes(column)
    return numbers.mask(numbers.isin(codes)) if codes else numbers


def _mixed_numbers(values: pd.Series, column: Number | Integer, csv: CsvDialect) -> pd.Series:
    """Numbers among cells of several types; booleans are none."""
    is_text = values.map(lambda value: isinstance(value, str)).astype("bool")
    is_truth = values.map(lambda value: isinstance(value, bool | np.bool_)).astype("bool")
    numbers = pd.to_numeric(values.mask(is_text | is_truth), errors="coerce").astype("float64")
    return numbers.where(~is_text, _numbers(values.where(is_text).astype("str"), column, csv))


def _numbers(texts: pd.Series, column: Number | Integer, csv: CsvDialect) -> pd.Series:
    """Texts of numbers as a column writes them; each is read once, however often it comes."""
    codes, found = pd.factorize(texts)
    numbers = np.append(_each_number(pd.Index(found), column, csv), np.nan)  # missing: -1
    return pd.Series(numbers[codes], index=texts.index)


def _each_number(texts: pd.Index, column: Number | Integer, csv: CsvDialect) -> NDArray[np.float64]:
    reader = NumberReader(csv, column.written)
    plain = pd.Series(texts, dtype="str")
    numbers = pd.Series(np.nan, index=plain.index)
    if csv.decimal == "." and not (column.written and column.written.values):
        numbers = pd.to_numeric(plain, errors="coerce").astype("float64")
    others = plain[numbers.isna()]  # what Python does not write so
    found = [reader.read(text) for text in others]
    whole = numbers.fillna(pd.Series(found, index=others.index, dtype="float64"))
    return np.asarray(whole, dtype=np.float64)


def _codes(column: Column) -> list[float]:
    """The numbers among the texts that mean no value."""
    if not isinstance(column, Number | Integer):
        return []
    read = NumberReader(CsvDialect()).read
    return [number for text in column.missing_values if (number := read(text)) is not None]


def to_texts(values: pd.Series, spell: Callable[[str], str] = str) -> pd.Series:
    """Cells as texts, a whole number without a decimal point; an empty text is missing.

    Args:
        values: Raw cells.
        spell: What becomes of each text.
    """
    if is_object_dtype(values):  # they may be of several types, and not all can be hashed
        values = values.map(_text, na_action="ignore").astype("str")
    if not isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype("category")
    known = pd.Index([spell(_text(value)) for value in values.cat.categories.tolist()], dtype="str")
    texts = known.unique().drop("", errors="ignore")
    if len(texts) == len(known):
        return values.cat.rename_categories(texts.tolist())
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


def _to_days(values: pd.Series, column: Date, rules: TableRules) -> pd.Series:
    if is_object_dtype(values) and infer_dtype(values, skipna=True) == "date":
        values = pd.to_datetime(values)
    if is_datetime64_any_dtype(values):
        days: pd.Series = values.dt.tz_localize(None).dt.normalize().astype("datetime64[ms]")
        return days
    texts = to_texts(values, _spelling(column, rules))
    known = texts.cat.categories
    found = pd.to_datetime(known, format=column.format, errors="coerce")
    midnights = pd.Series(_in_century(found, column).normalize(), index=known)
    return _recode(texts, midnights.astype("datetime64[ms]"))


def _in_century(days: pd.DatetimeIndex, column: Date) -> pd.DatetimeIndex:
    """Days of two-digit years, in the hundred years up to the pivot if there is one."""
    if column.pivot_year is None or "%y" not in column.format:
        return days
    days = days.where(~(days.year > column.pivot_year), days - HUNDRED_YEARS)
    return days.where(~(days.year <= column.pivot_year - 100), days + HUNDRED_YEARS)
