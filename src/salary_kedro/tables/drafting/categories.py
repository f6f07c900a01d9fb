"""Proposes categories: a closed list where texts are few and common."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from salary_kedro.contract.columns import MAX_TEXT, Category, Learned
from salary_kedro.contract.spelling import DASHES, fold, tidy
from salary_kedro.tables.drafting import headers
from salary_kedro.tables.drafting.facts import Facts
from salary_kedro.tables.drafting.identity import names_employers
from salary_kedro.tables.drafting.levels import MAX_LEVELS, in_order

#: Last words of headers under which whole numbers are codes: the sum of two means nothing.
CODES = headers.word_set(
    """
    code codes cod cd id zip zipcode postcode postal plz occ occupation occup ind industry indus
    sector branch state statefip statefips fip fips county countyfips naics isco soc sic noc kldb
    nace onet region reg metro metarea msa cbsa puma division department dept location district
    municipality city country province canton bundesland beruf branche kreis
    """
)
#: A column of at most so many texts, each in so many rows, gets a closed list.
MAX_LISTED, MIN_LISTED_ROWS = 20, 5
#: Rows from which on rare texts are rarer than people's pay needs them; see `learned`.
MANY_ROWS, FEW, MANY = 1_000, 5, 10
#: No person's text is shown as an example.
MADE_UP = "text"
SHOWN_PAIRS = 3
ORDERED = "Listed from the lowest to the highest, and learned by place: see whether they rank so."
EMPLOYERS_OPEN = "Not listed: a new employer is answered too, with a warning, as a rare one is."
FILE_ORDER = "Listed in the order of the file: add ordered: true if they rank so."


def learned(rows: int) -> Learned:
    """How the texts of a column are learned, by the rows of its table.

    In tables of up to 1,000 rows, categories of 5 rows count by themselves, else of 10. Measured
    by cross-validation, with linear regression and forests: where texts tell much (202 job titles
    in 100 to 407 rows of `openintro/blizzard_salary`), 5 instead of 10 lowers the RMSE by 3 to 6 %;
    where they tell little (teams of `openintro/mlb`, states of `openintro/census` and
    `AER/Parade2005`, trades of `Ecdat/Males`), it changes it by -2 to +5 % up to 500 rows, and by
    a thousandth from 1,000 rows on.
    """
    return Learned(min_count=FEW if rows <= MANY_ROWS else MANY)


Found = tuple[Category, tuple[str, ...]]


def as_category(fact: Facts) -> Found:
    """A column of categories, which any column can be, and remarks."""
    counts = fact.counts.groupby(fact.counts.index.map(tidy), sort=False).sum()
    spellings = _spellings(counts)
    if folded := len(spellings) < len(counts):
        counts = counts.groupby(counts.index.map(fold), sort=False).sum()
        counts.index = counts.index.map(spellings)
    column, remarks = _listed(fact, counts)
    remarks = (*remarks, *_signs(list(counts.index)))
    if not folded:
        return column, remarks
    return column.model_copy(update={"fold": True}), (_one(fact, spellings), *remarks)


def _listed(fact: Facts, counts: "pd.Series[Any]") -> Found:
    """The column, with its texts in the order that they or the file tell, if any does."""
    is_short = counts.index.str.len() <= MAX_TEXT
    common = counts[(counts >= MIN_LISTED_ROWS) & is_short]
    levels = fact.described.levels
    keys = {**fact.feature, "kind": "category"}
    keys["example"] = str(common.idxmax()) if len(common) else MADE_UP
    if levels and len(levels) <= MAX_LEVELS and set(counts.index) <= set(levels):
        ranked = levels if fact.described.ordered else in_order(levels, fact.header)
        example = keys["example"] if len(common) else levels[0]
        column = Category(**keys | {"categories": ranked or levels, "example": example})
        return _ordered(column, ORDERED) if ranked else (column, (FILE_ORDER,))
    known = is_short.all() and len(counts) <= MAX_LEVELS
    if known and (ranked := in_order(list(counts.index), fact.header)):
        example = keys["example"] if len(common) else ranked[0]
        return _ordered(Category(**keys | {"categories": ranked, "example": example}), ORDERED)
    listed = 0 < len(counts) <= MAX_LISTED and len(common) == len(counts)
    if names_employers(fact):
        return Category(**keys | {"categories": learned(fact.rows)}), (EMPLOYERS_OPEN,)
    return Category(
        **keys | {"categories": tuple(sorted(counts.index)) if listed else learned(fact.rows)}
    ), ()


def _ordered(column: Category, remark: str) -> Found:
    return column.model_copy(update={"ordered": True}), (remark,)


def _spellings(counts: "pd.Series[Any]") -> dict[str, str]:
    """By folded text, its commonest spelling; every text by itself where some must stay apart."""
    ordered = counts.sort_values(ascending=False, kind="stable").index
    found: dict[str, str] = {}
    for text in ordered:
        known = found.setdefault(fold(text), text)
        if _edges(known) != _edges(text):  # A and A- are two grades
            return dict(zip(ordered, ordered, strict=True))
    return found


def _edges(text: str) -> tuple[bool, bool]:
    """Whether a text begins or ends with a dash."""
    return bool(DASHES.match(text)), bool(DASHES.match(text[-1:]))


def _one(fact: Facts, spellings: Mapping[str, str]) -> str:
    """Names common texts that differ by case, dashes or spaces only."""
    common = fact.counts[fact.counts >= MIN_LISTED_ROWS].index.map(tidy).unique()
    others = [text for text in common if spellings[fold(text)] != text]
    pairs = [f"'{text}' for '{spellings[fold(text)]}'" for text in others[:SHOWN_PAIRS]]
    shown = f": {', '.join(pairs)}" if pairs else ""
    return f"Texts that differ by case, dashes or spaces only are taken for one{shown} (fold)."


def _signs(texts: Sequence[str]) -> Iterator[str]:
    """Asks about `-` and `?` beside words; a scale of signs alone is one."""
    signs = [text for text in texts if not any(map(str.isalnum, text))]
    if signs and len(signs) < len(texts) / 2:
        named = " or ".join(f"'{text}'" for text in sorted(signs)[:SHOWN_PAIRS])
        yield f"If {named} means no value, say so: `missing_values`."


def as_code(fact: Facts) -> Found | None:
    """A column of codes that are written as whole numbers; None if it holds something else."""
    named = [word for word in headers.words(fact.header) if not word.isdecimal()]
    if not named or named[-1].rstrip("0123456789") not in CODES or not fact.is_numeric:
        return None
    return as_category(fact) if (fact.sizes == fact.sizes.round()).all() else None


def unlisted(fact: Facts) -> Category:
    """A column of texts none of which may be shown."""
    return Category(**fact.feature, kind="category", categories=learned(fact.rows), example=MADE_UP)
