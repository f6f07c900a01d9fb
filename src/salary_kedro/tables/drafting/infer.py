"""Drafts a contract from a table, for a person to edit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import pandas as pd

from salary_kedro.contract.model import ContractError, CsvDialect, TableRules
from salary_kedro.tables.described import Described
from salary_kedro.tables.drafting.draft import Draft, TargetDraft
from salary_kedro.tables.drafting.facts import Facts, look
from salary_kedro.tables.drafting.features import propose_all, with_input
from salary_kedro.tables.drafting.groups import groups_remark
from salary_kedro.tables.drafting.no_rows import check_sum, rows_alone, subtotals_remark
from salary_kedro.tables.drafting.pictures import picture_of
from salary_kedro.tables.drafting.repeats import repeats_remark
from salary_kedro.tables.drafting.sniff import find_marks, usual_missing, without_missing
from salary_kedro.tables.drafting.splits import keep_for_split, split_remarks
from salary_kedro.tables.drafting.target import as_target, find_target
from salary_kedro.tables.drafting.units import Units, find_units
from salary_kedro.tables.lines import line_numbers


def draft_contract(
    texts: pd.DataFrame,
    dialect: CsvDialect,
    target: str | None = None,
    described: Mapping[str, Described] = MappingProxyType({}),
) -> Draft:
    """Draft a contract from the rows of a table.

    Args:
        texts: Texts, under the file's headers; an empty text, a missing
            value and what pandas knows as one count as missing.
        dialect: How the file is written, as far as it is known; marks of numbers are looked
            for.
        target: Header of the column to predict; None to find it by its header.
        described: By header, what the file itself says about columns.

    Raises:
        ContractError: If there is no row, no target or nothing to learn from; says what
            to do.
    """
    if texts.empty:
        raise ContractError("the table has a header but no rows: bring at least one row of data")
    lines = line_numbers(texts, texts.index)
    texts, dialect, left_out = rows_alone(texts, dialect)
    subtotals = subtotals_remark(texts, lines)
    dialect = _with_marks(texts, dialect)
    facts = look(texts, dialect, described, lines[texts.index], target)
    position, doubts = find_target(facts, target)
    check_sum(facts[position])
    units = find_units(facts, facts[position])
    if units.filter:
        for header, kept in units.filter.items():
            texts = texts[texts[header].isin(kept)]
        facts = look(texts, dialect, described, lines[texts.index], target)
    draft = _proposed(texts, facts, position, units, dialect)
    read = [column.column for column in draft.contract.columns]
    groups = groups_remark(facts[position].header, facts[position].sizes)
    remarks = (
        *groups,
        *units.doubts,
        *doubts,
        *split_remarks(draft, facts),
        *repeats_remark(texts, read),
        *left_out,
        *subtotals,
        *_about(texts),
    )
    return replace(draft, remarks=remarks).allowing(_lacking(draft.target))


def _proposed(
    texts: pd.DataFrame, facts: Sequence[Facts], position: int, units: Units, dialect: CsvDialect
) -> Draft:
    """What is proposed for each column, and what the rows show of it."""
    features = [
        draft.ignored(why) if (why := units.told.get(draft.column.column)) else draft
        for draft in propose_all(texts, facts, position)
    ]
    rules = TableRules(csv=dialect, filter=units.filter)
    features = keep_for_split(features, facts)
    return _drawn(Draft(with_input(features), as_target(facts[position], units), rules), facts)


def _drawn(draft: Draft, facts: Sequence[Facts]) -> Draft:
    """The draft with what the rows show of each column."""
    known = {fact.header: fact for fact in facts}
    features = tuple(
        replace(feature, picture=picture_of(known[feature.column.column], feature.column))
        for feature in draft.features
    )
    target = draft.target.column
    drawn = replace(draft.target, picture=picture_of(known[target.column], target))
    return replace(draft, features=features, target=drawn)


def _with_marks(texts: pd.DataFrame, dialect: CsvDialect) -> CsvDialect:
    """Find how numbers are marked."""
    known = [without_missing(texts[name].value_counts()).index for name in texts.columns]
    decimal, thousands = find_marks(known, dialect.delimiter)
    return dialect.model_copy(update={"decimal": decimal, "thousands": thousands})


def _about(texts: pd.DataFrame) -> tuple[str, ...]:
    usual = usual_missing(texts)
    if not usual:
        return ()
    shown = ", ".join(usual)
    return (
        f"Cells that contain {shown} are read as missing; table.csv.missing can list other texts.",
    )


def _lacking(target: TargetDraft) -> float:
    """Share of the rows that have no salary, or none that can be read."""
    unread = target.odd_share + target.waiting_share
    return target.missing_share + (1 - target.missing_share) * unread
