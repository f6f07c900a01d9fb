"""Proposes features: of which kind each column is, and what it may be used for."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from salary_kedro.contract.columns import MAX_TEXT, Category, Feature, Number
from salary_kedro.contract.model import ContractError
from salary_kedro.tables.drafting.booleans import as_boolean
from salary_kedro.tables.drafting.categories import (
    MADE_UP,
    as_category,
    as_code,
    learned,
    unlisted,
)
from salary_kedro.tables.drafting.dates import (
    LOOKS_SO,
    as_date,
    day_first,
    looks_like_date,
    mixes_months,
)
from salary_kedro.tables.drafting.draft import Draft, FeatureDraft
from salary_kedro.tables.drafting.facts import Facts
from salary_kedro.tables.drafting.identity import (
    is_identifier,
    is_personal,
    is_weight,
    may_be_weight,
    numbers_the_rows,
)
from salary_kedro.tables.drafting.numbers import as_number, shares_remark
from salary_kedro.tables.drafting.oddities import odd_remark
from salary_kedro.tables.drafting.sensitive import follow, trait_of
from salary_kedro.tables.drafting.splits import KEPT, KEPT_NAMES, NUMBERED, PERSONAL
from salary_kedro.tables.drafting.twins import PAID, Twin, find_twins

#: Whole numbers that stand for groups of people are no more than so many.
MAX_GROUPS = 20
#: Texts are no categories where more than this share of them is unique.
UNIQUE_SHARE = 0.5
#: Whole numbers that have no thousands to group.
SMALL = r"[-+]?\d{1,3}"
#: What a column keeps that turns out to hold texts.
SOFTENED = {"column", "name", "label", "help", "use", "missing_values"}
EMPTY = "It has no value in any row."
LONG = f"Free text: it has texts of more than {MAX_TEXT} characters."
WEIGHT = "It says how many people a row stands for (a weight), and nothing of this one."
MAYBE_WEIGHT = "If it says how many people a row stands for, set its use to weight."
NO_WEIGHT = "It is no usable weight: some rows have none above 0."
OTHER_WEIGHTS = "Several columns are weights: set the use of the one that counts here to weight."
REPEATED = (
    "The same number stands in several rows: unless `use: split` here and data_engineering.split: "
    "{{group: {}}} keep those on one side, the scores are too good."
)
DERIVED = "It says the same as '{}', or is made from it."


def propose_all(texts: pd.DataFrame, facts: Sequence[Facts], position: int) -> list[FeatureDraft]:
    """Propose each column but the target as a feature, and say what it may be used for.

    Args:
        texts: The rows of the table.
        facts: All its columns.
        position: Which of them is the target.
    """
    others = [fact for place, fact in enumerate(facts) if place != position]
    twins = find_twins(texts, facts, position)
    order = day_first(others)
    drafts = [_without_twin(propose(fact, order), twins.get(fact.header)) for fact in others]
    sources = [fact.header for fact in others if trait_of(fact)]
    made = follow(texts.drop(columns=facts[position].header), sources)
    return _one_weight([_audited(draft, made.get(draft.column.column)) for draft in drafts])


def _one_weight(drafts: list[FeatureDraft]) -> list[FeatureDraft]:
    """Use no weight where there are several, of which only a person can choose."""
    if sum(draft.column.use == "weight" for draft in drafts) <= 1:
        return drafts
    return [
        draft.ignored(OTHER_WEIGHTS) if draft.column.use == "weight" else draft for draft in drafts
    ]


def _without_twin(draft: FeatureDraft, twin: Twin | None) -> FeatureDraft:
    """Leave a column out that surely gives the target away, and ask about one that may."""
    if twin is None or draft.column.use in ("ignore", "weight"):
        return draft
    return draft.ignored(twin.why) if twin.certain else draft.remarked(twin.why)


def _audited(draft: FeatureDraft, source: str | None) -> FeatureDraft:
    """Keep a column from the model that is made from a sensitive one."""
    if source is None or draft.column.use != "feature":
        return draft
    return draft.with_use("audit", DERIVED.format(source), *draft.remarks)


def propose(fact: Facts, order: bool | None) -> FeatureDraft:
    """Propose a column as a feature, by itself.

    Args:
        fact: What its rows show.
        order: Whether the table's dates begin with the day, if some tell.
    """
    if weight := _weight(fact):
        return FeatureDraft(weight, fact.missing_share, (WEIGHT,))
    if why := _identifying(fact):
        return FeatureDraft(unlisted(fact), fact.missing_share).with_use("ignore", *why)
    column, own = _describe(fact, order)
    remarks = (*own, *fact.remarks)
    draft = FeatureDraft(column, fact.missing_share, remarks)
    if why_not := _useless(fact, column.kind):
        return draft.ignored(why_not)
    if trait := trait_of(fact):
        return draft.with_use("audit", kept(trait), *remarks)
    return draft.remarked(MAYBE_WEIGHT) if may_be_weight(fact) else draft


def kept(trait: str) -> str:
    """Why a sensitive column is for reports alone."""
    return f"Sensitive ({trait}): kept for reports by group, and never learned from."


def _weight(fact: Facts) -> Number | None:
    """A column of weights above 0, one a row; None if it is something else."""
    if fact.counts.empty or trait_of(fact) or is_personal(fact) or not is_weight(fact):
        return None
    found = as_number(fact)
    if found is None or fact.missing_share or float(fact.sizes.min()) <= 0:
        return None
    kept = found.model_dump(exclude_unset=True, exclude={"kind", "minimum", "maximum"})
    return Number(**{**kept, "use": "weight"}, kind="number", exclusive_minimum=0)


def _identifying(fact: Facts) -> tuple[str, ...]:
    """Why a column is left out that tells or numbers people; empty if it does not."""
    if fact.counts.empty or trait_of(fact):
        return ()
    if is_personal(fact):
        return (PERSONAL,)
    if is_weight(fact):
        return (WEIGHT, NO_WEIGHT)
    if is_identifier(fact):
        repeats = int(fact.counts.max()) > 1
        return (NUMBERED, REPEATED.format(fact.name)) if repeats else (NUMBERED,)
    return ()


def _describe(fact: Facts, order: bool | None) -> tuple[Feature, tuple[str, ...]]:
    """A column by what it holds, and remarks on how it is read."""
    if boolean := as_boolean(fact):
        return boolean
    if code := as_code(fact):
        return code
    if _codes_groups(fact):
        return as_category(fact)
    if dates := as_date(fact, order):
        return dates
    mixed = tuple(mixes_months(fact))
    if not mixed and (number := as_number(fact)):
        odd = fact.odd(fact.are_numbers)
        odd_remarks = (odd_remark(odd),) if odd else ()
        doubts = (*fact.far_off, *_marked(fact), *shares_remark(fact))
        return number, (*doubts, *fact.spelling.remarks, *odd_remarks)
    texts, remarks = as_category(fact)
    looks = (LOOKS_SO,) if looks_like_date(fact) else ()
    return texts, (*mixed, *looks, *remarks)


def _marked(fact: Facts) -> tuple[str, ...]:
    """A remark on `2.902` beside `431`; a comma that groups thousands is nothing to ask about."""
    mark = fact.only_mark(SMALL)
    return (fact.mark_remark(mark),) if mark is not None and mark in f".{fact.decimal}" else ()


def _codes_groups(fact: Facts) -> bool:
    """Whether few whole numbers stand for groups of people, such as races; an age is a number."""
    is_few = 0 < len(fact.counts) <= MAX_GROUPS and fact.is_numeric
    is_whole = is_few and bool((fact.numbers == np.floor(fact.numbers)).all())
    return is_whole and trait_of(fact) not in (None, "age")


def _useless(fact: Facts, kind: str) -> str | None:
    """Why a column is left out; None if it may be learned from."""
    if fact.counts.empty:
        return EMPTY
    reasons = {
        "It has the same value in every row.": len(fact.counts) == 1 and fact.missing_share == 0,
        LONG: int(fact.counts.index.str.len().max()) > MAX_TEXT,
        "It numbers the rows.": kind == "integer" and numbers_the_rows(fact),
        "Nearly every row has a different text.": kind == "category"
        and fact.unique_share > UNIQUE_SHARE,
    }
    return next((why for why, holds in reasons.items() if holds), None)


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
    best = min(usable, key=_unsuited)
    remark = "Used anyway: there is no better column to learn from."
    used = best.with_use("feature", *best.remarks, remark)
    return tuple(used if draft is best else draft for draft in features)


def _may_be_used(draft: FeatureDraft) -> bool:
    unfit = {LONG, EMPTY, PERSONAL, WEIGHT, NUMBERED, KEPT, KEPT_NAMES, PAID}
    return not unfit & set(draft.remarks)


def _unsuited(draft: FeatureDraft) -> tuple[bool, bool]:
    """How little a column is fit to be learned from: age is the least sensitive."""
    return kept("age") not in draft.remarks, draft.column.use != "audit"


def soften(draft: Draft, name: str, rows: int) -> Draft:
    """Take a column that its own rows break for texts; a category, that does not help, is ignored.

    Args:
        draft: The draft that was tried on its table.
        name: Field name of the column.
        rows: Rows of the table.
    """
    changed = [
        _softened(feature, rows) if feature.column.name == name else feature
        for feature in draft.features
    ]
    return replace(draft, features=with_input(changed))


def _softened(feature: FeatureDraft, rows: int) -> FeatureDraft:
    column = feature.column
    if isinstance(column, Category):
        return feature.ignored("Its values cannot be read as categories.")
    if column.use == "weight":
        return feature.ignored(NO_WEIGHT)
    texts = Category(
        **column.model_dump(include=SOFTENED, exclude_unset=True),
        kind="category",
        categories=learned(rows),
        required=False,
        example=MADE_UP,
    )
    remark = f"Looked like a {column.kind}, but not all of its cells are."
    return replace(feature, column=texts, remarks=(remark,))
