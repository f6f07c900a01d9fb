"""Finds what of a raw table is not checked at all: lines that are no rows, and filtered ones."""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from salary_kedro.contract.model import CsvDialect, TableRules
from salary_kedro.tables.columns import plain_spelling, to_texts

#: Why rows are left out, as reports call it, and in words.
NO_ROW, FILTERED, REPEATED = "no_rows", "filtered", "dropped"
WORDS = {
    NO_ROW: "left out as lines that are not rows",
    FILTERED: "left out by the filter",
    REPEATED: "left out as repeats of an earlier row",
}


#: From so many rows on, a last value that is the sum of the others is no accident.
MIN_SUMMED = 5
#: How sure it is that a line is no row.
SURE, ALONE = "surely", "if it stands alone"


def find_left_out(
    raw: pd.DataFrame, rules: TableRules, no_rows: pd.Index | None = None
) -> Mapping[str, pd.Index]:
    """Labels of the rows that are left out before any is checked, by why.

    Args:
        raw: The raw table, under its own headers.
        rules: The table's rules.
        no_rows: Which of its lines are no rows, if a part of its columns is given alone.
    """
    no_rows = find_no_rows(raw, rules.csv) if no_rows is None else no_rows
    others = raw.drop(index=no_rows) if len(no_rows) else raw
    spell, passed = plain_spelling(rules), pd.Series(data=True, index=others.index)
    for name, texts in rules.filter.items():
        passed &= to_texts(others[name], spell).isin([*map(spell, texts)])
    found = {NO_ROW: no_rows, FILTERED: others.index[~passed]}
    return {why: rows for why, rows in found.items() if len(rows)}


def find_no_rows(raw: pd.DataFrame, csv: CsvDialect) -> pd.Index:
    """Labels of the lines whose first cell that is not empty begins as no person's does.

    It is a footer's text, or that and then a sign or a number; or that as a word, and no other
    cell is filled.

    Args:
        raw: All columns of the lines; what is the first one of some is another's.
        csv: By what such lines begin.
    """
    if not csv.comment and not csv.footer:
        return raw.index[:0]
    firsts = first_texts(raw)
    said = {text: _begins(text, csv) for text in firsts.unique()}
    begins = firsts.map(said)
    rows = raw.loc[firsts.index[begins == ALONE]]
    alone = (rows.notna() & (rows.astype("str") != "")).sum(axis="columns") <= 1
    return firsts.index[begins == SURE].union(rows.index[alone])


def ends_in_sum(numbers: "pd.Series[float]") -> bool:
    """Tell whether the last number is the sum of those before it, of five or more."""
    if len(numbers) <= MIN_SUMMED:
        return False
    return is_sum(float(numbers.iloc[-1]), float(numbers.iloc[:-1].sum()))


def is_sum(last: float, above: float) -> bool:
    """Tell whether a number is the sum of those above it."""
    return last != 0 and bool(np.isclose(last, above, rtol=1e-9))


def _begins(text: str, csv: CsvDialect) -> str:
    """Whether a line that begins with a text is surely no row, or only if nothing follows."""
    plain, found = text.casefold(), ""
    if csv.comment and plain.startswith(csv.comment):
        return SURE
    for word in (footer.strip().casefold() for footer in csv.footer):
        rest = plain.removeprefix(word)
        if plain.startswith(word) and re.match(r"$|\s*[^\w\s]|\s+[0-9]", rest):
            return SURE
        if plain.startswith(word) and rest[:1].isspace():
            found = ALONE
    return found


def first_texts(raw: pd.DataFrame) -> pd.Series:
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
