"""Proposes features: of which kind each column is, and what it may be used for."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from salary_kedro.contract.columns import MAX_TEXT, Category, Feature
from salary_kedro.contract.model import ContractError
from salary_kedro.tables.drafting import headers
from salary_kedro.tables.drafting.booleans import as_boolean
from salary_kedro.tables.drafting.categories import LEARNED, MADE_UP, as_category
from salary_kedro.tables.drafting.dates import as_date
from salary_kedro.tables.drafting.draft import Draft, FeatureDraft
from salary_kedro.tables.drafting.facts import Facts
from salary_kedro.tables.drafting.numbers import as_number
from salary_kedro.tables.drafting.oddities import odd_remark

#: Texts are no categories where more than this share of them is unique.
UNIQUE_SHARE = 0.5
IDENTIFIER_SHARE = 0.9
#: Rows from which on whole numbers in a row are taken for numbers of the rows.
MIN_NUMBERED_ROWS = 30
EMPTY = "It has no value in any row."
LONG = f"Free text: it has texts of more than {MAX_TEXT} characters."
KEPT = "Sensitive: kept for reports by group, and never learned from."
AGE = 'Many laws protect age: use "audit" keeps it from the model.'


def propose(fact: Facts) -> FeatureDraft:
    """Propose a column as a feature."""
    column, remarks = _describe(fact)
    draft = FeatureDraft(column, fact.missing_share, remarks)
    if why := _useless(fact, column.kind):
        return draft.ignored(why)
    if headers.is_sensitive(fact.header):
        return draft.with_use("audit", KEPT, *remarks)
    if headers.is_age(fact.header):
        return replace(draft, remarks=(AGE, *remarks))
    return draft


def _describe(fact: Facts) -> tuple[Feature, tuple[str, ...]]:
    """A column by what it holds, and remarks."""
    if boolean := as_boolean(fact):
        return boolean, ()
    if dates := as_date(fact):
        return dates
    if number := as_number(fact):
        odd = fact.odd(fact.are_numbers)
        return number, (*fact.spelling.remarks, *([odd_remark(odd)] if odd else []))
    return as_category(fact), ()


def _useless(fact: Facts, kind: str) -> str | None:
    """Why a column is left out; None if it may be learned from."""
    if fact.counts.empty:
        return EMPTY
    reasons = {
        "It has the same value in every row.": len(fact.counts) == 1 and fact.missing_share == 0,
        LONG: int(fact.counts.index.str.len().max()) > MAX_TEXT,
        "It identifies people.": headers.is_personal(fact.header),
        "It numbers the rows.": kind == "integer" and _numbers_the_rows(fact),
        "Nearly every row has a different text.": kind == "category"
        and fact.unique_share > UNIQUE_SHARE,
    }
    return next((why for why, holds in reasons.items() if holds), None)


def _numbers_the_rows(fact: Facts) -> bool:
    if headers.is_identifier(fact.header):
        return fact.unique_share > IDENTIFIER_SHARE
    consecutive = np.ptp(fact.numbers) == len(fact.numbers) - 1
    return fact.rows >= MIN_NUMBERED_ROWS and fact.unique_share == 1 and bool(consecutive)


def with_input(features: Sequence[FeatureDraft]) -> tuple[FeatureDraft, ...]:
    """Use the least unsuited column where none is left to learn from.

    Raises:
        ContractError: If there is no column beside the target that could be used.
    """
    if any(draft.column.use == "feature" for draft in features):
        return tuple(features)
    usable = [draft for draft in features if _may_be_used(draft)]
    if not usable:
        raise ContractError(
            "the table has no column to predict the target from: bring at least one more, with "
            "values that differ from row to row"
        )
    kept = min(usable, key=lambda draft: draft.column.use != "audit")
    remark = "Used anyway: there is no better column to learn from."
    used = kept.with_use("feature", *kept.remarks, remark)
    return tuple(used if draft is kept else draft for draft in features)


def _may_be_used(draft: FeatureDraft) -> bool:
    return LONG not in draft.remarks and EMPTY not in draft.remarks


def soften(draft: Draft, name: str) -> Draft:
    """Take a column that its own rows break for texts; a category, that does not help, is ignored.

    Args:
        draft: The draft that was tried on its table.
        name: Field name of the column.
    """
    changed = [
        _softened(feature) if feature.column.name == name else feature for feature in draft.features
    ]
    return replace(draft, features=with_input(changed))


def _softened(feature: FeatureDraft) -> FeatureDraft:
    column = feature.column
    if isinstance(column, Category):
        return feature.ignored("Its values cannot be read as categories.")
    texts = Category(
        **column.model_dump(include={"column", "name", "label", "help", "use"}),
        kind="category",
        categories=LEARNED,
        required=False,
        example=MADE_UP,
    )
    remark = f"Looked like a {column.kind}, but not all of its cells are."
    return replace(feature, column=texts, remarks=(remark,))
