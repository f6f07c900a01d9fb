"""Proposes categories: a closed list where texts are few and common."""

from salary_kedro.contract.columns import MAX_TEXT, Category, Learned
from salary_kedro.tables.drafting.facts import Facts

#: A column of at most so many texts, each in so many rows, gets a closed list.
MAX_LISTED, MIN_LISTED_ROWS = 20, 5
LEARNED = Learned(min_count=10)
#: No person's text is shown as an example.
MADE_UP = "text"


def as_category(fact: Facts) -> Category:
    """A column of categories, which any column can be."""
    counts = fact.counts
    is_short = counts.index.str.len() <= MAX_TEXT
    common = counts[(counts >= MIN_LISTED_ROWS) & is_short]
    listed = 0 < len(counts) <= MAX_LISTED and len(common) == len(counts)
    return Category(
        **fact.feature,
        kind="category",
        categories=tuple(sorted(counts.index)) if listed else LEARNED,
        example=str(common.idxmax()) if len(common) else MADE_UP,
    )
