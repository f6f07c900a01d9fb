"""Finds what of a raw table is not checked at all: lines that are no rows, and filtered ones."""

from collections.abc import Mapping

import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from salary_kedro.contract.model import CsvDialect, TableRules
from salary_kedro.tables.columns import plain_spelling, to_texts

#: Why rows are left out, as reports call it, and in words.
NO_ROW, FILTERED, REPEATED = "no_rows", "filtered", "dropped"
WORDS = {
    NO_ROW: "left out as lines that are no rows",
    FILTERED: "left out by the filter",
    REPEATED: "left out as repeats of an earlier row",
}


def find_left_out(raw: pd.DataFrame, rules: TableRules) -> Mapping[str, pd.Index]:
    """Labels of the rows that are left out before any is checked, by why.

    Args:
        raw: The raw table, under its own headers.
        rules: The table's rules.
    """
    no_rows = raw.index[_begins(raw, rules.csv)]
    others = raw.drop(index=no_rows) if len(no_rows) else raw
    spell, passed = plain_spelling(rules), pd.Series(data=True, index=others.index)
    for name, texts in rules.filter.items():
        passed &= to_texts(others[name], spell).isin([*map(spell, texts)])
    found = {NO_ROW: no_rows, FILTERED: others.index[~passed]}
    return {why: rows for why, rows in found.items() if len(rows)}


def _begins(raw: pd.DataFrame, csv: CsvDialect) -> "pd.Series[bool]":
    """Tell of which rows the first cell that is not empty begins as no person's does."""
    marks = tuple(text.strip().casefold() for text in (csv.comment or "", *csv.footer))
    if not any(marks):
        return pd.Series(data=False, index=raw.index)
    firsts = _first_texts(raw).str.strip().str.casefold()
    begins: pd.Series[bool] = firsts.str.startswith(tuple(filter(None, marks)))
    return begins


def _first_texts(raw: pd.DataFrame) -> pd.Series:
    """The first cell of each row that is not empty, if it is a text; else an empty text."""
    firsts, left = pd.Series("", index=raw.index, dtype="str"), raw.index
    for name in raw.columns:
        cells = raw.loc[left, name]
        is_text = not any(
            test(cells) for test in (is_numeric_dtype, is_bool_dtype, is_datetime64_any_dtype)
        )
        texts = to_texts(cells, str.strip).astype("str") if is_text else cells
        given = texts.notna()
        if is_text:
            firsts[left[given]] = texts[given]
        left = left[~given]
        if left.empty:
            break
    return firsts
