"""Leaves out of a table what was recognised as no row, where that is sure."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from salary_kedro.contract.model import ContractError, CsvDialect
from salary_kedro.contract.spelling import tidy
from salary_kedro.tables.drafting.edges import PARTIAL, SUMS
from salary_kedro.tables.drafting.facts import Facts
from salary_kedro.tables.drafting.oddities import MAX_LINES
from salary_kedro.tables.left_out import ends_in_sum, find_no_rows, first_texts

#: What a line of sums is called, and how it begins if something follows.
NAMES = frozenset((*SUMS, *PARTIAL))
BEGINNINGS = tuple(f"{word} " for word in PARTIAL)
#: A text that names a sum with what it is of, before or after it.
SUBTOTAL = re.compile(
    r"(?:{0})\b.*|.*\b(?:{0}|\w*summe)\W*".format("|".join(map(re.escape, NAMES))), re.IGNORECASE
)


def rows_alone(
    texts: pd.DataFrame, dialect: CsvDialect
) -> tuple[pd.DataFrame, CsvDialect, tuple[str, ...]]:
    """The rows alone, how the file is written, and what is doubted of it.

    A word by which the last lines begin stands in the contract only if no other row does.

    Args:
        texts: All lines below the header.
        dialect: How the file is written, with what was recognised as no row.
    """
    sums = _find_sums(texts)
    people = texts.drop(index=sums.index)
    people = people.drop(index=_last_lines(people, dialect))
    shared = tuple(word for word in dialect.footer if _is_shared(people, word))
    footer = tuple(word for word in dialect.footer if word not in shared)
    known = find_no_rows(texts, dialect.model_copy(update={"footer": footer}))
    footer = (*dict.fromkeys(sums.drop(known, errors="ignore")), *footer)
    dialect = dialect.model_copy(update={"footer": footer})
    out = find_no_rows(texts, dialect)
    remarks = tuple(
        f"One of the last lines begins with '{word}', as other rows do: delete it, if it is not a "
        f"person's row."
        for word in shared
    )
    return texts.drop(index=out), dialect, (*_said(footer), *remarks)


def _said(footer: Sequence[str]) -> Iterator[str]:
    if footer:
        shown = ", ".join(f"'{text}'" for text in footer)
        yield f"Lines that begin with {shown} are not people's rows: left out (csv.footer)."


def _find_sums(texts: pd.DataFrame) -> "pd.Series[str]":
    """First cells of the rows, wherever they stand, that sum up others: most are empty beside."""
    firsts = first_texts(texts)
    said = {text for text in firsts.unique().tolist() if _sums_up(text)}
    found = firsts[firsts.isin(said)]
    rows = texts.loc[found.index]
    empty = (rows.isna() | (rows == "")).sum(axis="columns")
    return found[(empty > 0) & (2 * empty >= len(texts.columns) - 1)]


def subtotals_remark(texts: pd.DataFrame, lines: "pd.Series[int]") -> Iterator[str]:
    """Ask about rows that seem to sum up others, such as `Sales Total`, and are empty beside.

    Args:
        texts: The rows of the table.
        lines: The line of the file on which each row starts, indexed like the table.
    """
    filled = (texts.notna() & (texts != "")).sum(axis="columns")
    sparse = texts[2 * filled <= min(filled.median(), len(texts.columns) - 1)]
    names = [any(SUBTOTAL.fullmatch(tidy(str(cell))) for cell in row) for row in sparse.to_numpy()]
    found = lines[sparse.index[np.array(names, dtype=bool)]]
    if found.empty:
        return
    shown = ", ".join(map(str, found.iloc[:MAX_LINES]))
    more = " and others" if len(found) > MAX_LINES else ""
    rows, which = ("row seems", "line") if len(found) == 1 else ("rows seem", "lines")
    yield (
        f"{len(found):,} {rows} to sum up others ({which} {shown}{more}), as 'Sales Total' does: "
        f"most other cells are empty there. Remove what is no person's row."
    )


def _sums_up(text: str) -> bool:
    plain = text.casefold().strip(": ")
    return plain in NAMES or plain.startswith(BEGINNINGS)


def _last_lines(texts: pd.DataFrame, dialect: CsvDialect) -> pd.Index:
    """Labels of the lines below the last row."""
    is_filled = (texts.notna() & (texts != "")).any(axis="columns")
    is_row = is_filled & ~texts.index.isin(find_no_rows(texts, dialect))
    return texts.index[~is_row[::-1].cummax()[::-1]]


def _is_shared(rows: pd.DataFrame, word: str) -> bool:
    """Whether rows above the last lines begin with a word, too."""
    return len(find_no_rows(rows, CsvDialect(footer=(word,)))) > 0


def check_sum(target: Facts) -> None:
    """Check that the last value of a target is not the sum of the others.

    Raises:
        ContractError: If it is; names the line.
    """
    numbers = pd.Series(target.numbers, index=target.counts.index)
    cells = target.values.map(numbers).dropna()
    if ends_in_sum(cells):
        line = int(target.lines[cells.index[-1]])
        raise ContractError(
            f"line {line} holds the sum of '{target.header}' in the lines above it, and is no "
            f"person's: delete it"
        )
