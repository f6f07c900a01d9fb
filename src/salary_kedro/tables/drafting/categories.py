"""Proposes categories: a closed list where texts are few and common."""

from salary_kedro.contract.columns import MAX_TEXT, Category, Learned
from salary_kedro.tables.drafting import headers
from salary_kedro.tables.drafting.facts import Facts

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


def as_code(fact: Facts) -> Category | None:
    """A column of codes that are written as whole numbers; None if it holds something else."""
    named = [word for word in headers.words(fact.header) if not word.isdecimal()]
    if not named or named[-1].rstrip("0123456789") not in CODES or not fact.is_numeric:
        return None
    return as_category(fact) if (fact.sizes == fact.sizes.round()).all() else None


def unlisted(fact: Facts) -> Category:
    """A column of texts none of which may be shown."""
    return Category(**fact.feature, kind="category", categories=LEARNED, example=MADE_UP)
